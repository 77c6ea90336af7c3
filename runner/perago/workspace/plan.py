"""What changed between two states of a workspace. Pure: compares facts, reads no file and hashes nothing.

A file is unchanged when its stat is the one recorded with its hash, *and* that stat is older than the file system's
clock when the body started: a later write would have left a later ctime. What is neither provably changed nor provably
unchanged is doubtful and has to be hashed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["file", "symlink"]


class Stat(NamedTuple):
    """What a directory walk sees of one file without opening it; times in nanoseconds, size in bytes."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    kind: Kind = "file"


class ManifestEntry(NamedTuple):
    """One path with its stat and the hash of its content (of the target's text, for a symlink)."""

    path: str
    stat: Stat
    digest: str


@dataclass(frozen=True)
class Changes:
    """Workspace-relative posix paths that a body added, modified and deleted; each sorted."""

    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.added or self.modified or self.deleted)

    @property
    def uploads(self) -> tuple[str, ...]:
        """The paths whose content has to travel, sorted."""
        return tuple(sorted((*self.added, *self.modified)))


@dataclass(frozen=True)
class Comparison:
    """What stats alone can tell: certain changes, and the paths whose content has to decide."""

    changes: Changes
    doubtful: tuple[str, ...]

    def decided(self, before: Mapping[str, ManifestEntry], digests: Mapping[str, str]) -> Changes:
        """The whole answer, once every doubtful path has been hashed."""
        differing = {path for path in self.doubtful if digests[path] != before[path].digest}
        modified = tuple(sorted(differing.union(self.changes.modified)))
        return Changes(self.changes.added, modified, self.changes.deleted)


def compare(before: Mapping[str, ManifestEntry], after: Mapping[str, Stat], started_ns: int) -> Comparison:
    """Sort paths by what their stats prove; `started_ns` is the file system's own clock before the body ran.

    Only equality and order of that one clock count, so a coarse clock makes more paths doubtful, never wrong.
    """
    modified: list[str] = []
    doubtful: list[str] = []
    for path, stat in after.items():
        entry = before.get(path)
        if entry is None or (stat == entry.stat and stat.ctime_ns < started_ns):
            continue
        certain = stat.kind != entry.stat.kind or stat.size != entry.stat.size
        (modified if certain else doubtful).append(path)
    added = _only_in(after, before)
    deleted = _only_in(before, after)
    return Comparison(Changes(added, tuple(sorted(modified)), deleted), tuple(sorted(doubtful)))


def _only_in(paths: Iterable[str], others: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(sorted(path for path in paths if path not in others))
