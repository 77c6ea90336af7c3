"""Bytes between a connection and a file: written, hashed and compared, and a file that changes meanwhile is noticed."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from perago.agent.clients.objects import ObjectStats
from perago.agent.data.streams import Sink, Source, WrongChecksum, verify
from perago.agent.data.volume import CorruptObject
from perago.errors import TaskInputError
from perago.workspace.manifest import hash_file

PIECE = 4


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "f"


@pytest.fixture
def descriptor(file: Path) -> Iterator[int]:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def stats(data: bytes, checksum: str | None = None) -> ObjectStats:
    return ObjectStats("p", len(data), hashlib.md5(data).hexdigest() if checksum is None else checksum)


def pieces(data: bytes) -> list[memoryview]:
    return [memoryview(data)[start : start + PIECE] for start in range(0, len(data), PIECE)]


@pytest.mark.parametrize("checksum", [None, "etag-7"], ids=["MD5", "no MD5"])
@pytest.mark.parametrize("size", [0, 1, PIECE, 3 * PIECE + 1])
def test_the_content_hash_is_what_hashing_the_file_gives(
    file: Path, descriptor: int, size: int, checksum: str | None
) -> None:
    """The MD5 that was verified, or SHA-256 where there is none; later hashes of the file are of the same kind."""
    data = os.urandom(size)
    sink = Sink(descriptor, "f", stats(data, checksum))
    sink.take(pieces(data))
    digest = sink.finish()
    assert digest == (f"md5:{hashlib.md5(data).hexdigest()}" if checksum is None else hashlib.sha256(data).hexdigest())
    assert hash_file(file, digest) == digest


def test_what_others_have_written_in_its_place_is_hashed_as_well(descriptor: int) -> None:
    """In the order of the file."""
    data = os.urandom(10)
    sink = Sink(descriptor, "f", stats(data))
    os.pwrite(descriptor, data, 0)
    sink.take_written(7, memoryview(bytearray(PIECE)))
    sink.take_written(3, memoryview(bytearray(PIECE)))
    assert sink.finish() == f"md5:{hashlib.md5(data).hexdigest()}"


def test_a_transfer_that_begins_again_forgets_what_it_had(file: Path, descriptor: int) -> None:
    """No bytes are left behind."""
    sink = Sink(descriptor, "f", stats(b"new"))
    sink.take([memoryview(b"old")])
    sink.restart()
    assert file.read_bytes() == b""
    sink.take([memoryview(b"new")])
    sink.finish()
    assert file.read_bytes() == b"new"


def test_more_than_the_listing_says_is_not_written(file: Path, descriptor: int) -> None:
    """The volume was planned for the listing."""
    with pytest.raises(CorruptObject, match="larger"):
        Sink(descriptor, "f", stats(b"abc")).take(pieces(b"abcdefgh"))
    assert file.read_bytes() == b""


@pytest.mark.parametrize("size", [0, 1, PIECE, 3 * PIECE + 1])
def test_a_file_is_sent_whole_each_time_and_checked(file: Path, descriptor: int, size: int) -> None:
    """The server's answer must be the same object."""
    data = os.urandom(size)
    file.write_bytes(data)
    source = Source(descriptor, "f")
    for _ in range(2):
        assert b"".join(map(bytes, source.pieces(memoryview(bytearray(PIECE))))) == data
        source.check(stats(data))
    with pytest.raises(CorruptObject):
        source.check(stats(data + b"x"))


def rewrite(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def grow(file: Path) -> None:
    with file.open("ab") as opened:
        opened.write(b"more")


def shrink(file: Path) -> None:
    os.truncate(file, PIECE)


@pytest.mark.parametrize("change", [rewrite, grow, shrink])
def test_a_file_that_changes_while_it_is_sent_is_told(file: Path, descriptor: int, change: object) -> None:
    """Also when its size stays: what was sent would be a mixture that never was in the file."""
    assert callable(change)
    file.write_bytes(os.urandom(3 * PIECE))
    os.utime(file, ns=(0, 0))
    source = Source(descriptor, "f")
    sent = source.pieces(memoryview(bytearray(PIECE)))
    next(sent)
    change(file)
    with pytest.raises(TaskInputError, match="'f' was changed while it was being published"):
        list(sent)


def test_a_different_size_or_checksum_is_corrupt() -> None:
    """The object is named; a wrong checksum says what the bytes have."""
    md5 = hashlib.md5(b"abc").hexdigest()
    with pytest.raises(CorruptObject, match="'p'"):
        verify(ObjectStats("p", 4, md5), 3, md5)
    with pytest.raises(WrongChecksum, match="'p'") as caught:
        verify(stats(b"abc", "0" * 32), 3, md5)
    assert caught.value.md5 == md5


def test_a_checksum_that_is_no_md5_is_not_compared() -> None:
    """Imported objects may carry another server's tag."""
    verify(stats(b"abc", "d41d-7"), 3, "irrelevant")
