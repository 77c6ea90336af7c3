"""Change detection compared with the plain way, which is the SHA-256 of every file before the body and after it.

`python -m bench.snapshot [--scale F] [--directory D]` makes two trees (4 GB in 2,000 files, 100,000 files of 4 KiB) and
the manifest that a download leaves, changes 0 or 10 files, measures the two snapshots and the comparison in a process
of its own, with its peak memory. The last line is JSON. `--scale 0.01` is a quick look.
"""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from perago.workspace.manifest import Manifest, ManifestWriter, entry_for, new_digest
from perago.workspace.snapshot import changes_since, take_snapshot

CHUNK = 1 << 20
CHANGED = (0, 10)


@dataclass(frozen=True)
class Tree:
    """A workspace to measure on."""

    name: str
    files: int
    file_bytes: int
    required_ratio: float


TREES = (Tree("4GB_in_2000_files", 2_000, 2_000_000, 20.0), Tree("100000_files_of_4KiB", 100_000, 4_096, 8.0))


def paths(tree: Tree) -> Iterator[str]:
    """The tree's workspace-relative paths, 1,000 per folder."""
    return (f"part-{number // 1000:03}/file-{number:06}.bin" for number in range(tree.files))


def make(tree: Tree, root: Path, manifest: Path) -> None:
    """Write the tree as a download would, hashing while writing, and flush it to the disk."""
    block = os.urandom(CHUNK)
    with ManifestWriter(manifest) as writer:
        for number, path in enumerate(paths(tree)):
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            content = (number.to_bytes(8, "big") + block * (tree.file_bytes // CHUNK + 1))[: tree.file_bytes]
            digest = new_digest()
            digest.update(content)
            target.write_bytes(content)
            writer.add(entry_for(path, target.stat(), digest.hexdigest()))
    os.sync()


def change(tree: Tree, root: Path, count: int) -> None:
    """Rewrite `count` files across the tree in place, with the same size and the old mtime."""
    for path in list(paths(tree))[:: max(1, tree.files // max(1, count))][:count]:
        before = (root / path).stat()
        with open(root / path, "r+b") as file:
            file.write(os.urandom(16))
        os.utime(root / path, ns=(before.st_atime_ns, before.st_mtime_ns))


def plain_snapshot(root: Path) -> dict[str, str]:
    """The plain way: every file opened and hashed."""
    digests = {}
    for folder, _folders, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            with path.open("rb") as file:
                digests[path.relative_to(root).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def plain(tree: Tree, root: Path, _manifest: Path, count: int) -> float:
    """Seconds of the plain way; raises SystemExit if it does not find exactly the changed files."""
    started = time.perf_counter()
    before = plain_snapshot(root)
    between = time.perf_counter()
    change(tree, root, count)
    resumed = time.perf_counter()
    after = plain_snapshot(root)
    differing = sum(before[path] != after[path] for path in before)
    return _checked(differing, count, between - started + time.perf_counter() - resumed)


def ours(tree: Tree, root: Path, manifest: Path, count: int) -> float:
    """Seconds with the manifest; raises SystemExit if it does not find exactly the changed files."""
    started = time.perf_counter()
    before = take_snapshot(root, Manifest.read(manifest))
    between = time.perf_counter()
    change(tree, root, count)
    resumed = time.perf_counter()
    changes = changes_since(before, root)
    return _checked(len(changes.uploads), count, between - started + time.perf_counter() - resumed)


def _checked(changed: int, expected: int, seconds: float) -> float:
    if changed != expected:
        raise SystemExit(f"{changed} changed files found, not {expected}")
    return seconds


WAYS: dict[str, Callable[[Tree, Path, Path, int], float]] = {"ours": ours, "plain": plain}


def measure_here(way: str, tree: Tree, work: Path, count: int) -> None:
    """Measure in this process and print seconds and peak memory."""
    seconds = WAYS[way](tree, work / "tree", work / "manifest", count)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "rss_mib": peak}))


def measured(way: str, tree: Tree, work: Path, count: int) -> dict[str, float]:
    """Measure in a separate process, so that the peak memory is that of the measurement alone."""
    described = json.dumps([tree.name, tree.files, tree.file_bytes, tree.required_ratio])
    command = [sys.executable, "-m", "bench.snapshot", "--measure", way, described, str(work), str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def case(tree: Tree, directory: Path | None, count: int) -> dict[str, float]:
    """One fresh tree, measured both ways. The plain way goes first, so that its files are no colder than for ours."""
    with tempfile.TemporaryDirectory(prefix="perago-bench-", dir=directory) as place:
        work = Path(place)
        (work / "tree").mkdir()
        make(tree, work / "tree", work / "manifest")
        baseline = measured("plain", tree, work, 0)
        own = measured("ours", tree, work, count)
    return {
        "seconds": round(own["seconds"], 4),
        "baseline_seconds": round(baseline["seconds"], 4),
        "ratio": round(baseline["seconds"] / own["seconds"], 1),
        "rss_mib": round(own["rss_mib"], 1),
    }


def main() -> int:
    """Print a table and the JSON line; 1 when a ratio is below what is required."""
    options = _options()
    if options.measure:
        way, described, work, count = options.measure
        measure_here(way, Tree(*json.loads(described)), Path(work), int(count))
        return 0
    cases, enough = {}, True
    for tree in TREES:
        scaled = Tree(tree.name, max(20, int(tree.files * options.scale)), tree.file_bytes, tree.required_ratio)
        for count in CHANGED:
            facts = cases[f"{tree.name}_{count}_changed"] = case(scaled, options.directory, count)
            enough = enough and facts["ratio"] >= tree.required_ratio
            sys.stdout.write(f"{tree.name}, {count} changed: {facts} (required ratio {tree.required_ratio})\n")
            sys.stdout.flush()
    sys.stdout.write(json.dumps({"bench": "snapshot", "case": cases}) + "\n")
    return 0 if enough or options.scale < 1 else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scale", type=float, default=1.0, help="fraction of the files to use")
    parser.add_argument("--directory", type=Path, help="where to create the trees (default: the temporary folder)")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
