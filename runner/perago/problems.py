"""What happens to a problem in a declaration: an exception at once, or one line of a list that `perago check` shows.

Knows neither tasks nor models.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from perago.errors import TaskDefinitionError

_PACKAGE = str(Path(__file__).parent)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and the line of the author's code that says it."""

    message: str
    file: str | None = None
    line: int | None = None


_collected: ContextVar[list[Problem] | None] = ContextVar("perago-problems", default=None)


@contextmanager
def collecting() -> Iterator[list[Problem]]:
    """Problems of declarations made in this block are appended to the list that it yields, instead of raised."""
    problems: list[Problem] = []
    token = _collected.set(problems)
    try:
        yield problems
    finally:
        _collected.reset(token)


def refuse(*messages: str) -> None:
    """Raise one TaskDefinitionError of all messages, if any; where problems are collected, note them and go on."""
    problems = _collected.get()
    if problems is not None:
        problems += [Problem(message, *_authors_place()) for message in messages]
    elif messages:
        raise TaskDefinitionError("; ".join(messages))


def refuse_field(owner: object, name: str, rule: str) -> None:
    """Refuse a field of a declaration, with the rule that its value breaks."""
    refuse(f"{type(owner).__name__}.{name} {rule}, not {getattr(owner, name)!r}")


def check_kind(owner: object, name: str, kind: type) -> None:
    """Refuse a field of a declaration unless its value is of a class."""
    if not isinstance(getattr(owner, name), kind):
        refuse_field(owner, name, f"must be a {kind.__name__}")


def _authors_place() -> tuple[str | None, int | None]:
    frame = sys._getframe()
    while frame.f_back is not None and _is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def _is_ours(file: str) -> bool:
    return file.startswith((_PACKAGE, "<"))
