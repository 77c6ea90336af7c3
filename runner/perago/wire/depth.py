"""How deep JSON may be nested: one bound for inputs, outputs, and whatever else is free-form. PURE.

Servers take more levels than programs can read: the API server 10,000, Conductor 1,000, but Python's parser only as
many as its stack has room for, and pydantic 255.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

MOST_LEVELS: Final = 100
"""Levels of lists and objects in an input or an output, which themselves are the first one."""
READ_LEVELS: Final = MOST_LEVELS + 28
"""Levels that are read of a server's answer, which has some of its own around an input or an output."""

_MARK = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)


def too_deep(what: str) -> str:
    """The sentence for whoever said something that is nested too deep."""
    return f"{what} has more than {MOST_LEVELS} levels of lists and objects. Make it flatter"


def is_too_deep(value: object, most: int = MOST_LEVELS) -> bool:
    """Whether a JSON value has more levels of lists and objects than `most`."""
    level = [value]
    for _ in range(most):
        level = [child for parent in level for child in _children(parent) if isinstance(child, list | dict)]
    return bool(level)


def read_json(data: bytes) -> Any:
    """The JSON value, with null in the place of what is nested deeper than can be read. Raises ValueError for no JSON.

    What is cut is still too deep for `is_too_deep`.
    """
    try:
        return json.loads(data)
    except RecursionError:
        return json.loads(shallow(data))


def shallow(data: bytes, most: int = READ_LEVELS) -> bytes:
    """The JSON text with null in the place of every list and object below its first `most` levels."""
    kept, copied, level = bytearray(), 0, 0
    for mark in _MARK.finditer(data):
        if mark[0] in (b"[", b"{"):
            level += 1
            if level == most + 1:
                kept += data[copied : mark.start()] + b"null"
        elif mark[0] in (b"]", b"}"):
            if level == most + 1:
                copied = mark.end()
            level -= 1
    return bytes(kept) + data[copied:]


def _children(parent: object) -> Iterable[object]:
    if isinstance(parent, dict):
        return parent.values()
    return parent if isinstance(parent, list) else ()
