"""A leader at work over fakes: nothing before the lists, everything afterwards, and an end without losses."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from perago_operator.ports import Unreachable
from tests import builders as b
from tests.fakes.faulty import raising
from tests.fakes.waiting import until
from tests.faults.kinds import silent
from tests.unit.perago_operator.replica import Replica, at_work


class Bench(Replica):
    """A replica of which only the work is run."""

    def __init__(self) -> None:
        super().__init__()
        self.work = self.operator.work
        self.running: asyncio.Task[None] | None = None

    def run(self) -> asyncio.Task[None]:
        """Start to work."""
        self.running = asyncio.create_task(self.work.run())
        return self.running

    async def end(self, seconds: float) -> None:
        """Stop working, as a replica does at its end."""
        if self.running is not None:
            self.running.cancel()
            await asyncio.gather(self.running, return_exceptions=True)
        await self.work.stop(seconds)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A bench with one PeragoTask."""
    bench = Bench()
    bench.cluster.add(b.task("build", taskType="build", maxConcurrency=5))
    yield bench
    await bench.end(0.1)


def pollers() -> list[str]:
    """The polling loops that have not ended."""
    return [name for name in at_work() if name.startswith("poll for")]


async def test_a_scheduled_task_becomes_an_attempt_and_a_pod(bench: Bench) -> None:
    """From Conductor's queue to the API server, without a look at a clock."""
    bench.run()
    bench.conductor.schedule("build", "t1")
    await until(lambda: bench.pod_names() == ["t1-1"])
    assert bench.polled == [("build", 1)]


@pytest.mark.parametrize("missing", ["attempts", "tasks", "pods"])
async def test_nothing_is_done_before_everything_is_listed(bench: Bench, missing: str) -> None:
    """An attempt that is there already gets its pod only when attempts, PeragoTasks and pods are all known."""
    bench.cluster.add(b.attempt(standalone=True))
    broken = getattr(bench, missing)
    broken.faults.on("page", raising(Unreachable("away")), None)
    bench.conductor.schedule("build", "t1")
    bench.run()
    await until(lambda: all("page" in feed.faults.seen for feed in bench.feeds))
    await bench.rest()
    assert (bench.calls(), bench.work.working, bench.work.active) == ([], False, 0)
    broken.faults.clear()
    await until(lambda: bench.pod_names() == ["a1-1", "t1-1"])


async def test_nothing_is_polled_before_attempts_are_watched(bench: Bench) -> None:
    """A poller counts the attempts that the watch has shown."""
    bench.watch_begins.clear()
    bench.cluster.add(b.attempt(standalone=True))
    bench.run()
    await until(lambda: bench.pod_names() == ["a1-1"])
    await bench.rest()
    assert (pollers(), bench.work.working) == ([], False)
    bench.watch_begins.set()
    await bench.until_polled()


async def test_a_part_that_ends_ends_the_work(bench: Bench) -> None:
    """A process that no longer watches must not look alive."""
    running = bench.run()
    await until(lambda: bench.work.working)
    bench.watch_ends.set()
    with pytest.raises(RuntimeError, match="watch attempts and tasks has ended"):
        await running


async def test_the_end_loses_nothing_that_was_polled(bench: Bench) -> None:
    """What the last poll brought is an attempt, and no poll follows it."""
    bench.run()
    await bench.until_polled()
    ids = [bench.conductor.schedule("build") for _ in range(3)]
    await bench.end(5)
    for task_id in ids:
        taken = bench.conductor.tasks[task_id].status == "IN_PROGRESS"
        assert taken == (("PeragoAttempt", "ns", task_id) in bench.cluster.objects)
    assert pollers() == []


async def test_a_deleted_peragotask_is_polled_for_no_more(bench: Bench) -> None:
    """Its poller ends with the poll that is under way."""
    bench.run()
    await bench.until_polled()
    bench.cluster.delete("PeragoTask", "ns", "build")
    await until(lambda: pollers() == [])
    bench.conductor.schedule("build", "late")
    await bench.rest()
    assert bench.conductor.tasks["late"].status == "SCHEDULED"


async def test_the_end_has_a_limit(bench: Bench) -> None:
    """A Conductor that does not answer must not keep the next leader waiting."""
    bench.conductor.faults.on("poll", silent)
    bench.run()
    await bench.until_polled()
    async with asyncio.timeout(4):
        await bench.end(0.1)


async def test_a_kill_ends_everything_at_once(bench: Bench) -> None:
    """Polls, creations, looks and watches: nothing goes on that could disturb the next leader."""
    running = bench.run()
    await until(lambda: bench.work.working)
    bench.cluster.faults.on("create_attempt", raising(Unreachable("away")), None)
    bench.conductor.schedule("build", "t1")
    await until(lambda: "create_attempt" in bench.cluster.faults.seen)
    assert {"create attempt ns/t1", "poll for build", "status of build", "watch pods"} <= set(at_work())
    running.cancel()
    bench.work.kill()
    await bench.rest()
    assert at_work() == []
