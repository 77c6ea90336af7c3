"""The data plane compared with `lakectl` and `curl --parallel`, on one real lakeFS on loopback.

`python -m bench.data [--size F] [--rounds N] [--directory D] [CASE …]`: in every round all programs take turns in each
case, and the order alternates. A ratio is theirs/ours within one round; the median of the rounds counts. The last line
is JSON. `--size 0.01` is a quick look that takes about half a minute.

What small files leave behind is removed at the end. ext4 does not reuse an inode for minutes after it was freed, and
looks at each of those whenever a file is made: whoever came after ten thousand removals would pay seconds for them.
"""

import argparse
import json
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from bench.data_rivals import Rivals, Tree
from perago_dev.servers import lakefs

SMALL, MID, BIG = Tree("small", 10_000, 4096), Tree("mid", 200, 5 << 20), Tree("big", 1, 2 << 30)
HUNDRED_THOUSAND = Tree("hundred_thousand", 100_000, 1024, linked=True)
STAGED_FILES = 10
REPOSITORY = "bench"

Program = Callable[[], dict[str, float]]
"""Does the work once; `seconds` and, for our own, CPU time, memory and requests."""


@dataclass(frozen=True)
class World:
    """The server, the trees that it holds at commit `ref`, and their sources on the disk."""

    server: lakefs.Server
    rivals: Rivals
    directory: Path
    scale: float
    branches: list[str] = field(default_factory=list)

    def tree(self, full: Tree) -> Tree:
        """The tree in the size of this run."""
        if full.files == 1:
            return Tree(full.name, 1, max(1 << 20, int(full.file_bytes * self.scale)))
        return replace(full, files=max(20, int(full.files * self.scale)))

    def source(self, tree: Tree) -> Path:
        """Its files, made when they are needed first."""
        folder = self.directory / "sources" / tree.name
        return folder if folder.exists() else tree.make(folder.parent)

    def stored(self, tree: Tree) -> str:
        """A commit that holds the tree; imported when it is needed first, which is cheaper than an upload."""
        branch = tree.name.replace("_", "-")
        if tree.name not in self.branches:
            self.new_branch(branch)
            where = {"path": f"local://{self.source(tree)}", "type": "common_prefix", "destination": f"{tree.name}/"}
            wanted = {"paths": [where], "commit": {"message": tree.name}}
            running = f"/branches/{branch}/import?id={self.call('POST', f'/branches/{branch}/import', wanted)['id']}"
            while not (state := self.call("GET", running))["completed"]:
                time.sleep(0.1)
            if "error" in state:
                raise SystemExit(f"{tree.name}: lakeFS could not import it: {state['error']['message']}")
            self.branches.append(tree.name)
        return self.head(branch)

    def head(self, branch: str) -> str:
        """The commit at the head of a branch."""
        return str(self.call("GET", f"/branches/{branch}")["commit_id"])

    def new_branch(self, name: str) -> str:
        """An empty branch."""
        self.call("POST", "/branches", {"name": name, "source": "main"})
        return name

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call of lakeFS's API; what it answers where that is JSON."""
        keys = (self.server.access_key, self.server.secret_key)
        url = f"{self.server.endpoint}/api/v1/repositories/{REPOSITORY}{path}"
        answer = httpx.request(method, url, json=body, auth=keys, timeout=60)
        answer.raise_for_status()
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text

    def ours(self, work: str, **job: Any) -> dict[str, float]:
        """One job of `bench.data_agent`."""
        keys = {
            "endpoint": self.server.endpoint,
            "access_key": self.server.access_key,
            "secret_key": self.server.secret_key,
        }
        described = json.dumps({**keys, "repository": REPOSITORY, "prefix": "/", "folder": "", **job})
        command = [sys.executable, "-m", "bench.data_agent", work]
        done = subprocess.run(command, input=described, check=True, stdout=subprocess.PIPE, text=True)
        facts: dict[str, float] = json.loads(done.stdout)
        return facts


