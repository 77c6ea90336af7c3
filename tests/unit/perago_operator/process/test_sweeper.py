"""When and where staging branches are swept; what becomes of each, `tests/contract/versions/test_sweep.py` shows."""

import asyncio
from collections.abc import Iterator

import pytest
from loguru import logger

from perago.wire import metadata_keys as keys
from perago.wire.leftovers import Verdict
from perago_operator.ports import Refused, Unreachable
from perago_operator.process import sweeper as module
from perago_operator.process.sweeper import Sweeper, SweepTerms
from perago_operator.watch.stores import AttemptStore
from tests import builders as b
from tests.fakes.faulty import raising
from tests.fakes.kube import FakeCluster
from tests.fakes.versions import FakeVersions
from tests.fakes.waiting import until
from tests.faults.kinds import passed

UID = "6b9f0f5e-1c2d-4e3f-8a9b-0c1d2e3f4a5b"
NAME = f"perago-staging-wf-exec-{UID}-1"
COMMIT = {keys.INSTALLATION: "ours", keys.ATTEMPT: f"ns/{UID}", keys.ATTEMPT_UID: UID}


class World:
    """A sweeper over fakes; `repo` has a leftover."""

    def __init__(self, **terms: float) -> None:
        self.versions = FakeVersions()
        self.versions.commit("repo", NAME, "c1", COMMIT)
        self.cluster = FakeCluster()
        self.store = AttemptStore(lambda key: None)
        self.seconds = 0.0
        self.sweeper = Sweeper(
            self.versions,
            self.cluster,
            self.store,
            SweepTerms("ours", **{"interval": 60.0, "age": 10.0} | terms),  # type: ignore[arg-type]
            clock=lambda: self.seconds,
            now=lambda: b.at(self.seconds),
        )

    def name_repository(self, repository: str = "repo") -> None:
        """An attempt with a staging branch there was seen."""
        given = {"workspace": {**b.WORKSPACE, "repository": repository}}
        attempt = b.attempt(meta={"name": repository, "uid": repository}, input=given)
        staging = {"repository": repository, "branch": b.staging_branch(attempt), "state": "Deleted"}
        self.store.put({**attempt, "status": {"staging": staging}})

    @property
    def branches(self) -> list[str]:
        """Those of the repository."""
        return list(self.versions.repositories["repo"].branches)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What is logged as a warning or worse."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), level="WARNING")
    yield lines
    logger.remove(sink)


async def test_the_repositories_of_attempts_are_swept(world: World) -> None:
    """No other one is asked."""
    await world.sweeper.sweep()
    assert world.versions.faults.seen == []
    world.name_repository()
    await world.sweeper.sweep()
    assert (world.branches, world.sweeper.deleted) == ([], 1)


async def test_a_repository_that_is_gone_or_refuses_stops_nothing(world: World, told: list[str]) -> None:
    """The others are swept; a refusal is logged, for somebody has to grant the right."""
    for repository in ("a-gone", "b-refusing", "repo"):
        world.name_repository(repository)
    refusal = Refused("403 fs:ListBranches", status=403, message="")
    world.versions.faults.on("staging_branches", passed)
    world.versions.faults.on("staging_branches", raising(refusal))
    await world.sweeper.sweep()
    assert world.branches == []
    assert told == ["staging branches of b-refusing cannot be swept: 403 fs:ListBranches"]


async def test_a_branch_that_cannot_be_deleted_stops_nothing(world: World, told: list[str]) -> None:
    """It is tried again at the next sweep."""
    world.name_repository()
    world.versions.faults.on("delete_branch", raising(Refused("403 fs:DeleteBranch", status=403, message="")))
    await world.sweeper.sweep()
    assert (world.branches, len(told)) == ([NAME], 1)
    await world.sweeper.sweep()
    assert world.branches == []


async def test_a_branch_that_nobody_can_attribute_is_named(world: World, told: list[str]) -> None:
    """Once it is old enough; before, it may be one of another installation whose first commit is under way."""
    world.versions.repositories["repo"].branches = {NAME: []}
    world.name_repository()
    await world.sweeper.sweep()
    assert told == []
    world.seconds += 10
    await world.sweeper.sweep()
    assert len(told) == 1
    assert NAME in told[0]
    assert (world.branches, world.sweeper.seen) == ([NAME], {Verdict.UNCLEAR: 1})


async def test_a_branch_that_is_gone_is_forgotten(world: World) -> None:
    """Memory follows the branches that exist."""
    world.name_repository()
    await world.sweeper.sweep()
    await world.sweeper.sweep()
    assert world.sweeper._since == {}


async def test_a_branch_keeps_its_age_while_its_repository_cannot_be_read(world: World) -> None:
    """Otherwise a lakeFS that is away at every second sweep would keep a branch without a commit for ever."""
    world.versions.repositories["repo"].branches = {NAME: []}
    world.store.put(b.attempt(meta={"uid": UID}, status={"phase": "Failed"}))
    world.name_repository()
    await world.sweeper.sweep()
    world.versions.faults.on("staging_branches", raising(Unreachable("no answer")))
    await world.sweeper.sweep()
    world.seconds += 10
    await world.sweeper.sweep()
    assert (world.branches, world.sweeper.deleted) == ([], 1)


async def test_one_attempt_is_read_for_each_branch_that_no_watch_explains(world: World) -> None:
    """Of a living attempt that the watch has shown, the API server is not asked, and nobody lists attempts."""
    world.name_repository()
    living = UID.replace("6b9", "000")
    world.versions.commit("repo", f"perago-staging-wf-exec-{living}-1", "c2", COMMIT | {keys.ATTEMPT_UID: living})
    world.store.put(b.attempt(meta={"uid": living}, status={"phase": "Running"}))
    await world.sweeper.sweep()
    assert (world.cluster.faults.seen, world.versions.faults.seen.count("commit_record")) == (["read_attempt"], 1)
    assert world.sweeper.seen == {Verdict.DELETE: 1, Verdict.LIVING: 1}


async def test_it_sweeps_again_and_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first time soon after the start."""
    monkeypatch.setattr(module, "FIRST_SECONDS", 0.0)
    world = World(interval=0.001)
    world.name_repository()
    running = asyncio.create_task(world.sweeper.run())
    await until(lambda: world.versions.faults.seen.count("staging_branches") > 2)
    running.cancel()
