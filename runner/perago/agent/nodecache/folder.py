"""The cache's folder: an entry appears whole, under its name, or not at all, and goes at any moment.

Agents of several pods work in it at once, and each may die at any call. A file that is being filled lies in `incoming`,
locked by the agent that fills it, with what it counts in its name; one without a lock was left by an agent that died.
"""

import errno
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from perago.agent.nodecache.room import Disk, Entry, charge
from perago.agent.nodecache.usage import locked, write_nothing_used

FORMAT: Final = "1"
"""A folder of another format is left alone; whoever changes the format takes another number."""
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
YOUNG_SECONDS: Final = 60.0
"""A write to the disk for each use would cost more than a more exact order is worth."""
SHARD: Final = 2
"""So many characters of a name are the folder of its entry: none becomes too large to be searched quickly."""


class Folder:
    """The files. All methods raise OSError."""

    def __init__(self, root: Path) -> None:
        """Make it where there is none yet, and remove what agents that died were filling."""
        self._root = root / FORMAT
        self._objects, self._incoming = f"{self._root}/objects", f"{self._root}/incoming"  # text: paths cost more
        if not self._root.is_dir():
            _make(self._root)
        self._remove_left()

    @property
    def usage(self) -> Path:
        """The file for `perago.agent.nodecache.usage.Usage`."""
        return self._root / "usage"

    @property
    def eviction(self) -> Path:
        """The file whose lock makes an agent the one that evicts."""
        return self._root / "eviction"

    def disk(self) -> Disk:
        """The file system, as it is now."""
        facts = os.statvfs(self._root)
        return Disk(facts.f_blocks * facts.f_frsize, facts.f_bavail * facts.f_frsize)

    def open(self, name: str) -> int | None:
        """A descriptor of an entry; None where there is none."""
        try:
            return os.open(self._entry(name), _OPEN)
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> bool:
        """Remove an entry; False where another agent was quicker."""
        with suppress(FileNotFoundError):
            Path(self._entry(name)).unlink()
            return True
        return False

    def create(self, name: str, size: int) -> "Incoming | None":
        """A file to be filled; None while another agent fills it."""
        path = f"{self._incoming}/{name}-{charge(size)}"
        try:
            descriptor = os.open(path, _CREATE, 0o600)
        except FileExistsError:
            return None
        if locked(descriptor) and os.fstat(descriptor).st_nlink:
            return Incoming(descriptor, path, self._entry(name))
        os.close(descriptor)  # another agent took it for left behind, and has removed it
        return None

    def charges(self) -> Iterator[int]:
        """What the files count that are being filled. To be asked before `entries`, to which they move."""
        with os.scandir(self._incoming) as files:
            for file in files:
                amount = file.name.rpartition("-")[2]
                yield int(amount) if amount.isdecimal() else 0

    def entries(self) -> Iterator[Entry]:
        """All entries; those that appear or go in the meantime may be missing."""
        with os.scandir(self._objects) as shards:
            for shard in shards:
                with os.scandir(shard.path) as files:
                    for file in files:
                        with suppress(FileNotFoundError):
                            facts = file.stat(follow_symlinks=False)
                            yield Entry(facts.st_mtime_ns, charge(facts.st_size), shard.name + file.name)

    def last_used(self, name: str) -> int | None:
        """When an entry was last used; None where there is none."""
        with suppress(FileNotFoundError):
            return os.lstat(self._entry(name)).st_mtime_ns
        return None

    def _entry(self, name: str) -> str:
        return f"{self._objects}/{name[:SHARD]}/{name[SHARD:]}"

    def _remove_left(self) -> None:
        with os.scandir(self._incoming) as files:
            for file in files:
                with suppress(FileNotFoundError):
                    _remove_unlocked(Path(file.path))


class Incoming:
    """A file that is being filled."""

    def __init__(self, descriptor: int, path: str, entry: str) -> None:
        self.descriptor = descriptor
        self._path, self._entry = path, entry
        self._kept = False

    def keep(self) -> None:
        """Make it the entry."""
        try:
            Path(self._path).rename(self._entry)
        except FileNotFoundError:
            Path(self._entry).parent.mkdir(mode=0o700, exist_ok=True)
            Path(self._path).rename(self._entry)
        self._kept = True

    def close(self) -> None:
        """Close it; unless it was kept, it goes."""
        try:
            if not self._kept:
                Path(self._path).unlink(missing_ok=True)
        finally:
            os.close(self.descriptor)


def _make(root: Path) -> None:
    """An empty cache, of which the number is known; another agent may make it at the same time."""
    new = root.with_name(f"new-{uuid.uuid4().hex}")
    for folder in (new, new / "objects", new / "incoming"):
        folder.mkdir(mode=0o700)
    write_nothing_used(new / "usage")
    try:
        new.rename(root)
    except OSError as error:
        shutil.rmtree(new)
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise


def used_now(descriptor: int) -> None:
    """Note that an entry was used: its time of change says so, to the minute."""
    if abs(time.time() - os.fstat(descriptor).st_mtime) > YOUNG_SECONDS:
        os.utime(descriptor)


def _remove_unlocked(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if locked(descriptor):
            path.unlink()
    finally:
        os.close(descriptor)
