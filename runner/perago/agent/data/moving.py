"""One object from lakeFS into an open file: continued where it broke off, verified, and repeated when it was corrupt.

Everything blocks, for use in threads; `Calls.stop` ends whatever is under way. It knows no listing and no path mapping.
The other direction is `perago.agent.data.sending`.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Final, Protocol, TypeVar

from loguru import logger

from perago.agent.clients.exchange import Body
from perago.agent.clients.http import NoAnswer, Patience, Server
from perago.agent.clients.objects import ObjectStats
from perago.agent.clients.presigned import PartsUpload
from perago.agent.data.streams import Sink, WrongChecksum, content_hash
from perago.agent.data.volume import CorruptObject, write_at
from perago.agent.underway import current

PART_BYTES: Final = 8 << 20
"""A large object travels in parts of this size, as many at a time as there are `PARTS`."""
PARTS: Final = 4
LARGE_BYTES: Final = 4 * PART_BYTES

Answer = TypeVar("Answer")
Item = TypeVar("Item")


class UploadsDirectly(Protocol):
    """Puts bytes straight into lakeFS's block store; see `perago.agent.clients.presigned.PresignedBodies`."""

    def upload_directly(self, branch: str, path: str, size: int, body: Body, md5: bytes) -> ObjectStats | None: ...
    def begin_parts(self, branch: str, path: str, count: int) -> PartsUpload | None: ...
    def put_part(self, branch: str, upload: PartsUpload, number: int, size: int, body: Body, md5: bytes) -> str: ...
    def complete_parts(self, branch: str, upload: PartsUpload, etags: list[str]) -> ObjectStats | None: ...
    def abort_parts(self, branch: str, upload: PartsUpload) -> None: ...


class MovesBodies(Protocol):
    """A connection to one repository, for one thread; see `perago.agent.clients.objects.Bodies`."""

    @property
    def buffer(self) -> memoryview: ...
    @property
    def direct(self) -> UploadsDirectly | None:
        """The way past lakeFS, as long as there is one."""

    def read(self, ref: str, path: str, first: int = 0, last: int | None = None) -> Iterator[memoryview]: ...
    def fetch(self, ref: str, stats: ObjectStats, first: int = 0, last: int | None = None) -> Iterator[memoryview]: ...
    def fetch_together(self, ref: str, objects: Sequence[ObjectStats]) -> Generator[memoryview]: ...
    def upload(self, branch: str, path: str, size: int, body: Body) -> ObjectStats: ...
    def abort(self) -> None: ...
    def close(self) -> None: ...


class Receives(Protocol):
    """Where the bytes of one object come from, for one thread: from lakeFS (`Receiver`), or from nearer by."""

    def receive(self, stats: ObjectStats, descriptor: int, local: str) -> str: ...
    def receive_together(self, objects: Sequence[ObjectStats]) -> Generator[tuple[memoryview, str]]:
        """Small objects with their content hashes, in order, as long as they come as listed.

        The first that does not ends it, and is to be received alone, like those that follow it. Close what is returned.
        """


class Nearer(Protocol):
    """Puts what receives objects from nearer by, for one thread, before what receives them from lakeFS."""

    def __call__(self, lakefs: Receives, bodies: MovesBodies, calls: "Calls") -> Receives: ...


def nothing_nearer(lakefs: Receives, bodies: MovesBodies, calls: "Calls") -> Receives:
    """All objects come from lakeFS."""
    return lakefs


class Calls:
    """Calls of threads that are repeated after NoAnswer, until nothing has been heard for `seconds` or until `stop`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._stopped = threading.Event()
        self._underway = current()  # threads do not inherit it

    def patience(self) -> Patience:
        """For one object: each has the whole time."""
        return Patience(self._seconds, underway=self._underway)

    def repeated(self, call: Callable[[], Answer], patience: Patience) -> Answer:
        """The answer of `call`; raises the last NoAnswer."""
        try:
            while True:
                try:
                    return call()
                except NoAnswer as error:
                    if self._stopped.wait(patience.pause_after(error)):
                        raise
        finally:
            patience.over()

    def heard(self, pieces: Iterable[memoryview], patience: Patience) -> Iterator[memoryview]:
        """The pieces, each a sign of life and a part of the transfer."""
        for piece in pieces:
            patience.heard()
            self._underway.moved(len(piece))
            yield piece

    def moved(self, size: int) -> None:
        """So many bytes more have been transferred."""
        self._underway.moved(size)

    def from_cache(self, size: int) -> None:
        """An object of so many bytes did not have to be fetched."""
        self._underway.from_cache(size)

    @property
    def stopped(self) -> bool:
        """Whether nothing is repeated any more."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Nothing is repeated any more."""
        self._stopped.set()


