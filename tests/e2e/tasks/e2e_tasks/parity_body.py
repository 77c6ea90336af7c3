"""The bodies of `e2e_tasks.parity` by name."""

from collections.abc import Callable
from pathlib import Path

from pydantic import JsonValue

Body = Callable[[Path], JsonValue]
BODIES: dict[str, Body] = {}


def body(function: Body) -> Body:
    """Make a function one of the bodies."""
    BODIES[function.__name__] = function
    return function
