"""How large the cache may be, and what goes first when it is too large. Pure."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

LEAST_CHARGE: Final = 16 * 1024
"""What the smallest entry counts: a file system usually has one inode for so many bytes, and they run out as well."""
BLOCK: Final = 4096
LOW_WATER: Final = 0.9
"""An eviction goes on down to this share, so that the next one is a tenth of the cache away."""
LARGEST_SHARE: Final = 0.5
"""An object that is larger than this share of the cache would evict too much of it, and is not kept."""
MOST_EVICTED: Final = 32_768
"""Entries that go at once; what an eviction holds in memory."""


class Disk(NamedTuple):
    """A file system's size, and what of it is free, in bytes."""

    total: int
    free: int


def charge(size: int) -> int:
    """What an entry of so many bytes counts."""
    return max(LEAST_CHARGE, -(-size // BLOCK) * BLOCK)


@dataclass(frozen=True)
class Bounds:
    """The most that the cache may hold, and the share of the file system that it leaves free, in percent."""

    limit: int
    keep_free: int

    def worth_keeping(self, size: int) -> bool:
        """Whether an object of this size is kept at all."""
        return charge(size) <= self.limit * LARGEST_SHARE

    def room(self, used: int, disk: Disk) -> int:
        """What the cache may hold while it holds `used`: when others fill the disk, it makes way."""
        kept_free = disk.total * self.keep_free // 100
        return max(0, min(self.limit, used + disk.free - kept_free))

    def goal(self, needed: int, room: int) -> int:
        """Down to what an eviction goes on, to make place for `needed`, or for others where that can never fit."""
        low_water = int(room * LOW_WATER)
        return low_water if needed > room else min(low_water, room - needed)


class Entry(NamedTuple):
    """A file of the cache: when it was last used, what it counts, and its name. Entries sort by age."""

    used_ns: int
    charge: int
    name: str


class Oldest:
    """The least recently used of the entries that it is shown."""

    def __init__(self, most: int = MOST_EVICTED) -> None:
        self._most = most
        self._heap: list[tuple[int, Entry]] = []

    def add(self, entry: Entry) -> None:
        """Show an entry; it is forgotten when there are enough older ones."""
        item = (-entry.used_ns, entry)
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, item)
        else:
            heapq.heappushpop(self._heap, item)

    def __iter__(self) -> Iterator[Entry]:
        """From the oldest on."""
        return iter(sorted(entry for _, entry in self._heap))
