"""One file's bytes on their way: written or read in pieces, counted, and hashed as they pass. Local disk only.

Everything blocks, for use in threads. Reading, writing and hashing a piece let go of the interpreter's lock.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from perago.agent.clients.objects import ObjectStats
from perago.agent.data.volume import CorruptObject, named, write_all
from perago.errors import TaskInputError
from perago.workspace.manifest import MD5, new_digest

if TYPE_CHECKING:
    from hashlib import _Hash

_MD5: Final = re.compile(r"[0-9a-f]{32}")


def may_be_md5(checksum: str) -> bool:
    """Whether a checksum of lakeFS has the form of an MD5; the storage's own ones need not."""
    return _MD5.fullmatch(checksum) is not None


def _empty(checked: bool) -> "_Hash":
    return hashlib.md5(usedforsecurity=False) if checked else new_digest()


def content_hash(stats: ObjectStats, content: memoryview) -> str | None:
    """The content hash of a whole object, as manifests spell it; None unless it is what was listed."""
    checked = may_be_md5(stats.checksum)
    digest = _empty(checked)
    digest.update(content)
    hexdigest = digest.hexdigest()
    if len(content) != stats.size or (checked and hexdigest != stats.checksum):
        return None
    return f"{MD5}{hexdigest}" if checked else hexdigest


class Sink:
    """A file that is being downloaded from its beginning; what broke off can be continued.

    There is one hash: that of the checksum with which the object is verified, where it may be an MD5.
    """

    def __init__(self, descriptor: int, path: str, expected: ObjectStats) -> None:
        self._descriptor = descriptor
        self._path = path
        self._expected = expected
        self._checked = may_be_md5(expected.checksum)
        self._begin()

    def restart(self) -> None:
        """Forget what has arrived."""
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._begin()

    def _begin(self) -> None:
        self._digest = _empty(self._checked)
        self.size = 0

    def take(self, pieces: Iterable[memoryview]) -> None:
        """Write and hash what follows; raises VolumeFull, and CorruptObject when there is too much."""
        for piece in pieces:
            self._count(len(piece))
            write_all(self._descriptor, piece, self._path)
            self._digest.update(piece)

    def take_written(self, size: int, buffer: memoryview) -> None:
        """Hash the next `size` bytes, which others have written at their place."""
        end = self.size + size
        while self.size < end:
            count = os.preadv(self._descriptor, [buffer[: end - self.size]], self.size)
            if count == 0:
                raise TaskInputError(f"{self._path!r} was changed while it was being downloaded")
            self._digest.update(buffer[:count])
            self._count(count)

    def _count(self, size: int) -> None:
        self.size += size
        if self.size > self._expected.size:
            raise CorruptObject(f"object {self._expected.path!r} is larger than the {self._expected.size} bytes listed")

    def digest(self) -> str:
        """The content hash of what has arrived, as manifests spell it."""
        hexdigest = self._digest.hexdigest()
        return f"{MD5}{hexdigest}" if self._checked else hexdigest

    def finish(self) -> str:
        """The content hash; raises CorruptObject when size or checksum are not the listing's."""
        verify(self._expected, self.size, self._digest.hexdigest())
        return self.digest()


class Source:
    """A file that is being uploaded: its bytes with their MD5, and whether it stayed as it was meanwhile."""

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self._path = path
        self._before = os.fstat(descriptor)
        self.size = self._before.st_size
        self._md5 = hashlib.md5(usedforsecurity=False)

    def pieces(self, buffer: memoryview) -> Iterator[memoryview]:
        """The whole file, from its beginning, hashed as it passes; raises TaskInputError when it changes meanwhile."""
        self._md5 = hashlib.md5(usedforsecurity=False)
        for piece in self.span(buffer, 0, self.size):
            self._md5.update(piece)
            yield piece

    def span(self, buffer: memoryview, first: int, end: int) -> Iterator[memoryview]:
        """The bytes from `first` up to `end`; raises TaskInputError when the file changes until they have been read."""
        at = first
        while at < end:
            with named(self._path):
                count = os.preadv(self._descriptor, [buffer[: end - at]], at)
            if count == 0:
                raise self._changed()
            at += count
            if at == end:
                self.require_unchanged()
            yield buffer[:count]
        if first == end:
            self.require_unchanged()

    def md5_of(self, buffer: memoryview, first: int, end: int) -> bytes:
        """The MD5 of these bytes, for a store that wants to know it before they come."""
        digest = hashlib.md5(usedforsecurity=False)
        for piece in self.span(buffer, first, end):
            digest.update(piece)
        return digest.digest()

    def require_unchanged(self) -> None:
        """Raises TaskInputError unless the file is the one that was opened, and nobody has written to it since."""
        if _facts(os.fstat(self._descriptor)) != _facts(self._before):
            raise self._changed()

    def _changed(self) -> TaskInputError:
        return TaskInputError(
            f"{self._path!r} was changed while it was being published: wait for every thread and process that writes "
            "to the workspace before the task's function returns"
        )

    @property
    def md5(self) -> str:
        """The MD5 of what was sent last."""
        return self._md5.hexdigest()

    def check(self, stored: ObjectStats) -> None:
        """Raises CorruptObject when the server stored something other than what was read here."""
        verify(stored, self.size, self.md5)

    def check_size(self, stored: ObjectStats) -> None:
        """The same where the content has been compared part by part."""
        require_size(stored, self.size)


def _facts(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def verify(stats: ObjectStats, size: int, hexdigest: str) -> None:
    """Compare what passed here with what lakeFS says of the object; a checksum that is not an MD5 is not compared."""
    require_size(stats, size)
    if may_be_md5(stats.checksum) and stats.checksum != hexdigest:
        raise WrongChecksum(
            f"object {stats.path!r}: its MD5 is {hexdigest} here and {stats.checksum} in lakeFS", hexdigest
        )


def require_size(stats: ObjectStats, size: int) -> None:
    """Raises CorruptObject unless lakeFS has as many bytes as passed here."""
    if stats.size != size:
        raise CorruptObject(f"object {stats.path!r}: transferred {size} bytes, but lakeFS has {stats.size}")


class WrongChecksum(CorruptObject):
    """The size is right and the checksum is not, which may not be an MD5 at all: an ETag under KMS looks like one."""

    def __init__(self, text: str, md5: str) -> None:
        super().__init__(text)
        self.md5 = md5
