"""The agent's data plane as a process of its own, so that memory and CPU time are those of this work alone.

`python -m bench.data_agent WORK` reads what to do from standard input (JSON, with the keys of the server) and prints
one line of JSON. The clock starts when everything is imported: a pod's agent has been running by then.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp

from perago.agent import publication
from perago.agent.clients import lakefs
from perago.agent.data.moving import Nearer, nothing_nearer
from perago.agent.data.staging import StagingBranch
from perago.agent.data.transfer import Transfer, object_path
from perago.agent.data.volume import Space, Tree
from perago.agent.mounts import Mounted
from perago.agent.nodecache.cache import open_cache
from perago.agent.nodecache.receiving import Nearby
from perago.agent.nodecache.room import Bounds
from perago.agent.publisher import Plan, Publisher
from perago.attempt import Changes
from perago.models import WorkspaceSpec
from perago.wire.secrets import LakeFSKeys
from perago.workspace.changelist import ChangeList, write_changes
from tests.fakes.turns import FreeTurn

RETRY_SECONDS = 60.0
ME = publication.Identity(attempt_uid="bench", logical_task="bench", retry=0)


@dataclass(frozen=True)
class Job:
    """What to move: `prefix` of `ref` (a commit, or a branch to upload to) and a local folder."""

    endpoint: str
    access_key: str
    secret_key: str
    repository: str
    ref: str
    prefix: str
    folder: str
    paths: tuple[str, ...] = ()
    cache: str = ""
    """The folder of a node cache; empty: none."""


class World:
    """A client of the job's repository, the job, and the node cache that it names."""

    def __init__(self, session: aiohttp.ClientSession, job: Job) -> None:
        keys = LakeFSKeys(job.endpoint, job.access_key, job.secret_key)
        self.lakefs = lakefs.LakeFS(session, Mounted(lambda: keys), job.repository)
        self.job = job
        self.nearer: Nearer = nothing_nearer
        if job.cache and (cache := open_cache(Path(job.cache), Bounds(1 << 40, 0))) is not None:
            self.nearer = Nearby(cache, job.repository, lambda: keys)

    def transfer(self, tree: Tree) -> Transfer:
        """The transfer of the job's prefix."""
        return Transfer(self.lakefs, WorkspaceSpec(prefix=self.job.prefix), tree, RETRY_SECONDS, self.nearer)


@contextmanager
def tree_of(job: Job) -> Iterator[Tree]:
    """The files of the job's folder, which is made."""
    Path(job.folder).mkdir(parents=True, exist_ok=True)
    tree = Tree(job.folder)
    try:
        yield tree
    finally:
        tree.close()


def files_below(folder: str) -> list[str]:
    """All regular files, relative to the folder."""
    return [path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()]


async def down(world: World) -> None:
    """Everything below the prefix into the folder, with a manifest beside it."""
    manifest = Path(world.job.folder + ".manifest")
    with tree_of(world.job) as tree:
        await world.transfer(tree).download(world.job.ref, manifest, Space(0, 1 << 62))


async def up(world: World) -> None:
    """Every file of the folder, or the paths that the job names, to the branch."""
    with tree_of(world.job) as tree:
        await world.transfer(tree).upload(world.job.ref, world.job.paths or files_below(world.job.folder))


@contextmanager
def changes_of(job: Job) -> Iterator[ChangeList]:
    """The paths of the job, as a task lists them."""
    path = Path(job.folder + ".changes")
    path.unlink(missing_ok=True)
    write_changes(path, Changes(modified=job.paths))
    with path.open("rb") as file:
        yield ChangeList(file.fileno())


async def stage(world: World) -> None:
    """A staging branch with the paths of the job: made, filled and committed."""
    job = world.job
    branch = StagingBranch(world.lakefs, f"stage-{time.time_ns()}", job.ref, RETRY_SECONDS)
    await branch.create()
    with tree_of(job) as tree, changes_of(job) as changes:
        changes.check(partial(object_path, WorkspaceSpec(prefix=job.prefix)))
        await branch.fill(changes, world.transfer(tree))
    await branch.commit("bench", {}, RETRY_SECONDS)


async def unchanged(world: World) -> None:
    """A publication by an attempt that changed nothing: the branch is where the attempt started from."""
    head = world.job.ref

    async def fence() -> None:
        """Asks other servers than lakeFS."""

    await Publisher(world.lakefs, Plan("main", head, ME, False, RETRY_SECONDS), fence, FreeTurn()).keep()


WORKS: dict[str, Callable[[World], Awaitable[None]]] = {"down": down, "up": up, "stage": stage, "unchanged": unchanged}


async def measured(work: Callable[[World], Awaitable[None]], job: Job) -> dict[str, float]:
    """Wall time, CPU time, peak memory and the number of requests of the session."""
    requests = 0

    async def count(*_of_request: object) -> None:
        nonlocal requests
        requests += 1

    async with lakefs.open_session() as session:
        tracing = aiohttp.TraceConfig()
        tracing.on_request_start.append(count)
        tracing.freeze()
        session.trace_configs.append(tracing)
        before, started = cpu_seconds(), time.perf_counter()
        await work(World(session, job))
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "cpu_s": cpu_seconds() - before, "rss_mib": peak_mib(), "requests": requests}


def cpu_seconds() -> float:
    """User and system time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_mib() -> float:
    """The kernel's high-water mark of this process (`ru_maxrss` would have that of the parent in it)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> int:
    """Do one job."""
    described = json.load(sys.stdin)
    job = Job(**{**described, "paths": tuple(described.get("paths", ()))})
    sys.stdout.write(json.dumps(asyncio.run(measured(WORKS[sys.argv[1]], job))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
