"""The cache: an entry is whole or not there, and its name follows from what determines it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago_dev.host import cache


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PERAGO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_different_parts_give_different_keys(some: list[str], others: list[str]) -> None:
    """Two lists of parts have the same key exactly when they are the same list."""
    assert (cache.key(*some) == cache.key(*others)) == (some == others)


def test_entry_is_made_once(own_cache: Path) -> None:
    """The second request for an entry makes nothing."""
    made: list[Path] = []
    for _ in range(2):
        folder = cache.entry("kind", "digest", made.append)
    assert len(made) == 1
    assert folder == own_cache / "kind" / "digest"


def test_failed_entry_is_not_there_and_is_made_again(own_cache: Path) -> None:
    """What an interrupted maker left is swept before the next one starts."""

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.entry("kind", "digest", fail)
    assert not (own_cache / "kind" / "digest").exists()
    folder = cache.entry("kind", "digest", lambda folder: (folder / "whole").touch())
    assert [file.name for file in folder.iterdir()] == ["whole"]


@pytest.mark.parametrize("change", ["content", "name", "mode", "new file"])
def test_tree_key_sees_every_change(tmp_path: Path, change: str) -> None:
    """The key of a tree changes with a content, a name, an executable bit or a further file."""
    tree = tmp_path / "tree"
    tree.mkdir()
    file = tree / "a"
    file.write_text("one")
    before = cache.tree_key(tmp_path, [tree])
    match change:
        case "content":
            file.write_text("two")
        case "name":
            file.rename(tree / "b")
        case "mode":
            file.chmod(0o755)
        case _:
            (tree / "c").touch()
    assert cache.tree_key(tmp_path, [tree]) != before


def test_tree_key_leaves_caches_of_tools_out(tmp_path: Path) -> None:
    """Compiled files of Python do not change the key."""
    before = cache.tree_key(tmp_path, [tmp_path])
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").touch()
    assert cache.tree_key(tmp_path, [tmp_path]) == before


def test_tree_key_refuses_what_is_not_there(tmp_path: Path) -> None:
    """A missing source is an error, not an empty tree."""
    with pytest.raises(FileNotFoundError, match="absent"):
        cache.tree_key(tmp_path, [tmp_path / "absent"])


def test_cache_follows_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PERAGO_CACHE, the cache is where XDG puts it."""
    monkeypatch.delenv("PERAGO_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache.root() == Path("/somewhere/perago")