def downloads(world: World, full: Tree, *, curl: bool) -> dict[str, Program]:
    """Everything below a prefix, by each program into a folder of its own that is removed afterwards."""
    tree = world.tree(full)
    ref = world.stored(tree)
    into_new = partial(_into_new, world, tree)
    programs = {
        "ours": into_new(lambda folder: world.ours("down", ref=ref, prefix=tree.name, folder=str(folder))),
        "lakectl": into_new(lambda folder: {"seconds": world.rivals.lakectl_down(ref, tree, folder)}),
    }
    if curl:
        programs["curl"] = into_new(lambda folder: {"seconds": world.rivals.curl_down(ref, tree, folder)})
    return programs


def from_node_cache(world: World, full: Tree) -> dict[str, Program]:
    """Everything below a prefix from a node cache that has it, against no cache, and against one that is filled."""
    tree = world.tree(full)
    ref, filled = world.stored(tree), world.directory / f"cache-{tree.name}"

    def download(cache: Path | None) -> Program:
        def move(folder: Path) -> dict[str, float]:
            place = str(cache) if cache is not None else ""
            return world.ours("down", ref=ref, prefix=tree.name, folder=str(folder), cache=place)

        return _into_new(world, tree, move)

    def filling() -> dict[str, float]:
        return download(Path(tempfile.mkdtemp(prefix="cache-", dir=world.directory)))()

    filled.mkdir()
    download(filled)()
    return {"ours": download(filled), "uncached": download(None), "filling": filling}


def _into_new(world: World, tree: Tree, move: Callable[[Path], dict[str, float]]) -> Program:
    def run() -> dict[str, float]:
        folder = Path(tempfile.mkdtemp(prefix="download-", dir=world.directory)) / "download"
        try:
            facts = move(folder)
            _check(tree, folder)
            return facts
        finally:
            if tree.file_bytes > SMALL.file_bytes:  # large files are few inodes and much space
                shutil.rmtree(folder.parent)

    return run


def _check(tree: Tree, folder: Path) -> None:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    if sizes != [tree.file_bytes] * tree.files:
        raise SystemExit(f"{tree.name}: {len(sizes)} files arrived, or with a wrong size")


def uploads(world: World, full: Tree) -> dict[str, Program]:
    """A whole tree to a new branch, which is deleted afterwards."""
    tree = world.tree(full)
    source = world.source(tree)

    def on_new_branch(move: Callable[[str], dict[str, float]]) -> Program:
        def run() -> dict[str, float]:
            branch = world.new_branch(f"upload-{tree.name}")
            try:
                return move(branch)
            finally:
                world.call("DELETE", f"/branches/{branch}")

        return run

    return {
        "ours": on_new_branch(lambda branch: world.ours("up", ref=branch, prefix=tree.name, folder=str(source))),
        "lakectl": on_new_branch(lambda branch: {"seconds": world.rivals.lakectl_up(branch, source, tree.name)}),
    }


