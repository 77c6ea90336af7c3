"""The few trees and ranges in use, decoded. They never change, so nothing is ever invalidated."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from perago_dev.lakefs.model.tree import Range, Tree

RANGES = 256
"""Ranges kept: some 65,000 entries, about 60 MB at worst."""
TREES = 16

Value = TypeVar("Value")


class Cache:
    """Shared by all connections; thread-safe. Only what was read from the database is in it."""

    def __init__(self) -> None:
        self._ranges: _Recent[Range] = _Recent(RANGES)
        self._trees: _Recent[Tree] = _Recent(TREES)

    def range(self, range_id: str, load: Callable[[], Range]) -> Range:
        """The range, loaded when it is not there."""
        return self._ranges.get(range_id, load)

    def tree(self, metarange: str, load: Callable[[], Tree]) -> Tree:
        """The tree, loaded when it is not there."""
        return self._trees.get(metarange, load)


class _Recent(Generic[Value]):
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._values: OrderedDict[str, Value] = OrderedDict()

    def get(self, key: str, load: Callable[[], Value]) -> Value:
        """The value, loaded outside the lock when it is not there."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = load()
        with self._lock:
            self._values[key] = value
            if len(self._values) > self._limit:
                self._values.popitem(last=False)
        return value
