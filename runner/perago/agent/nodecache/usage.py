"""What the cache's files count together: a number in a file, changed under a lock that ends with its process.

The number is never lower than what the files count. So it is raised before a file is filled and lowered after files
are gone, and an agent that dies in between leaves it too high, until the next eviction counts again.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

TRIES: Final = 10
PAUSE_SECONDS: Final = 0.001
"""The lock is held for a few system calls. Whoever does not get it does without: its holder may have been stopped."""
DIGITS: Final = 20


class Usage:
    """The number, for the threads of one process and for several processes."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._threads = threading.Lock()
        self._patient = True

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def read(self) -> int | None:
        """The number; None where it is not known."""
        text = os.pread(self._descriptor, DIGITS + 1, 0)
        return int(text) if len(text) == DIGITS and text.isdigit() else None

    def reserve(self, charge: int, room: Callable[[int], int]) -> bool:
        """Raise the number, unless it is not known or would exceed `room` of what it is."""
        with self._locked() as locked:
            used = self.read() if locked else None
            if used is None or used + charge > room(used):
                return False
            self._write(used + charge)
            return True

    def begin_count(self, unknown: int) -> int | None:
        """The number before files are counted, which becomes `unknown` where it is not known; None without the lock."""
        with self._locked() as locked:
            if not locked:
                return None
            used = self.read()
            if used is None:
                os.ftruncate(self._descriptor, 0)
                self._write(unknown)
            return unknown if used is None else used

    def end_count(self, before: int, counted: int) -> None:
        """Put `counted` in the place of what the number was `before`; what was reserved since then stays in it."""
        with self._locked() as locked:
            used = self.read() if locked else None
            if used is not None:
                self._write(max(0, used - before + counted))

    def _write(self, used: int) -> None:
        os.pwrite(self._descriptor, _text(used), 0)

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        with self._threads:
            if not self._lock():
                yield False
                return
            try:
                yield True
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _lock(self) -> bool:
        """After a try in vain, the next ones are short, so that an agent that was stopped does not slow the others."""
        for _ in range(TRIES if self._patient else 1):
            self._patient = locked(self._descriptor)
            if self._patient:
                break
            time.sleep(PAUSE_SECONDS)
        return self._patient


def write_nothing_used(path: Path) -> None:
    """A new file, for a cache without any files."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, _text(0))
    finally:
        os.close(descriptor)


def _text(used: int) -> bytes:
    return b"%0*d" % (DIGITS, used)


def locked(descriptor: int) -> bool:
    """Whether this process has got the file's lock now, without waiting for it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