def stage(world: World, full: Tree) -> dict[str, Program]:
    """A few changed files staged and committed, against everything uploaded and committed."""
    tree = world.tree(full)
    ref, source = world.stored(tree), world.source(tree)
    changed = list(tree.paths())[:: max(1, tree.files // STAGED_FILES)][:STAGED_FILES]
    copy = world.directory / "changed"
    for path in changed:
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes(b"changed" + (source / path).read_bytes()[7:])

    def everything() -> dict[str, float]:
        branch = world.new_branch("everything")
        try:
            seconds = world.rivals.lakectl_up(branch, source, tree.name)
            commit = world.rivals.lakectl("commit", f"lakefs://{REPOSITORY}/{branch}", "--message", "all")
            return {"seconds": seconds + commit}
        finally:
            world.call("DELETE", f"/branches/{branch}")

    return {
        "ours": lambda: world.ours("stage", ref=ref, prefix=tree.name, folder=str(copy), paths=changed),
        "lakectl": everything,
    }


def unchanged(world: World) -> dict[str, Program]:
    """A publication by an attempt that changed nothing."""
    return {"ours": lambda: world.ours("unchanged", ref=world.head("main"))}


CASES: dict[str, tuple[Callable[[World], dict[str, Program]], Tree | None]] = {
    "small_down": (lambda world: downloads(world, SMALL, curl=False), None),
    "small_up": (lambda world: uploads(world, SMALL), None),
    "mid_down": (lambda world: downloads(world, MID, curl=True), MID),
    "mid_up": (lambda world: uploads(world, MID), MID),
    "big_down": (lambda world: downloads(world, BIG, curl=True), BIG),
    "big_up": (lambda world: uploads(world, BIG), BIG),
    "hundred_thousand_down": (lambda world: downloads(world, HUNDRED_THOUSAND, curl=False), None),
    "small_cached": (lambda world: from_node_cache(world, SMALL), None),
    "mid_cached": (lambda world: from_node_cache(world, MID), MID),
    "stage_10_of_10000": (lambda world: stage(world, SMALL), None),
    "unchanged": (unchanged, None),
}
"""Each case, and the tree by whose size CPU time is given, where it is bytes that cost."""


LONG_CASES = {"big_up": 2, "hundred_thousand_down": 1, "small_cached": 1, "mid_cached": 1}
"""Most rounds of cases that take long for each: the whole stays within eight minutes."""


def run_rounds(programs: dict[str, Program], rounds: int) -> list[dict[str, dict[str, float]]]:
    """Every program once in each round, in alternating order."""
    results = []
    for number in range(rounds):
        names = list(programs) if number % 2 == 0 else list(reversed(programs))
        results.append({name: programs[name]() for name in names})
    return results


def summary(results: list[dict[str, dict[str, float]]], gib: float) -> dict[str, float]:
    """Medians of the rounds; the peak of the memory."""
    ours = [result["ours"] for result in results]
    facts = {"seconds": round(_median(ours, "seconds"), 3)}
    for rival in results[0].keys() - {"ours"}:
        theirs = [result[rival] for result in results]
        facts[f"{rival}_seconds"] = round(_median(theirs, "seconds"), 3)
        ratios = [result[rival]["seconds"] / result["ours"]["seconds"] for result in results]
        facts[f"ratio_{rival}"] = round(statistics.median(ratios), 2)
    facts["rss_mib"] = round(max(result["rss_mib"] for result in ours), 1)
    facts["cpu_s"] = round(_median(ours, "cpu_s"), 3)
    if gib:
        facts["cpu_s_per_gib"] = round(_median(ours, "cpu_s") / gib, 2)
    if len(results[0]) == 1:
        facts["requests"] = max(result["requests"] for result in ours)
    return facts


def _median(results: list[dict[str, float]], name: str) -> float:
    return statistics.median(result[name] for result in results)


def main() -> int:
    """Print a line for each case, and the JSON line."""
    options = _options()
    cases = {}
    with _new_folder(options.directory) as directory:
        with lakefs.local_server(directory / "lakefs", _blocks(directory)) as server:
            rivals = Rivals(server, REPOSITORY)
            rivals.lakectl("repo", "create", f"lakefs://{REPOSITORY}", f"local://{REPOSITORY}")
            world = World(server, rivals, directory, options.size)
            for name in options.cases or CASES:
                programs, tree = CASES[name]
                gib = world.tree(tree).gib if tree else 0
                rounds = min(options.rounds, LONG_CASES.get(name, options.rounds))
                facts = summary(run_rounds(programs(world), rounds), gib)
                cases[name] = facts
                print(f"{name}: {facts}", flush=True)
        print(json.dumps({"bench": "data", "case": cases}), flush=True)
    return 0


@contextmanager
def _new_folder(above: Path | None) -> Iterator[Path]:
    """It is removed by a program, as half a million files take Python a minute."""
    folder = tempfile.mkdtemp(prefix="perago-bench-", dir=above)
    try:
        yield Path(folder)
    finally:
        subprocess.run(["rm", "-rf", folder], check=True)


def _blocks(directory: Path) -> dict[str, Any]:
    """A block store on the disk, from which the server may import the sources as well."""
    importing = {"import_enabled": True, "allowed_external_prefixes": [str(directory / "sources")]}
    local = {"path": str(directory / "lakefs" / "objects"), **importing}
    return {"type": "local", "local": local, "signing": {"secret_key": secrets.token_hex(20)}}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}")
    parser.add_argument("--size", type=float, default=1.0, help="fraction of the files, or of the big file, to move")
    parser.add_argument("--rounds", type=int, default=3, help="how often each program does the work of a case")
    parser.add_argument("--directory", type=Path, help="where server and trees keep their files (default: temporary)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
