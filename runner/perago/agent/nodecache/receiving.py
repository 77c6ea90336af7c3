"""One object from the node's cache where that has it, else from lakeFS and into the cache. For one thread.

Only an object is kept whose bytes cannot be mistaken: its checksum is an MD5, and they have it. The task owns the
workspace and might change a file at any time, so an object is filled and verified in the cache and copied from there;
a link would let the task write into the cache.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from loguru import logger

from perago.agent.clients.objects import ObjectStats
from perago.agent.data.moving import Calls, MovesBodies, Receives
from perago.agent.data.streams import may_be_md5, verify
from perago.agent.data.volume import CorruptObject, UnreadableFile, VolumeFull, write_all
from perago.agent.nodecache.cache import NodeCache
from perago.agent.nodecache.folder import Incoming
from perago.errors import TaskInputError
from perago.wire.secrets import LakeFSKeys
from perago.workspace.manifest import MD5

CLONED_BYTES: Final = 1 << 20
"""From this size on, a file system that can let two files share their blocks is asked to."""
FICLONE: Final = 0x40049409
DISK_FAILURES: Final = (VolumeFull, UnreadableFile, TaskInputError, CorruptObject, OSError)
"""What the cache's disk may be the reason of. The names are those of failures in the workspace."""


class Stopped(Exception):
    """The transfer is being given up, for a reason that is known elsewhere."""


@dataclass(frozen=True)
class Nearby:
    """The cache for the objects of one repository."""

    cache: NodeCache
    repository: str
    keys: Callable[[], LakeFSKeys]

    def __call__(self, lakefs: Receives, bodies: MovesBodies, calls: Calls) -> Receives:
        """What receives objects from the cache, or else by `lakefs`."""
        return CachedReceiver(self, lakefs, bodies, calls)

    def name(self, stats: ObjectStats) -> str:
        """The name of the entry for this object; see `entry_name`."""
        return entry_name(self.keys(), self.repository, stats)


def entry_name(keys: LakeFSKeys, repository: str, stats: ObjectStats) -> str:
    """The name of the entry for an object that was listed with these keys.

    Whoever can write to a repository can make it list any checksum, and keys that may list an object need not be
    allowed to read it. So an entry serves only the keys that it was read with, and only its own place in the storage.
    """
    what = (keys.endpoint, keys.access_key, repository, stats.place, stats.checksum, str(stats.size))
    return hashlib.sha256("\0".join(what).encode(errors="surrogatepass")).hexdigest()


class CachedReceiver:
    """Receives objects of one commit in one thread; see `perago.agent.data.moving.Receiver`."""

    def __init__(self, nearby: Nearby, lakefs: Receives, bodies: MovesBodies, calls: Calls) -> None:
        self._nearby = nearby
        self._cache = nearby.cache
        self._lakefs = lakefs
        self._bodies = bodies
        self._calls = calls

    def receive(self, stats: ObjectStats, descriptor: int, local: str) -> str:
        """Fill the file and return its content hash; raises as `lakefs.receive` does."""
        if not (stats.place and may_be_md5(stats.checksum)):
            return self._lakefs.receive(stats, descriptor, local)
        name = self._nearby.name(stats)
        if self._fill_from_cache(name, stats, descriptor, local):
            self._calls.from_cache(stats.size)
            return f"{MD5}{stats.checksum}"
        incoming = self._cache.create(name, stats.size, lambda: self._calls.stopped)
        if incoming is None:
            return self._lakefs.receive(stats, descriptor, local)
        try:
            return self._through(incoming, stats, descriptor, local)
        finally:
            self._cache.drop(incoming)

    def receive_together(self, objects: Sequence[ObjectStats]) -> Generator[tuple[memoryview, str]]:
        """None: each is looked for in the cache."""
        yield from ()

    def _fill_from_cache(self, name: str, stats: ObjectStats, descriptor: int, local: str) -> bool:
        """Fill the file from the cache; whether that worked. What is there and is not the object is removed."""
        source = self._cache.open(name)
        if source is None:
            return False
        try:
            self._copy_verified(source, stats, descriptor, local)
            self._cache.used(source, stats.size)
        except CorruptObject as error:
            logger.warning("an entry of the node cache is damaged and is removed: {}", error)
            self._cache.discard(name)
            _empty(descriptor)
            return False
        finally:
            os.close(source)
        return True

    def _through(self, incoming: Incoming, stats: ObjectStats, descriptor: int, local: str) -> str:
        """From lakeFS into the cache, and from there to where it belongs."""
        try:
            digest = self._lakefs.receive(stats, incoming.descriptor, local)
        except DISK_FAILURES as error:
            self._cache.give_up(error)
            return self._lakefs.receive(stats, descriptor, local)
        if digest == f"{MD5}{stats.checksum}":
            self._cache.keep(incoming, stats.size)
        try:
            for piece in self._pieces(incoming.descriptor, stats.size):
                write_all(descriptor, piece, local)
        except CorruptObject as error:
            self._cache.give_up(error)
            _empty(descriptor)
            return self._lakefs.receive(stats, descriptor, local)
        return digest

    def _copy_verified(self, source: int, stats: ObjectStats, descriptor: int, local: str) -> None:
        digest, size = hashlib.md5(usedforsecurity=False), os.fstat(source).st_size
        cloned = size >= CLONED_BYTES and _cloned(source, descriptor)
        for piece in self._pieces(source, size):
            digest.update(piece)
            if not cloned:
                write_all(descriptor, piece, local)
        verify(stats, size, digest.hexdigest())

    def _pieces(self, source: int, size: int) -> Iterator[memoryview]:
        """So many bytes of a file of the cache; raises CorruptObject where they cannot be read, and Stopped."""
        buffer, at = self._bodies.buffer, 0
        while at < size:
            if self._calls.stopped:
                raise Stopped
            count = _read(source, buffer, at)
            yield buffer[:count]
            at += count


def _empty(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)


def _read(source: int, buffer: memoryview, at: int) -> int:
    try:
        if count := os.preadv(source, [buffer], at):
            return count
    except OSError as error:
        raise CorruptObject(f"it cannot be read: {error}") from error
    raise CorruptObject("it is shorter than it was")


def _cloned(source: int, descriptor: int) -> bool:
    """Whether the new file has the blocks of the old one, until one of the two is written to."""
    try:
        fcntl.ioctl(descriptor, FICLONE, source)
    except OSError:  # another file system, or one that cannot
        return False
    return True
