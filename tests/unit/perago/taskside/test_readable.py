"""What a body left private is opened to the group, and nothing else is touched."""

import stat
from pathlib import Path

from perago.taskside.readable import make_group_readable


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_private_files_and_the_folders_above_are_opened(tmp_path: Path) -> None:
    """The group may read the file and pass its folders."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/f").write_text("x")
    for path, bits in (("a/b/f", 0o600), ("a/b", 0o700), ("a", 0o700), (".", 0o700)):
        (tmp_path / path).chmod(bits)
    make_group_readable(tmp_path, ["a/b/f"])
    assert [mode(tmp_path / path) for path in ("a/b/f", "a/b", "a", ".")] == [0o640, 0o750, 0o750, 0o750]


def test_what_did_not_change_stays_private(tmp_path: Path) -> None:
    """Only the changed paths are opened."""
    (tmp_path / "f").write_text("x")
    (tmp_path / "other").write_text("x")
    (tmp_path / "other").chmod(0o600)
    make_group_readable(tmp_path, ["f"])
    assert mode(tmp_path / "other") == 0o600


def test_a_symlink_is_not_followed(tmp_path: Path) -> None:
    """Its target keeps its mode."""
    (tmp_path / "target").write_text("x")
    (tmp_path / "target").chmod(0o600)
    (tmp_path / "link").symlink_to("target")
    make_group_readable(tmp_path, ["link"])
    assert mode(tmp_path / "target") == 0o600
