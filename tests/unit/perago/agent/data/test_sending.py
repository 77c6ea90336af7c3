"""Files that go past lakeFS, whole or in parts: complete, unchanged meanwhile, and nothing left where it fails."""

import hashlib
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from perago.agent.clients.exchange import Body
from perago.agent.clients.objects import ObjectStats
from perago.agent.clients.presigned import PartsUpload
from perago.agent.clients.store import StoreUseless
from perago.agent.data import sending
from perago.agent.data.moving import Calls, PartCrew
from perago.agent.data.sending import Sender, part_spans
from perago.agent.data.volume import CorruptObject
from perago.errors import TaskInputError

PART = 1000
CONTENT = os.urandom(3 * PART + 10)


class Store:
    """A block store that compares MD5s and puts parts together; also a connection to it, and lakeFS beside it."""

    def __init__(self) -> None:
        self.parts: dict[int, bytes] = {}
        self.stored: bytes | None = None
        self.through_lakefs = self.aborted = 0
        self.on_part: Callable[[int], object] = lambda number: None
        self.direct = self

    @property
    def buffer(self) -> memoryview:
        """One for each use: the parts are read by several threads, and real ones have a connection each."""
        return memoryview(bytearray(256))

    def begin_parts(self, branch: str, path: str, count: int) -> PartsUpload:
        return PartsUpload(path, "up1", "s3://bucket/1", ("",) * count)

    def put_part(self, branch: str, upload: PartsUpload, number: int, size: int, body: Body, md5: bytes) -> str:
        self.parts[number] = b"".join(map(bytes, body()))
        assert (len(self.parts[number]), hashlib.md5(self.parts[number]).digest()) == (size, md5)
        self.on_part(number)
        return str(number)

    def complete_parts(self, branch: str, upload: PartsUpload, etags: list[str]) -> ObjectStats:
        self.stored = b"".join(self.parts[int(etag)] for etag in etags)
        return ObjectStats(upload.path, len(self.stored), "x-4")

    def abort_parts(self, branch: str, upload: PartsUpload) -> None:
        self.aborted += 1

    def upload_directly(self, branch: str, path: str, size: int, body: Body, md5: bytes) -> None:
        raise AssertionError("the file is large")

    def upload(self, branch: str, path: str, size: int, body: Body) -> ObjectStats:
        self.through_lakefs += 1
        self.stored = b"".join(map(bytes, body()))
        return ObjectStats(path, size, hashlib.md5(self.stored).hexdigest())

    def read(self, ref: str, path: str, first: int = 0, last: int | None = None) -> Iterator[memoryview]:
        raise AssertionError("nothing is read back")

    def fetch(self, ref: str, stats: ObjectStats, first: int = 0, last: int | None = None) -> Iterator[memoryview]:
        raise AssertionError("nothing is downloaded")

    def fetch_together(self, ref: str, objects: Sequence[ObjectStats]) -> Generator[memoryview]:
        raise AssertionError("nothing is downloaded")

    def abort(self) -> None: ...
    def close(self) -> None: ...


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("PART_BYTES", PART), ("LARGE_BYTES", 2 * PART), ("DIRECT_BYTES", PART)):
        monkeypatch.setattr(sending, name, size)


@contextmanager
def sender(store: Store) -> Iterator[Sender]:
    crew = PartCrew([store, store])
    try:
        yield Sender(store, "main", Calls(0), crew)
    finally:
        crew.close()


def send(store: Store, path: Path) -> int:
    with sender(store) as one, path.open("r+b") as file:
        return one.send(file.fileno(), path.name, path.name)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "f").write_bytes(CONTENT)
    return tmp_path / "f"


def test_a_large_file_arrives_in_parts(path: Path) -> None:
    """Each with its own MD5, put together in their order."""
    store = Store()
    assert send(store, path) == len(CONTENT)
    assert (store.stored, store.through_lakefs, store.aborted) == (CONTENT, 0, 0)


def test_a_file_that_changes_between_its_parts_is_not_published(path: Path) -> None:
    """By name; the parts that are there are given up."""
    store = Store()
    store.on_part = lambda number: os.utime(path, ns=(1, 1)) if number == 3 else None
    with pytest.raises(TaskInputError, match="'f' was changed"):
        send(store, path)
    assert (store.stored, store.aborted) == (None, 1)


def test_parts_that_do_not_add_up_are_corrupt(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their MD5s are right, and there is no other one: the size is what is left to compare."""
    store = Store()
    monkeypatch.setattr(store, "complete_parts", lambda *_: ObjectStats("f", len(CONTENT) - 1, "x-4"))
    with pytest.raises(CorruptObject, match="'f'"):
        send(store, path)


def test_a_file_whose_parts_are_refused_goes_through_lakefs(path: Path) -> None:
    """What is in the store by then is given up."""

    def refuse(number: int) -> None:
        raise StoreUseless("refused", refused=True)

    store = Store()
    store.on_part = refuse
    assert send(store, path) == len(CONTENT)
    assert (store.stored, store.through_lakefs, store.aborted) == (CONTENT, 1, 1)


def test_parts_cover_a_file_and_are_not_more_than_s3_takes() -> None:
    """Longer ones for very large files."""
    assert part_spans(2 * PART + 1) == [(0, PART), (PART, 2 * PART), (2 * PART, 2 * PART + 1)]
    spans = part_spans(sending.MOST_PARTS * PART * 7 + 1)
    assert (len(spans), spans[0][0], spans[-1][1]) == (sending.MOST_PARTS, 0, sending.MOST_PARTS * PART * 7 + 1)
