"""Reports on standard error what is being done and for how long, also from several threads at once.

It does not know what the steps do.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

HEARTBEAT_SECONDS = 10.0
QUIET_SECONDS = 0.5
"""A step shorter than this is not worth a closing line of its own."""

_started = time.monotonic()
_write_lock = threading.Lock()


def line(elapsed: float, text: str) -> str:
    """One line of progress, which starts with the seconds since the program started."""
    return f"[{elapsed:6.1f}s] {text}\n"


def say(text: str) -> None:
    """Print `text` with the elapsed time in front; lines of several threads never mix."""
    with _write_lock:
        sys.stderr.write(line(time.monotonic() - _started, text))
        sys.stderr.flush()


@contextmanager
def step(what: str, expect: str | None = None) -> Iterator[None]:
    """Announce `what`, repeat it every ten seconds while it lasts, and say how long it took.

    `expect` says how long it is likely to take, e.g. "about 7 minutes".
    """
    begun = time.monotonic()
    say(f"{what} … ({expect})" if expect else f"{what} …")
    over = threading.Event()
    beat = threading.Thread(target=_beat, args=(what, begun, over), daemon=True)
    beat.start()
    try:
        yield
    except BaseException as problem:
        if not isinstance(problem, GeneratorExit):
            say(f"{what}: stopped after {time.monotonic() - begun:.1f} s")
        raise
    finally:
        over.set()
        beat.join()
    if (took := time.monotonic() - begun) >= QUIET_SECONDS:
        say(f"{what}: done in {took:.1f} s")


def _beat(what: str, begun: float, over: threading.Event) -> None:
    while not over.wait(HEARTBEAT_SECONDS):
        say(f"{what}: {time.monotonic() - begun:.0f} s so far")
