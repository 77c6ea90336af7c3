"""Our own reactions to signals, which processes that the author's code forks do not inherit.

Such a child reacts as if no handler of ours were there: `multiprocessing` waits for ever for a worker in which its
SIGTERM was lost. Python itself loses a signal that reaches a child right after the fork, because it forgets there what
arrived for the parent's handlers. So these signals are held back while a process is forked, until the child has its own
reactions.
"""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, NamedTuple

Handler = Callable[[int, FrameType | None], Any]


class _Replaced(NamedTuple):
    ours: Handler
    before: Any


_replaced: Final[dict[int, _Replaced]] = {}
_forking: Final = threading.local()


def handle(number: int, handler: Handler) -> None:
    """React by this handler from now on, in this process alone. Only the main thread may ask for it."""
    former = signal.signal(number, handler)
    _replaced[number] = _Replaced(handler, _replaced[number].before if number in _replaced else former)


def release(number: int) -> None:
    """React as before the first `handle` of this signal."""
    signal.signal(number, _replaced.pop(number).before)


def _hold_back() -> None:
    _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _replaced)


def _let_through() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _restore() -> None:
    for number, replaced in list(_replaced.items()):
        if signal.getsignal(number) is replaced.ours:  # the author may have a handler, which children inherit
            release(number)
    _let_through()


os.register_at_fork(before=_hold_back, after_in_parent=_let_through, after_in_child=_restore)
