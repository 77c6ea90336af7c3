"""Whether the times of a file system prove that a file was not written to. Reads the local disk and /proc.

A file whose times are old is unchanged only where every write stamps the file, also one through a memory map. tmpfs
does not stamp a page that was read through the map before it was written, and on a network the times are another
machine's. Where this cannot be proved, the answer is no, and contents are compared.
"""

import mmap
import os
import time
import uuid
from pathlib import Path

from perago.workspace.directory import clock_of

RELIABLE = frozenset({"ext3", "ext4", "xfs", "btrfs"})
"""File systems of the kernel that ask to be told of the first write to each page, and stamp the file then."""

TICKS_TRIED = 50
TICK_SECONDS = 0.001
"""A file system's clock goes on within 10 ms, unless it counts whole seconds, which are not waited for."""


def times_prove(directory: Path) -> bool:
    """Whether every later write to a file in this directory gives it a later ctime, or the same on a coarse clock."""
    kind = file_system_of(directory)
    return kind in RELIABLE or (kind == "overlay" and _stamps_mapped_writes(directory))


def file_system_of(directory: Path) -> str | None:
    """The type of the file system that holds a directory, as the kernel calls it; None where it does not say."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            facts = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
        finally:
            os.close(descriptor)
        return type_of_mount(Path("/proc/self/mountinfo").read_text(errors="replace"), _mount_id(facts))
    except OSError:
        return None


def _mount_id(facts: str) -> str | None:
    fields = dict(line.split(":\t", 1) for line in facts.splitlines() if ":\t" in line)
    return fields.get("mnt_id")


def type_of_mount(mounts: str, mount_id: str | None) -> str | None:
    """The type of one mount in the text of `mountinfo`, whose lines begin with the id and have the type after ` - `."""
    for line in mounts.splitlines():
        place, _, kind = line.partition(" - ")
        if place.split(" ", 1)[0] == mount_id:
            return kind.split(" ", 1)[0] or None
    return None


def _stamps_mapped_writes(directory: Path) -> bool:
    """Try it: an overlay passes writes on to a file system that cannot be seen from here."""
    try:
        descriptor = _nameless_file(directory)
    except OSError:
        return False
    try:
        with mmap.mmap(descriptor, 1) as memory:
            memory.read_byte()
            before = os.fstat(descriptor).st_ctime_ns
            if not _clock_goes_beyond(before, directory):
                return False
            memory[0] = 1
            return os.fstat(descriptor).st_ctime_ns > before
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _nameless_file(directory: Path) -> int:
    """A descriptor of a file of one byte that is not in the directory any more."""
    path = directory / uuid.uuid4().hex
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    path.unlink()
    os.write(descriptor, b"\0")
    return descriptor


def _clock_goes_beyond(stamp: int, directory: Path) -> bool:
    for _ in range(TICKS_TRIED):
        if clock_of(directory) > stamp:
            return True
        time.sleep(TICK_SECONDS)
    return False
