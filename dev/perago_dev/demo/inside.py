"""Prints as JSON what a process in a task's container can see. It runs there, through `kubectl exec`.

It uses the standard library alone and knows no key and no address: `secrecy` decides whether it saw one.
"""

import json
import os
import sys
from pathlib import Path

LARGEST = 1 << 20
SYSTEM = ("/proc", "/sys")
DEVICES = {"/", "/dev", "/dev/mqueue", "/dev/pts", "/dev/shm", "/dev/termination-log"}
"""Mounts that every container has: the image and what belongs to the kernel."""


def variables(process: Path) -> dict[str, str]:
    """The environment that a process was started with."""
    pairs = (entry.partition("=") for entry in (process / "environ").read_bytes().decode().split("\0") if entry)
    return {name: value for name, _, value in pairs}


def commands() -> list[str]:
    """The command lines of all processes except this one."""
    others = (path for path in Path("/proc").iterdir() if path.name.isdecimal() and int(path.name) != os.getpid())
    return sorted(line for path in others if (line := command(path)) is not None)


def command(process: Path) -> str | None:
    """A process's command line; None when the process has ended meanwhile."""
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None


def mount_points() -> list[str]:
    """Where something is mounted that not every container has."""
    points = {row.split()[4] for row in Path("/proc/self/mountinfo").read_text().splitlines()}
    return sorted(point for point in points - DEVICES if not point.startswith(SYSTEM))


def files(point: str) -> dict[str, str]:
    """Path and content of every regular file at or below a mount point."""
    root = Path(point)
    paths = [root] if root.is_file() else [Path(folder, name) for folder, _, names in os.walk(root) for name in names]
    return {str(path): path.read_bytes()[:LARGEST].decode(errors="replace") for path in paths if path.is_file()}


def main() -> None:
    """Print everything."""
    points = mount_points()
    seen = {
        "variables": variables(Path("/proc/1")),
        "commands": commands(),
        "mounts": points,
        "files": {path: content for point in points for path, content in files(point).items()},
    }
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    main()
