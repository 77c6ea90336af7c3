"""One open file into an object: whole or in parts, through lakeFS or straight to its block store, and verified.

Everything blocks, for use in threads. It knows no list of changes and no path mapping.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

from loguru import logger

from perago.agent.clients.exchange import Body
from perago.agent.clients.http import NoAnswer, Patience, describe
from perago.agent.clients.lakefs_errors import LakeFSError
from perago.agent.clients.presigned import PartsUpload
from perago.agent.clients.store import StoreUseless
from perago.agent.data.moving import LARGE_BYTES, PART_BYTES, Calls, MovesBodies, PartCrew, UploadsDirectly
from perago.agent.data.streams import Source, WrongChecksum
from perago.agent.data.volume import CorruptObject

DIRECT_BYTES: Final = 1 << 20
"""Smaller files go through lakeFS: straight to the store they need three requests in place of one, and no less CPU time
in all up to 256 KiB (docs/adr/0015)."""
MOST_PARTS: Final = 1000
"""Of one object: its signed URLs are held in memory."""


class Sender:
    """Uploads files to one branch in one thread."""

    def __init__(self, bodies: MovesBodies, branch: str, calls: Calls, crew: PartCrew) -> None:
        self._bodies = bodies
        self._branch = branch
        self._calls = calls
        self._crew = crew

    def send(self, descriptor: int, local: str, path: str) -> int:
        """Upload the file to object `path` and return its size; raises TaskInputError, CorruptObject, NoAnswer."""
        source = Source(descriptor, local)
        if not self._sent_directly(source, path):
            self._send_through_lakefs(source, path)
        return source.size

    def _sent_directly(self, source: Source, path: str) -> bool:
        """Whether there was a way past lakeFS. The store itself compares the MD5 of whatever it is sent.

        Large files take it in parts only: S3 takes 5 GiB in one piece, and a thread cannot be stopped while it hashes.
        """
        direct = self._bodies.direct
        if direct is None or source.size < DIRECT_BYTES:
            return False
        send = self._sent_whole if source.size < LARGE_BYTES else self._sent_in_parts
        return send(direct, source, path)

    def _sent_whole(self, direct: UploadsDirectly, source: Source, path: str) -> bool:
        buffer, size = self._bodies.buffer, source.size
        md5, patience = source.md5_of(buffer, 0, size), self._calls.patience()
        body = _body(self._calls, patience, source, buffer, (0, size))
        call = direct.upload_directly
        return self._calls.repeated(lambda: call(self._branch, path, size, body, md5), patience) is not None

    def _sent_in_parts(self, direct: UploadsDirectly, source: Source, path: str) -> bool:
        spans = part_spans(source.size)
        begin = self._calls.patience()
        upload = self._calls.repeated(lambda: direct.begin_parts(self._branch, path, len(spans)), begin)
        if upload is None:
            return False
        completed = False
        try:
            completed = self._completed(direct, upload, source, spans)
        finally:
            if not completed:
                self._abandon(direct, upload)
        return completed

    def _completed(
        self, direct: UploadsDirectly, upload: PartsUpload, source: Source, spans: list[tuple[int, int]]
    ) -> bool:
        parts = list(enumerate(spans))
        try:
            etags = list(self._crew.answers(parts, lambda bodies, part: self._put_part(bodies, upload, source, *part)))
        except StoreUseless:
            return False
        source.require_unchanged()
        complete = self._calls.patience()
        stored = self._calls.repeated(lambda: direct.complete_parts(self._branch, upload, etags), complete)
        if stored is not None:
            source.check_size(stored)
        return stored is not None

    def _put_part(
        self, bodies: MovesBodies, upload: PartsUpload, source: Source, number: int, span: tuple[int, int]
    ) -> str:
        patience, buffer = self._calls.patience(), bodies.buffer
        if (direct := bodies.direct) is None:
            raise StoreUseless("the block store is not used any more", refused=False)
        md5, body = source.md5_of(buffer, *span), _body(self._calls, patience, source, buffer, span)
        size = span[1] - span[0]
        return self._calls.repeated(lambda: direct.put_part(self._branch, upload, number, size, body, md5), patience)

    def _abandon(self, direct: UploadsDirectly, upload: PartsUpload) -> None:
        try:
            direct.abort_parts(self._branch, upload)
        except (LakeFSError, NoAnswer) as error:
            logger.info("parts of {!r} are left in the block store: {}", upload.path, describe(error))

    def _send_through_lakefs(self, source: Source, path: str) -> None:
        try:
            self._once(source, path)
        except CorruptObject as error:
            logger.warning("{!r} is uploaded once more: {}", path, error)
            self._again(source, path)

    def _again(self, source: Source, path: str) -> None:
        try:
            self._once(source, path)
        except WrongChecksum:
            if self._stored_md5(path) != source.md5:
                raise
            logger.warning("{!r} is stored as it was sent, so its checksum in lakeFS is not an MD5", path)

    def _once(self, source: Source, path: str) -> None:
        patience = self._calls.patience()
        progress = _Progress(self._calls, patience)

        def body() -> Iterator[memoryview]:
            return progress.of(source.pieces(self._bodies.buffer))

        call = self._bodies.upload
        source.check(self._calls.repeated(lambda: call(self._branch, path, source.size, body), patience))

    def _stored_md5(self, path: str) -> str:
        def read() -> str:
            digest = hashlib.md5(usedforsecurity=False)
            for piece in self._bodies.read(self._branch, path):
                digest.update(piece)
            return digest.hexdigest()

        return self._calls.repeated(read, self._calls.patience())


def part_spans(size: int) -> list[tuple[int, int]]:
    """Where the parts of an upload begin and end."""
    length = max(PART_BYTES, -(-size // MOST_PARTS))
    return [(first, min(first + length, size)) for first in range(0, size, length)]


class _Progress:
    """How far a body has got: what always breaks at the same place gives no sign of life."""

    def __init__(self, calls: Calls, patience: Patience) -> None:
        self._calls = calls
        self._patience = patience
        self._furthest = 0

    def of(self, pieces: Iterable[memoryview]) -> Iterator[memoryview]:
        """The pieces, from the beginning of the body on."""
        at = 0
        for piece in pieces:
            yield piece
            at += len(piece)
            if at > self._furthest:
                self._calls.moved(at - self._furthest)
                self._furthest = at
                self._patience.heard()


def _body(calls: Calls, patience: Patience, source: Source, buffer: memoryview, span: tuple[int, int]) -> Body:
    progress = _Progress(calls, patience)
    return lambda: progress.of(source.span(buffer, *span))
