"""What changed between two states of a workspace. Pure: compares facts, reads no file and hashes nothing.

A file is unchanged when its stat is the one recorded with its hash, *and* that stat is older than the file system's
clock when the body started: a later write would have left a later ctime. What is neither provably changed nor provably
unchanged is doubtful and has to be hashed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import filterfalse
from typing import Literal

from perago.attempt import Changes

Kind = Literal["file", "symlink"]


Stat = tuple[int, int, int, int, Kind]
"""What a directory walk sees of one file without opening it: size in bytes, mtime and ctime in ns, inode, kind.

A plain tuple of plain values, which the garbage collector need not look at again: there may be millions.
"""


@dataclass(frozen=True)
class Comparison:
    """What stats alone can decide: certain changes, and the paths whose content has to decide."""

    changes: Changes
    doubtful: tuple[str, ...]

    def without(self, excluded: Callable[[str], bool]) -> "Comparison":
        """The same without the paths that are excluded."""
        changes = self.changes
        added, modified, deleted, doubtful = (
            tuple(filterfalse(excluded, paths))
            for paths in (changes.added, changes.modified, changes.deleted, self.doubtful)
        )
        return Comparison(Changes(added, modified, deleted), doubtful)

    def decided(self, before: Mapping[str, str], after: Mapping[str, str]) -> Changes:
        """The whole answer, from the hashes before and the doubtful paths' hashes after."""
        differing = {path for path in self.doubtful if after[path] != before[path]}
        modified = tuple(sorted(differing.union(self.changes.modified)))
        return Changes(self.changes.added, modified, self.changes.deleted)


def compare(before: Mapping[str, Stat], after: Mapping[str, Stat], started_ns: int) -> Comparison:
    """Sort paths by what their stats prove; `started_ns` is the file system's own clock before the body ran.

    Only equality and order of that one clock count, so a coarse clock makes more paths doubtful, never wrong.
    """
    added: list[str] = []
    modified: list[str] = []
    doubtful: list[str] = []
    for path, stat in after.items():
        recorded = before.get(path)
        if recorded is None:
            added.append(path)
        elif stat != recorded or stat[2] >= started_ns:
            size, _, _, _, kind = recorded
            (doubtful if (size, kind) == (stat[0], stat[4]) else modified).append(path)
    deleted = before.keys() - after.keys() if len(after) - len(added) < len(before) else ()
    return Comparison(Changes(_sorted(added), _sorted(modified), _sorted(deleted)), _sorted(doubtful))


def _sorted(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(paths))
