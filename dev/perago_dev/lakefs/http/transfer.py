"""Bodies in and out, in pieces: memory stays flat whatever the size of the object."""

import functools
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import BodyPartReader, web

from perago_dev.lakefs.errors import ApiError
from perago_dev.lakefs.store.blobs import Blob, Receiver
from perago_dev.lakefs.store.store import Store

PIECE = 1024 * 1024
"""Bytes handed to the disk, or taken from it, at once."""
DEFAULT_TYPE = "application/octet-stream"


async def receive(request: web.Request, store: Store) -> tuple[Blob, str]:
    """Stores the body of an upload, raw or multipart field `content`; also gives its content type.

    Raises:
        ApiError: 400 for a form without the field. A body cut short raises what aiohttp raises, and leaves nothing.
    """
    if request.content_type != "multipart/form-data":
        content_type = request.headers.get("Content-Type", DEFAULT_TYPE)
        return await _store_pieces(request.content.iter_any(), store), content_type
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if isinstance(part, BodyPartReader) and part.name == "content":
            content_type = part.headers.get("Content-Type", DEFAULT_TYPE)
            return await _store_pieces(_part_pieces(part), store), content_type
    raise ApiError(400, "multipart upload missing key 'content': http: no such file")


async def _part_pieces(part: BodyPartReader) -> AsyncIterator[bytes]:
    while piece := await part.read_chunk(PIECE // 4):
        yield piece


async def _store_pieces(pieces: AsyncIterator[bytes], store: Store) -> Blob:
    gathered = bytearray()
    async for piece in pieces:
        gathered += piece
        if len(gathered) >= PIECE:
            break
    if len(gathered) < PIECE:
        return await store.in_thread(functools.partial(store.blobs.put, bytes(gathered)))
    receiver = await store.in_thread(store.blobs.receive)
    with receiver:
        await _write_all(gathered, pieces, receiver, store)
        return await store.in_thread(receiver.finish)


async def _write_all(gathered: bytearray, pieces: AsyncIterator[bytes], receiver: Receiver, store: Store) -> None:
    async for piece in pieces:
        if len(gathered) >= PIECE:
            full, gathered = gathered, bytearray()
            await _write(full, receiver, store)
        gathered += piece
    await _write(gathered, receiver, store)


async def _write(data: bytearray, receiver: Receiver, store: Store) -> None:
    await store.in_thread(functools.partial(receiver.write, data))


async def send(
    request: web.Request, store: Store, source: Path, span: range, head: web.StreamResponse
) -> web.StreamResponse:
    """Sends `span` of a file as the body of `head`."""
    head.content_length = len(span)
    await head.prepare(request)
    with await store.in_thread(lambda: source.open("rb")) as file:
        file.seek(span.start)
        left = len(span)
        while left:
            size = min(left, PIECE)
            piece = await store.in_thread(functools.partial(file.read, size))
            if not piece:
                raise OSError(f"{source} is shorter than its entry says")
            await head.write(piece)
            left -= len(piece)
    await head.write_eof()
    return head


def read_span(source: Path, span: range) -> bytes:
    """The bytes of a small span, at once."""
    with source.open("rb", buffering=0) as file:
        file.seek(span.start)
        return file.read(len(span))
