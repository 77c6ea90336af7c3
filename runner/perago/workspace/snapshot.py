"""The two snapshots around a body and their comparison: a walk, and hashes only where stats leave a doubt."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perago.attempt import Changes
from perago.exclusion import exclusion
from perago.workspace.directory import clock_of, scan
from perago.workspace.manifest import Manifest, hash_paths
from perago.workspace.plan import compare
from perago.workspace.times import times_prove

NOTHING_IS_OLDER = 0
"""A start that no file's stamp is older than, so that every file's content is compared."""


@dataclass(frozen=True)
class Snapshot:
    """The workspace before the body: its manifest, and since when files may have been written to.

    That is the file system's clock at that moment, in nanoseconds, where its times can be relied on.
    """

    manifest: Manifest
    started_ns: int


def take_snapshot(directory: Path, manifest: Manifest | None = None) -> Snapshot:
    """The snapshot before the body: the download's manifest, or else every file hashed, once."""
    if manifest is None:
        stats = scan(directory)
        manifest = Manifest(stats, hash_paths(directory, stats, stats))
    return Snapshot(manifest, clock_of(directory) if times_prove(directory) else NOTHING_IS_OLDER)


def changes_since(before: Snapshot, directory: Path, exclude: Sequence[str] = ()) -> Changes:
    """What differs from the snapshot in content, kind or link target, without what the patterns exclude."""
    stats = scan(directory)
    comparison = compare(before.manifest.stats, stats, before.started_ns)
    if exclude:
        comparison = comparison.without(exclusion(exclude))
    digests_before = before.manifest.digests
    digests = hash_paths(directory, stats, comparison.doubtful, digests_before) if comparison.doubtful else {}
    return comparison.decided(digests_before, digests)
