"""The two snapshots around a body and their comparison: a walk, and hashes only where stats leave a doubt."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perago.workspace.directory import clock_of, scan
from perago.workspace.manifest import Manifest, hash_paths
from perago.workspace.plan import Changes, ManifestEntry, compare


@dataclass(frozen=True)
class Snapshot:
    """The workspace before the body: content by path, and the file system's clock at that moment, in nanoseconds."""

    entries: Mapping[str, ManifestEntry]
    started_ns: int


def take_snapshot(directory: Path, manifest: Manifest | None = None) -> Snapshot:
    """The snapshot before the body: the download's manifest, or else every file hashed, once."""
    if manifest is None:
        stats = scan(directory)
        digests = hash_paths(directory, stats, stats)
        manifest = Manifest.of(ManifestEntry(path, stat, digests[path]) for path, stat in stats.items())
    return Snapshot(manifest.entries, clock_of(directory))


def changes_since(before: Snapshot, directory: Path) -> Changes:
    """What differs from the snapshot in content, kind or link target."""
    stats = scan(directory)
    comparison = compare(before.entries, stats, before.started_ns)
    digests = hash_paths(directory, stats, comparison.doubtful)
    return comparison.decided(before.entries, digests)
