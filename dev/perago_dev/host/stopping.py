"""Whether the steps of this process have to stop, because one of them failed or the user interrupted them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from perago_dev.errors import Stopped

_reasons = 0
_guard = threading.Lock()


@contextmanager
def stopping() -> Iterator[None]:
    """While the block lasts, `check` raises in every thread."""
    global _reasons
    with _guard:
        _reasons += 1
    try:
        yield
    finally:
        with _guard:
            _reasons -= 1


def check() -> None:
    """Call this before anything that takes long. Raises Stopped."""
    if _reasons:
        raise Stopped("stopped because another step failed")
