"""Mounts below a folder, deepest first."""

from pathlib import Path

from perago_dev.host.mounts import mount_points

TABLE = """\
/dev/vda / ext4 rw 0 0
overlay /cache/graph/overlay ext4 rw 0 0
proc /cache/graph/overlay/root/proc proc rw 0 0
tmpfs /cache/graph\\040two tmpfs rw 0 0
"""


def test_deepest_mount_comes_first() -> None:
    """A mount inside another mount is unmounted before it."""
    found = mount_points(TABLE, Path("/cache/graph"))
    assert found == [Path("/cache/graph/overlay/root/proc"), Path("/cache/graph/overlay")]


def test_names_with_spaces_are_read() -> None:
    """The kernel writes a space as an octal code."""
    assert mount_points(TABLE, Path("/cache/graph two")) == [Path("/cache/graph two")]


def test_nothing_mounted_is_nothing_to_do() -> None:
    """A folder without mounts has none, also when others begin with its name."""
    assert mount_points(TABLE, Path("/cache/gra")) == []
