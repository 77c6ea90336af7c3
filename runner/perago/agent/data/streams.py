"""One file's bytes on their way: written or read in chunks, counted, and hashed as they pass. Local disk only.

Chunks of large files are hashed in a thread (hashlib lets go of the interpreter's lock), so that the network goes on.
"""

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator
from typing import Final

from perago.agent.clients.lakefs import CHUNK_BYTES, ObjectStats
from perago.agent.data.volume import CorruptObject, write_all
from perago.errors import TaskInputError
from perago.workspace.manifest import new_digest

LARGE_BYTES: Final = 256 * 1024
"""Files up to this size are read at once and hashed in place; larger ones travel in chunks."""
_MD5: Final = re.compile(r"[0-9a-f]{32}")


class Sink:
    """A file that is being downloaded; may be started again after a broken transfer."""

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self._path = path
        self.restart()

    def restart(self) -> None:
        """Forget what has arrived."""
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._md5, self._digest, self._size = hashlib.md5(usedforsecurity=False), new_digest(), 0

    async def feed(self, chunk: bytes, *, large: bool) -> None:
        """Write and hash the next bytes; raises VolumeFull."""
        if large:
            await asyncio.to_thread(self._take, chunk)
        else:
            self._take(chunk)

    def _take(self, chunk: bytes) -> None:
        write_all(self._descriptor, chunk, self._path)
        self._md5.update(chunk)
        self._digest.update(chunk)
        self._size += len(chunk)

    def finish(self, expected: ObjectStats) -> str:
        """The content hash; raises CorruptObject when size or checksum are not the listing's."""
        verify(expected, self._size, self._md5.hexdigest())
        return self._digest.hexdigest()


class Source:
    """A file that is being uploaded: its bytes once, with their MD5."""

    def __init__(self, descriptor: int, size: int, path: str) -> None:
        self._descriptor = descriptor
        self._path = path
        self.size = size
        self.failure: Exception | None = None
        """Why the file could not be read to its end: aiohttp reports that as a connection that broke."""
        self._md5 = hashlib.md5(usedforsecurity=False)

    def body(self) -> bytes | AsyncIterator[bytes]:
        """What to send: the bytes of a small file, a stream of a large one."""
        return self._take(self.size) if self.size <= LARGE_BYTES else self._stream()

    async def _stream(self) -> AsyncIterator[bytes]:
        left = self.size
        while left:
            try:
                chunk = await asyncio.to_thread(self._take, min(CHUNK_BYTES, left))
            except Exception as error:
                self.failure = error
                raise
            left -= len(chunk)
            yield chunk

    def _take(self, count: int) -> bytes:
        chunk = os.read(self._descriptor, count)
        if len(chunk) != count:
            raise TaskInputError(f"{self._path!r} was changed while it was being published")
        self._md5.update(chunk)
        return chunk

    def check(self, stored: ObjectStats) -> None:
        """Raises CorruptObject when the server stored something other than what was read here."""
        verify(stored, self.size, self._md5.hexdigest())


def verify(stats: ObjectStats, size: int, md5: str) -> None:
    """Compare what passed here with what lakeFS says of the object; a checksum that is not an MD5 is not compared."""
    if stats.size != size:
        raise CorruptObject(f"object {stats.path!r}: transferred {size} bytes, but lakeFS has {stats.size}")
    if _MD5.fullmatch(stats.checksum) and stats.checksum != md5:
        raise CorruptObject(f"object {stats.path!r}: its MD5 is {md5} here and {stats.checksum} in lakeFS")
