"""Locks on files, between processes and threads; released by the kernel when their holder dies."""

import fcntl
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from perago_dev.host.progress import say
from perago_dev.host.stopping import check

INTERVAL = 0.1
_threads: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)
"""Threads of this process wait for each other silently, because what they wait for has already been announced."""


@contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path`; reports that it waits for `what` if somebody else holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _threads[path], path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another command that is using {what} …")
            _wait_for(file)
        yield


def _wait_for(file: IO[str]) -> None:
    """Take the lock as soon as it is free. Raises Stopped if this run has to end first."""
    while True:
        check()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(INTERVAL)
        else:
            return


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Hold the lock file together with others that share it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Hold the lock file if nobody else holds or shares it; yields whether it is held."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
