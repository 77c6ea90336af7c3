"""The bodies of `e2e_tasks.parity` by name, and which of them need an attempt of their own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

Function = Callable[[Path], JsonValue]


@dataclass(frozen=True)
class Body:
    """What one author wrote: `function` works in a workspace and returns facts."""

    function: Function
    group: str
    """Bodies of one group share an attempt, in this order; empty where a body has an attempt of its own."""
    status: str = "COMPLETED"
    """How it has to end, so that a body that cannot even begin on either side is no parity."""


BODIES: dict[str, Body] = {}


def body(function: Function) -> Function:
    """A body that touches nothing but its workspace and ends well."""
    return _register(function, Body(function, "workspace"))


def changes_process(function: Function) -> Function:
    """A body that leaves its process other than it was: those share an attempt, which has to end well after all."""
    return _register(function, Body(function, "process"))


def alone(status: str) -> Callable[[Function], Function]:
    """A body that needs a whole attempt, because it fails, is refused, or uses the workspace's own folder."""
    return lambda function: _register(function, Body(function, "", status))


def _register(function: Function, made: Body) -> Function:
    BODIES[function.__name__] = made
    return function
