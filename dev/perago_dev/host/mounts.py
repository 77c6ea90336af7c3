"""Finds and removes mounts below a folder, which killed programs and container storage leave behind."""

import subprocess
from pathlib import Path

_OCTAL = (("\\040", " "), ("\\011", "\t"), ("\\134", "\\"))


def mount_points(table: str, below: Path) -> list[Path]:
    """The mount points at or below a folder in a `/proc/mounts` table, deepest first."""
    points = []
    for row in table.splitlines():
        name = row.split(" ")[1]
        for code, char in _OCTAL:
            name = name.replace(code, char)
        if Path(name).is_relative_to(below):
            points.append(Path(name))
    return sorted(points, key=lambda point: len(point.parts), reverse=True)


def unmount_below(folder: Path) -> None:
    """Unmount everything at or below `folder`. Raises CalledProcessError if something there is in use."""
    table = Path("/proc/mounts")
    if table.exists():
        for point in mount_points(table.read_text(), folder.resolve()):
            subprocess.run(["umount", str(point)], check=True, capture_output=True)
