"""What is under way, for people: what is waited for, and how far a transfer is. For any thread; it reports nothing.

Whoever waits or moves something says so to `current()`. What becomes of it is `perago.agent.reporter`'s.
"""

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class Wait:
    """A server that does not answer: since when, until when it is asked, and what it said the last time."""

    server: str
    since: datetime
    until: datetime
    error: str


@dataclass(frozen=True)
class Moved:
    """How far a transfer is, from its beginning."""

    objects: int
    bytes: int
    seconds: float
    objects_left: int | None = None
    """None where nobody knows."""
    bytes_left: int | None = None
    cached_objects: int = 0
    """Of the objects, those from the node cache."""
    cached_bytes: int = 0


@dataclass
class _Transfer:
    began: float
    objects: int = 0
    bytes: int = 0
    cached_objects: int = 0
    cached_bytes: int = 0
    expected_objects: int | None = None
    expected_bytes: int | None = None


@dataclass
class Underway:
    """Of one process. There is one transfer at a time."""

    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _waits: dict[object, Wait] = field(default_factory=dict)
    _transfer: _Transfer | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def waits(self, who: object, server: str, error: str, left: float) -> None:
        """`who` goes on to ask the server for `left` seconds."""
        with self._lock:
            now, before = self.now(), self._waits.get(who)
            since, until = (before.since, before.until) if before else (now, now + timedelta(seconds=left))
            self._waits[who] = Wait(server, since, until, error)

    def waits_no_more(self, who: object) -> None:
        """The server has answered, or `who` has given up."""
        if self._waits:
            with self._lock:
                self._waits.pop(who, None)

    def begin_transfer(self, objects: int | None = None) -> None:
        """From here on something is moved: so many objects, if anybody knows."""
        self._transfer = _Transfer(self.clock(), expected_objects=objects)

    def expects(self, objects: int, size: int) -> None:
        """This is all that the transfer has to move."""
        if (transfer := self._transfer) is not None:
            transfer.expected_objects, transfer.expected_bytes = objects, size

    def moved(self, size: int) -> None:
        """So many bytes more have arrived."""
        with self._lock:
            if self._transfer is not None:
                self._transfer.bytes += size

    def from_cache(self, size: int) -> None:
        """An object of so many bytes has come from the node cache."""
        with self._lock:
            if (transfer := self._transfer) is not None:
                transfer.bytes += size
                transfer.cached_objects += 1
                transfer.cached_bytes += size

    def moved_object(self) -> None:
        """One object more is complete."""
        with self._lock:
            if self._transfer is not None:
                self._transfer.objects += 1

    def end_transfer(self) -> None:
        """Nothing is moved any more."""
        self._transfer = None

    def longest_wait(self) -> Wait | None:
        """The wait that ends first, if any: it decides."""
        with self._lock:
            return min(self._waits.values(), key=lambda wait: (wait.until, wait.since), default=None)

    def transfer(self) -> Moved | None:
        """How far the transfer is; None without one."""
        with self._lock:
            if (at := self._transfer) is None:
                return None
            left = None if at.expected_objects is None else max(0, at.expected_objects - at.objects)
            bytes_left = None if at.expected_bytes is None else max(0, at.expected_bytes - at.bytes)
            seconds, cached = self.clock() - at.began, (at.cached_objects, at.cached_bytes)
            return Moved(at.objects, at.bytes, seconds, left, bytes_left, *cached)


_CURRENT: ContextVar[Underway | None] = ContextVar("underway", default=None)


def current() -> Underway:
    """Whoever follows what this task does; without anybody, what is said is forgotten. Threads must be told."""
    return _CURRENT.get() or Underway()


def follow(underway: Underway) -> None:
    """From here on this is current, for this task and those that it starts."""
    _CURRENT.set(underway)