class Receiver:
    """Fetches objects of one commit in one thread."""

    def __init__(self, bodies: MovesBodies, ref: str, calls: Calls, parts: "Parts") -> None:
        self._bodies = bodies
        self._ref = ref
        self._calls = calls
        self._parts = parts

    def receive(self, stats: ObjectStats, descriptor: int, local: str) -> str:
        """Fill the file and return its content hash; raises CorruptObject, VolumeFull, NoAnswer."""
        sink = Sink(descriptor, local, stats)
        try:
            return self._whole(stats, sink, descriptor, local)
        except CorruptObject as error:
            logger.warning("{!r} is fetched once more: {}", stats.path, error)
            before = error
        sink.restart()
        try:
            return self._whole(stats, sink, descriptor, local)
        except WrongChecksum as error:
            if not same_content(before, error):
                raise
            logger.warning("{!r} has arrived twice alike, so its checksum in lakeFS is not an MD5", stats.path)
            return sink.digest()

    def receive_together(self, objects: Sequence[ObjectStats]) -> Generator[tuple[memoryview, str]]:
        """Without a second try: whatever is unexpected is left to `receive`."""
        with closing(self._bodies.fetch_together(self._ref, objects)) as contents:
            for stats, content in zip(objects, contents, strict=False):
                if (digest := content_hash(stats, content)) is None:
                    return
                self._calls.moved(stats.size)
                yield content, digest

    def _whole(self, stats: ObjectStats, sink: Sink, descriptor: int, local: str) -> str:
        if stats.size >= LARGE_BYTES:
            written = self._parts.written(self._ref, stats, descriptor, local)
            for size in written:
                sink.take_written(size, self._bodies.buffer)
        else:
            patience = self._calls.patience()
            self._calls.repeated(lambda: self._rest(stats, sink, patience), patience)
        return sink.finish()

    def _rest(self, stats: ObjectStats, sink: Sink, patience: Patience) -> None:
        if sink.size == 0 or sink.size < stats.size:
            sink.take(self._calls.heard(self._bodies.fetch(self._ref, stats, sink.size), patience))


def same_content(first: CorruptObject, second: CorruptObject) -> bool:
    """Whether two transfers of an object brought the same bytes, as many as there should be."""
    return isinstance(first, WrongChecksum) and isinstance(second, WrongChecksum) and first.md5 == second.md5


class Parts:
    """Fetches large objects in ranges, several at a time, each written at its place in the file."""

    def __init__(self, crew: "PartCrew", calls: Calls) -> None:
        self._crew = crew
        self._calls = calls

    def written(self, ref: str, stats: ObjectStats, descriptor: int, local: str) -> Iterator[int]:
        """The sizes of the parts, in order, each once it is in the file."""
        file = descriptor, local
        spans = [(first, min(first + PART_BYTES, stats.size)) for first in range(0, stats.size, PART_BYTES)]
        return self._crew.answers(spans, lambda bodies, span: self._fetch(bodies, ref, stats, span, file))

    def _fetch(
        self, bodies: MovesBodies, ref: str, stats: ObjectStats, part: tuple[int, int], file: tuple[int, str]
    ) -> int:
        patience = self._calls.patience()
        at, end = part

        def rest() -> None:
            nonlocal at
            for piece in self._calls.heard(bodies.fetch(ref, stats, at, end - 1), patience):
                if at + len(piece) > end:
                    raise CorruptObject(f"object {stats.path!r}: more bytes than were asked for")
                write_at(file[0], piece, at, file[1])
                at += len(piece)
            if at < end:
                missing = f"{end - at} bytes are missing"
                raise NoAnswer(Server.LAKEFS, f"lakeFS did not answer (read {stats.path!r}): {missing}")

        self._calls.repeated(rest, patience)
        return end - part[0]


class PartCrew:
    """Threads for the parts of large objects, each with a connection; whichever object has parts takes them."""

    def __init__(self, bodies: list[MovesBodies]) -> None:
        self._free: queue.SimpleQueue[MovesBodies] = queue.SimpleQueue()
        for connection in bodies:
            self._free.put(connection)
        self._ahead = 2 * len(bodies)
        self._pool = ThreadPoolExecutor(len(bodies), "perago-parts")

    def answers(self, parts: Iterable[Item], work: Callable[[MovesBodies, Item], Answer]) -> Iterator[Answer]:
        """The answers of `work`, in order; when this ends, however it does, nothing is being done any more."""
        waiting: deque[Future[Answer]] = deque()
        try:
            for part in parts:
                waiting.append(self._pool.submit(self._do, work, part))
                if len(waiting) == self._ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            _settle(waiting)

    def _do(self, work: Callable[[MovesBodies, Item], Answer], part: Item) -> Answer:
        bodies = self._free.get()
        try:
            return work(bodies, part)
        finally:
            self._free.put(bodies)

    def close(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown(cancel_futures=True)


def _settle(parts: Iterable[Future[Answer]]) -> None:
    """Nothing of an object may be read or written any more when its file is closed."""
    for part in parts:
        if not part.cancel():
            part.exception()
