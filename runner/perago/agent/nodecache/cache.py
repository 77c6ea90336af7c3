"""The node's cache as one agent sees it: look up, keep, evict. For any thread.

The first thing that goes wrong with it is logged, and the agent does without it from then on.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loguru import logger

from perago.agent.nodecache.folder import Folder, Incoming, used_now
from perago.agent.nodecache.room import Bounds, Disk, Oldest, charge
from perago.agent.nodecache.usage import Usage, locked

Stopped = Callable[[], bool]
"""Whether the transfer is being given up, for what takes long."""


def open_cache(root: Path, bounds: Bounds) -> "NodeCache | None":
    """The cache in a folder; None, with a warning, where it cannot be used."""
    try:
        folder = Folder(root)
        return NodeCache(folder, Usage(folder.usage), bounds)
    except OSError as error:
        message = "the node cache cannot be used, so that all objects come from lakeFS: {}; see docs/node-cache.md"
        logger.warning(message, error)
        return None


@dataclass
class Count:
    """Objects, and their bytes together."""

    objects: int = 0
    bytes: int = 0

    def __str__(self) -> str:
        return f"{self.objects} objects ({self.bytes} bytes)"


class NodeCache:
    """Entries by name. Whatever goes wrong, a method returns as if there were nothing and no room."""

    def __init__(
        self, folder: Folder, usage: Usage, bounds: Bounds, disk: Callable[[Folder], Disk] = Folder.disk
    ) -> None:
        self._folder = folder
        self._usage = usage
        self._bounds = bounds
        self._disk = disk
        self._works = True
        self._futile = False
        self._evicting = threading.Lock()
        self._counting = threading.Lock()
        self._hits, self._added, self._evicted = Count(), Count(), Count()

    def close(self) -> None:
        """Say what it was good for; to be called when no thread uses it any more."""
        logger.info("node cache: {} found, {} added, {} evicted", self._hits, self._added, self._evicted)
        self._usage.close()

    def give_up(self, why: Exception) -> None:
        """Do without the cache from here on."""
        if self._works:
            self._works = False
            logger.warning("the node cache fails, so that all further objects come from lakeFS: {}", why)

    def open(self, name: str) -> int | None:
        """A descriptor of the entry, which the caller closes; None where there is none."""
        with self._surviving():
            return self._folder.open(name) if self._works else None
        return None

    def used(self, descriptor: int, size: int) -> None:
        """Note that the entry, of so many bytes, was of use."""
        with self._surviving():
            used_now(descriptor)
            self._count(self._hits, size)

    def discard(self, name: str) -> None:
        """Remove an entry that is not what it should be."""
        with self._surviving():
            self._folder.remove(name)

    def create(self, name: str, size: int, stopped: Stopped) -> Incoming | None:
        """A file for an object of this size, which the caller fills and closes; None where it is not to be kept."""
        if not self._works or not self._bounds.worth_keeping(size):
            return None
        incoming = None
        with self._surviving():
            incoming = self._folder.create(name, size)
        if incoming is None:
            return None
        with self._surviving():
            if self._reserved(charge(size), stopped):
                return incoming
        self.drop(incoming)
        return None

    def keep(self, incoming: Incoming, size: int) -> None:
        """Make what is filled with so many bytes, and verified, the entry of its name."""
        with self._surviving():
            incoming.keep()
            self._count(self._added, size)

    def drop(self, incoming: Incoming) -> None:
        """Close a file that `create` has made; unless it was kept, it goes."""
        with self._surviving():
            incoming.close()

    def _reserved(self, size: int, stopped: Stopped) -> bool:
        return self._usage.reserve(size, self._room) or (
            self._makes_room(size, stopped) and self._usage.reserve(size, self._room)
        )

    def _room(self, used: int) -> int:
        return self._bounds.room(used, self._disk(self._folder))

    def _makes_room(self, size: int, stopped: Stopped) -> bool:
        """Whether an eviction has been carried out; one at a time on a node, and none that is known to be in vain."""
        used = self._usage.read()
        if self._futile or (used is not None and used <= self._bounds.goal(size, self._room(used))):
            return False
        with self._alone() as alone:
            return alone and self._evict(size, stopped)

    def _evict(self, size: int, stopped: Stopped) -> bool:
        before = self._usage.begin_count(self._bounds.limit)
        if before is None:
            return False
        counted, oldest = sum(self._folder.charges()) - size, Oldest()  # its own file is there, and not reserved yet
        for entry in self._folder.entries():
            counted += entry.charge
            oldest.add(entry)
            if stopped():
                return False
        excess = counted - self._bounds.goal(size, self._room(counted))
        freed = self._free(oldest, excess)
        self._usage.end_count(before, counted - freed)
        self._futile = excess > 0 and freed == 0
        return True

    def _free(self, oldest: Oldest, excess: int) -> int:
        freed = 0
        for entry in oldest:
            if freed >= excess:
                break
            if self._folder.last_used(entry.name) == entry.used_ns and self._folder.remove(entry.name):
                freed += entry.charge
                self._count(self._evicted, entry.charge)
        return freed

    def _count(self, count: "Count", size: int) -> None:
        with self._counting:
            count.objects += 1
            count.bytes += size

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether no thread of any agent evicts at the same time."""
        if not self._evicting.acquire(blocking=False):
            yield False
            return
        try:
            descriptor = os.open(self._folder.eviction, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                yield locked(descriptor)
            finally:
                os.close(descriptor)
        finally:
            self._evicting.release()

    @contextmanager
    def _surviving(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.give_up(error)
