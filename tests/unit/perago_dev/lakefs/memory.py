"""Ranges in a dictionary: what the trees need, without a database."""

import hashlib

from perago_dev.lakefs.model.entries import Entry
from perago_dev.lakefs.model.tree import EMPTY, Range, Tree, apply


class MemoryRanges:
    """Counts what is loaded and saved."""

    def __init__(self) -> None:
        self.ranges: dict[str, Range] = {}
        self.loaded: list[str] = []
        self.saved: list[str] = []

    def load(self, range_id: str) -> Range:
        self.loaded.append(range_id)
        return self.ranges[range_id]

    def save(self, new: Range) -> str:
        range_id = new.identity()
        self.ranges[range_id] = new
        self.saved.append(range_id)
        return range_id


def entry(text: str = "", *, content_type: str = "application/octet-stream", mtime: int = 0) -> Entry:
    """An entry whose bytes are the text."""
    data = text.encode()
    md5, sha256 = hashlib.md5(data).hexdigest(), hashlib.sha256(data).hexdigest()
    return Entry(md5, len(data), mtime, content_type, sha256, {})


def tree_of(ranges: MemoryRanges, content: dict[str, str]) -> Tree:
    """A tree of texts by path."""
    return apply(ranges, EMPTY, sorted((path, entry(text)) for path, text in content.items()))
