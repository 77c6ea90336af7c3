"""Change detection: whatever differs in content, kind or target is seen, and nothing is hashed without need."""

import os
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perago.workspace import clock_of, scan
from perago.workspace import manifest as hashing
from perago.workspace.manifest import Manifest
from perago.workspace.plan import Changes
from perago.workspace.snapshot import Snapshot, changes_since, take_snapshot
from tests.unit.perago.kit import manifest_entry

FUTURE = 2**62
"""A clock that every file is older than: only the stats count."""

names = st.sampled_from(["a", "b", ".hidden", "ü\u0301", "new\nline", "dot.", ".perago-attempt.json", "x" * 200])
contents = st.one_of(st.binary(max_size=4), st.sampled_from(["->a", "->/etc/hosts", "->missing"]))
trees = st.dictionaries(st.lists(names, min_size=1, max_size=4).map("/".join), contents, max_size=8)
Tree = dict[str, bytes | str]


def consistent(tree: Tree) -> Tree:
    """Without what cannot exist beside another path, and without the marker's own place."""
    kept = {path: content for path, content in tree.items() if path.split("/")[0] != ".perago-attempt.json"}
    return {path: kept[path] for path in kept if not any(other.startswith(path + "/") for other in kept)}


def write(root: Path, tree: Tree) -> None:
    for path, content in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            (root / path).symlink_to(content.removeprefix("->"))
        else:
            (root / path).write_bytes(content)


def clear(root: Path) -> None:
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()


@given(trees.map(consistent), trees.map(consistent))
@settings(max_examples=150, deadline=None)
def test_a_change_is_seen_exactly_when_content_kind_or_target_differ(before: Tree, after: Tree) -> None:
    """For any two trees, the changes are the paths that only one has and those whose content differs."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        write(root, before)
        snapshot = take_snapshot(root)
        clear(root)
        write(root, after)
        assert changes_since(snapshot, root) == Changes(
            added=tuple(sorted(after.keys() - before.keys())),
            modified=tuple(sorted(path for path in before.keys() & after.keys() if before[path] != after[path])),
            deleted=tuple(sorted(before.keys() - after.keys())),
        )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with two files and a symlink."""
    write(tmp_path, {"a": b"aaaa", "sub/b": b"bbbb", "link": "->a"})
    return tmp_path


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are hashed from here on."""
    seen: list[str] = []
    plain = hashing.hash_file

    def recording(path: Path) -> str:
        seen.append(path.name)
        return plain(path)

    monkeypatch.setattr(hashing, "hash_file", recording)
    return seen


def downloaded(root: Path) -> Manifest:
    return Manifest.of(manifest_entry(root, path) for path in ("a", "sub/b"))


def settle(snapshot: Snapshot) -> Snapshot:
    """The snapshot as if the body had started in a later clock tick than the download ended."""
    return Snapshot(snapshot.manifest, FUTURE)


def test_with_a_manifest_nothing_is_read_before_the_body(root: Path, hashed: list[str]) -> None:
    """The first snapshot is the manifest; a file whose stat is unchanged and settled is not read afterwards either."""
    before = downloaded(root)
    hashed.clear()
    (root / "link").unlink()
    assert changes_since(settle(take_snapshot(root, before)), root) == Changes()
    assert hashed == []


def test_without_a_manifest_every_file_is_read_once(root: Path, hashed: list[str]) -> None:
    """A download that leaves no manifest is served by hashing, once."""
    before = settle(take_snapshot(root))
    assert sorted(hashed) == ["a", "b"]
    assert changes_since(before, root) == Changes()
    assert sorted(hashed) == ["a", "b"]


def test_a_file_rewritten_in_place_with_its_mtime_put_back_is_seen(root: Path, hashed: list[str]) -> None:
    """Same size, same mtime, same inode: the ctime gives it away."""
    before = settle(take_snapshot(root))
    times = (root / "a").stat()
    while (root / "a").stat().st_ctime_ns == times.st_ctime_ns:
        (root / "a").write_bytes(b"AAAA")
    os.utime(root / "a", ns=(times.st_atime_ns, times.st_mtime_ns))
    now = (root / "a").stat()
    assert (now.st_mtime_ns, now.st_size, now.st_ino) == (times.st_mtime_ns, times.st_size, times.st_ino)
    assert changes_since(before, root).modified == ("a",)


def test_a_change_in_the_same_tick_of_a_coarse_clock_is_seen(root: Path) -> None:
    """With stats that cannot differ, a file as young as the body's start is hashed."""
    before = take_snapshot(root)
    with open(root / "a", "r+b") as file:
        file.write(b"AAAA")
    stats = scan(root)
    frozen = Manifest(stats, before.manifest.digests)
    tick = stats["a"][2]
    assert changes_since(Snapshot(frozen, tick), root).modified == ("a",)
    assert changes_since(Snapshot(frozen, tick + 1), root).modified == ()


