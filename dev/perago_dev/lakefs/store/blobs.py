"""Bytes of objects as files named by their SHA-256. Knows nothing of repositories, SQLite or HTTP.

A blob is complete and on the disk before it gets its name, and gets its name before anyone may refer to it. What a
crash leaves behind is a file in `partial/`, removed at the next start. Blobs are never deleted while serving.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import NamedTuple


class Blob(NamedTuple):
    """Bytes that are safely stored. `digest` is SHA-256, `checksum` MD5, both in hex; `size` in bytes."""

    digest: str
    checksum: str
    size: int


class Blobs:
    """A directory of blobs. All methods block; call them from threads."""

    def __init__(self, root: Path) -> None:
        self._partial = root / "partial"
        self._objects = root / "objects"
        for directory in (self._partial, self._objects):
            directory.mkdir(parents=True, exist_ok=True)
        for leftover in self._partial.iterdir():
            leftover.unlink()
        for shard in range(256):
            (self._objects / f"{shard:02x}").mkdir(exist_ok=True)

    def path(self, digest: str) -> Path:
        """Where a blob's bytes lie."""
        return self._objects / digest[:2] / digest

    def put(self, data: bytes) -> Blob:
        """Stores a small body at once."""
        with self.receive() as receiver:
            receiver.write(data)
            return receiver.finish()

    def receive(self) -> "Receiver":
        """For a body that arrives in pieces."""
        return Receiver(self, self._partial)


class Receiver:
    """Writes one body to the disk and hashes it on the way. Leaves nothing behind unless `finish` was reached."""

    def __init__(self, blobs: Blobs, partial: Path) -> None:
        self._blobs = blobs
        self._fd, self._name = tempfile.mkstemp(dir=partial)
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Appends; `data` may be of any length."""
        self._sha256.update(data)
        self._md5.update(data)
        self._size += len(data)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def finish(self) -> Blob:
        """Makes the bytes durable under their name; the same bytes are kept once."""
        blob = Blob(self._sha256.hexdigest(), self._md5.hexdigest(), self._size)
        target = self._blobs.path(blob.digest)
        if not target.exists():
            os.fdatasync(self._fd)
            Path(self._name).replace(target)
            self._name = ""
            _sync_directory(target.parent)
        return blob

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)
        if self._name:
            Path(self._name).unlink()


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
