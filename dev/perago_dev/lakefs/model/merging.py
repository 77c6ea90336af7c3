"""Three-way comparison of trees, as merge and diff use it. Pure; cost follows what changed, not the repository."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from perago_dev.lakefs.model.entries import Change, Entry, same
from perago_dev.lakefs.model.tree import Ranges, Tree, differences, lookup

Kind = Literal["added", "changed", "removed", "conflict"]
Strategy = Literal["default", "source-wins", "dest-wins"]


class Difference(NamedTuple):
    """One path of a diff; `size` is that of the side that has it, the new one first."""

    path: str
    kind: Kind
    size: int
    new: Entry | None


class MergeConflictError(Exception):
    """The same path changed differently on both sides."""


def two_way(path: str, old: Entry | None, new: Entry | None) -> Difference:
    """How `old` became `new`; at least one of them is there."""
    if new is None:
        assert old is not None
        return Difference(path, "removed", old.size, None)
    return Difference(path, "added" if old is None else "changed", new.size, new)


def three_way(ranges: Ranges, base: Tree, dest: Tree, source: Tree) -> Iterator[Difference]:
    """What a merge of `source` into `dest` would change, conflicts included; what both have alike is left out."""
    for path, old, new in differences(ranges, base, source):
        held = lookup(ranges, dest, path)
        if same(held, new):
            continue
        difference = two_way(path, old, new)
        yield difference if same(held, old) else difference._replace(kind="conflict")


def merge_changes(ranges: Ranges, trees: tuple[Tree, Tree, Tree], strategy: Strategy) -> list[Change]:
    """The changes that turn the destination into the merge of (base, dest, source).

    Raises:
        MergeConflictError: under the default strategy, when both sides changed a path differently.
    """
    base, dest, source = trees
    changes: list[Change] = []
    for difference in three_way(ranges, base, dest, source):
        if difference.kind == "conflict":
            if strategy == "default":
                raise MergeConflictError(difference.path)
            if strategy == "dest-wins":
                continue
        changes.append((difference.path, difference.new))
    return changes
