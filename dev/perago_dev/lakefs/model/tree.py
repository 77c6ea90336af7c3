"""Immutable trees of a whole repository: a metarange naming content-addressed ranges of about 256 entries each.

A range ends after a path whose checksum says so, wherever that path comes from. So equal contents have equal shapes
and equal ids; a commit writes the ranges it touches and one metarange; a diff reads only ranges that differ.
Pure: ranges are loaded and saved through the `Ranges` protocol. Paths sort by code point, which is UTF-8 byte order.
"""

import hashlib
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from perago_dev.lakefs.model.entries import Change, Entry, same

RANGE_ENTRIES = 256
"""Mean entries in a range: 100,000 objects make 400 ranges and a metarange of some 45 KB."""


@dataclass(frozen=True)
class Range:
    """Entries of neighbouring paths, in order of path."""

    paths: Sequence[str]
    entries: Sequence[Entry]

    def identity(self) -> str:
        """Id by content. Times are not part of it: of two equal ranges the first stored is kept."""
        digest = hashlib.sha256()
        for path, entry in zip(self.paths, self.entries, strict=True):
            digest.update(b"%d:%b" % (len(path), path.encode()))
            digest.update(entry.identity())
        return digest.hexdigest()


class RangeRef(NamedTuple):
    """A range in a metarange: the last path it holds, and its id."""

    last: str
    id: str


class Tree:
    """A metarange: references to ranges in order of path. `id` names the whole content."""

    def __init__(self, refs: Sequence[RangeRef]) -> None:
        self.refs = refs
        self.lasts = [ref.last for ref in refs]

    def identity(self) -> str:
        """Id by content; the empty tree has one too."""
        return hashlib.sha256("".join(ref.id for ref in self.refs).encode()).hexdigest()


class Ranges(Protocol):
    """Where ranges are kept."""

    def load(self, range_id: str) -> Range:
        """A range that was saved."""
        ...

    def save(self, new: Range) -> str:
        """Returns the id to load it by."""
        ...


EMPTY = Tree(())


def lookup(ranges: Ranges, tree: Tree, path: str) -> Entry | None:
    """The entry at a path."""
    index = bisect_left(tree.lasts, path)
    if index == len(tree.refs):
        return None
    found = ranges.load(tree.refs[index].id)
    at = bisect_left(found.paths, path)
    return found.entries[at] if at < len(found.paths) and found.paths[at] == path else None


def entries_from(ranges: Ranges, tree: Tree, start: str) -> Iterator[tuple[str, Entry]]:
    """Every path and entry at or after `start`, in order, ranges loaded as they are reached."""
    for ref in tree.refs[bisect_left(tree.lasts, start) :]:
        found = ranges.load(ref.id)
        first = bisect_left(found.paths, start)
        yield from zip(found.paths[first:], found.entries[first:], strict=True)


def apply(ranges: Ranges, tree: Tree, changes: Sequence[Change]) -> Tree:
    """The tree after `changes` (in order of path, each path once). Cost: the ranges touched, not the repository."""
    builder = _Builder(ranges)
    at = 0
    for index, ref in enumerate(tree.refs):
        is_last = index == len(tree.refs) - 1
        end = len(changes) if is_last else _first_after(changes, at, ref.last)
        if at == end and not builder.open_entries:
            builder.keep(ref)
        else:
            builder.extend(_overlay(ranges.load(ref.id), changes[at:end]))
        at = end
    builder.extend((path, entry) for path, entry in changes[at:] if entry is not None)
    return builder.finish()


def differences(ranges: Ranges, left: Tree, right: Tree) -> Iterator[tuple[str, Entry | None, Entry | None]]:
    """Paths whose entries differ, in order, with both sides. Ranges common to both trees are not even loaded."""
    shared = {ref.id for ref in left.refs} & {ref.id for ref in right.refs}
    olds = dict(_own_entries(ranges, left, shared))
    news = dict(_own_entries(ranges, right, shared))
    for path in sorted(olds.keys() | news.keys()):
        old, new = olds.get(path), news.get(path)
        if not same(old, new):
            yield path, old, new


def _own_entries(ranges: Ranges, tree: Tree, shared: set[str]) -> Iterator[tuple[str, Entry]]:
    for ref in tree.refs:
        if ref.id not in shared:
            found = ranges.load(ref.id)
            yield from zip(found.paths, found.entries, strict=True)


def _first_after(changes: Sequence[Change], at: int, last: str) -> int:
    while at < len(changes) and changes[at][0] <= last:
        at += 1
    return at


def _overlay(old: Range, changes: Sequence[Change]) -> Iterator[tuple[str, Entry]]:
    merged: dict[str, Entry | None] = dict(zip(old.paths, old.entries, strict=True))
    merged.update(changes)
    for path in sorted(merged) if changes else merged:
        entry = merged[path]
        if entry is not None:
            yield path, entry


def _ends_range(path: str) -> bool:
    return zlib.crc32(path.encode()) % RANGE_ENTRIES == 0


class _Builder:
    """Collects ranges in order; `open_entries` wait for the path that closes their range."""

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = ranges
        self._refs: list[RangeRef] = []
        self.open_entries: list[tuple[str, Entry]] = []

    def keep(self, ref: RangeRef) -> None:
        """Takes over an unchanged range."""
        self._refs.append(ref)

    def extend(self, entries: Iterator[tuple[str, Entry]]) -> None:
        """Adds entries, in order after all before."""
        for path, entry in entries:
            self.open_entries.append((path, entry))
            if _ends_range(path):
                self._close()

    def finish(self) -> Tree:
        """The tree of all that was added."""
        if self.open_entries:
            self._close()
        return Tree(self._refs)

    def _close(self) -> None:
        paths, entries = zip(*self.open_entries, strict=True)
        new = Range(paths, entries)
        self._refs.append(RangeRef(paths[-1], self._ranges.save(new)))
        self.open_entries = []