def test_a_touched_or_rewritten_file_with_its_old_content_is_unchanged(root: Path, hashed: list[str]) -> None:
    """Another stat makes a file doubtful, not changed: its hash decides."""
    before = settle(take_snapshot(root))
    hashed.clear()
    (root / "a").unlink()
    (root / "a").write_bytes(b"aaaa")
    (root / "sub" / "b").chmod(0o600)
    assert changes_since(before, root) == Changes()
    assert sorted(hashed) == ["a", "b"]


def test_another_size_is_a_change_without_hashing(root: Path, hashed: list[str]) -> None:
    """What a stat proves need not be read."""
    before = settle(take_snapshot(root))
    hashed.clear()
    (root / "a").write_bytes(b"longer")
    assert changes_since(before, root) == Changes(modified=("a",))
    assert hashed == []


def test_a_swapped_pair_is_seen(root: Path) -> None:
    """Two files that change places keep their stats and change both paths."""
    before = settle(take_snapshot(root))
    (root / "a").rename(root / "t")
    (root / "sub" / "b").rename(root / "a")
    (root / "t").rename(root / "sub" / "b")
    assert changes_since(before, root) == Changes(modified=("a", "sub/b"))


def test_a_link_that_points_elsewhere_is_a_change_and_is_never_followed(root: Path) -> None:
    """A symlink's content is its target's text, also where the target does not exist or is a folder outside."""
    before = take_snapshot(root)
    (root / "link").unlink()
    (root / "link").symlink_to("/")
    assert changes_since(before, root) == Changes(modified=("link",))


def test_what_is_neither_file_nor_link_does_not_count(root: Path) -> None:
    """Pipes, sockets and empty directories are no content."""
    before = take_snapshot(root)
    os.mkfifo(root / "pipe")
    (root / "empty").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(root / "s"))
        assert changes_since(before, root) == Changes()


def test_the_marker_is_seen_nowhere_but_below_the_root(root: Path) -> None:
    """The marker at the root is no content; a file of its name in a folder is."""
    before = take_snapshot(root)
    (root / ".perago-attempt.json").write_text("{}")
    (root / "sub" / ".perago-attempt.json").write_text("mine")
    assert changes_since(before, root) == Changes(added=("sub/.perago-attempt.json",))


def test_names_that_are_not_utf8_are_content(root: Path) -> None:
    """A name of arbitrary bytes is seen, and survives the manifest's file."""
    before = take_snapshot(root)
    (Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe"))).write_text("x")
    (added,) = changes_since(before, root).added
    assert os.fsencode(added) == b"\xff\xfe"


def test_the_clock_is_the_file_systems_own(root: Path) -> None:
    """A file written after the clock was read is stamped no earlier than it."""
    tick = clock_of(root)
    (root / "later").touch()
    assert (root / "later").stat().st_ctime_ns >= tick
    assert take_snapshot(root).started_ns >= tick
