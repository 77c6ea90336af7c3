"""Reports every call that an adapter makes to an observer: which one, how long it took, and how it ended."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from perago_operator.ports import PortError

Observe = Callable[[str, str, str, float], None]
"""Service, call, result (`ok` or the error's class name), seconds."""


def unobserved(service: str, call: str, result: str, seconds: float) -> None:
    """The default: observe nothing."""


@contextmanager
def observed(observe: Observe, service: str, call: str) -> Iterator[None]:
    """Surrounds one call."""
    began = time.monotonic()
    result = "ok"
    try:
        yield
    except PortError as error:
        result = type(error).__name__
        raise
    finally:
        observe(service, call, result, time.monotonic() - began)
