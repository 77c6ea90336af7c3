"""The process around a command: where output and signals of the author's code go. No other module deals with either."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from perago import signals

STOPPING = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """A signal has ended the command."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


@contextmanager
def prints_to_stderr() -> Iterator[None]:
    """In this block, what the author's code and its child processes print goes to standard error.

    Standard output carries only the command's answer, so that it can be piped.
    """
    stdout, stderr, kept = sys.stdout, sys.stderr, os.dup(1)
    stdout.flush()
    sys.stdout = stderr
    os.dup2(2, 1)
    try:
        yield
    finally:
        with suppress(OSError, ValueError):  # the author's code may have closed it
            stderr.flush()
        sys.stdout = stdout
        os.dup2(kept, 1)
        os.close(kept)


@contextmanager
def stoppable() -> Iterator[None]:
    """In this block, a signal to stop interrupts the author's code as Ctrl-C does.

    Raises Stopped at the end however that code reacted, because the attempt core takes it for the body's own exception.
    """
    seen: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    handled = _ours_to_handle()
    for number in handled:
        signals.handle(number, interrupt)
    try:
        yield
    except BaseException:
        if seen:
            raise Stopped(seen[0]) from None
        raise
    finally:
        for number in handled:
            signals.release(number)
    if seen:
        raise Stopped(seen[0])


def _ours_to_handle() -> list[signal.Signals]:
    """Signals are the main thread's; one ignored at the start stays so, as a background job of a script expects."""
    if threading.current_thread() is not threading.main_thread():
        return []
    return [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]


def leave_broken_pipe() -> None:
    """Nobody reads standard output any more, so discard the interpreter's last flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
