"""A leader at work over fakes: nothing before the lists, everything afterwards, and an end without losses."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from perago_operator.adapters.http_server import complaints
from perago_operator.bridge.creation import Creation
from perago_operator.bridge.poller import PollSettings
from perago_operator.bridge.pollers import Pollers, World
from perago_operator.core.config import Config
from perago_operator.ports import Unreachable, WatchEvent, key_of
from perago_operator.process import probes
from perago_operator.process.inflow import Room
from perago_operator.process.work import Inflows, Scope, Work
from perago_operator.reconcile.apply import Applier
from perago_operator.reconcile.loop import Parts, Reconciler
from perago_operator.watch.stores import Stores
from tests.builders import task
from tests.fakes.conductor import FakeConductor
from tests.fakes.faulty import raising
from tests.fakes.kube import FakeCluster
from tests.fakes.versions import FakeVersions
from tests.fakes.waiting import until
from tests.faults.kinds import silent


def now() -> datetime:
    return datetime.now(UTC)


class Bench:
    """All parts of a leader, over fakes; kopf's place is taken by the fake's own events."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.conductor = FakeConductor()
        self.polled: list[tuple[str, int]] = []
        self.seconds = 0.0
        self.watch_ends = asyncio.Event()
        stores = Stores(lambda key: self.reconciler.enqueue(key))
        applier = Applier(self.cluster, self.conductor, FakeVersions(), now)
        self.reconciler = Reconciler(Parts(applier, stores, Config(), now))
        room = Room(stores.attempts)
        creation = Creation(self.cluster, self.conductor, room, clock=lambda: self.seconds)
        world = World(self.cluster, self.conductor, room, creation, now)
        feeds = (self.cluster.feed(kind) for kind in ("PeragoAttempt", "PeragoTask", "Pod"))
        self.scope = Scope(None, *feeds)
        self.polling = PollSettings("me", 0.05, 10, lambda *told: self.polled.append(told))
        self.work = Work(
            stores,
            self.reconciler,
            Pollers(world, self.polling),
            (self.scope,),
            watch_objects=self.watch_objects,
            clock=lambda: self.seconds,
        )
        self.running: asyncio.Task[None] | None = None

    async def watch_objects(self, inflows: Inflows, watching: asyncio.Event) -> None:
        """Every event of the fake goes to its inflow, as kopf would do it."""
        sinks = {"PeragoAttempt": inflows.attempts, "PeragoTask": inflows.tasks}

        def deliver(event: WatchEvent) -> None:
            sink = sinks.get(event.obj["kind"])
            if sink is not None and event.kind == "DELETED":
                sink.remove(key_of(event.obj))
            elif sink is not None:
                sink.put(event.obj)

        self.cluster.listeners.append(deliver)
        watching.set()
        await self.watch_ends.wait()

    def run(self) -> None:
        """Start to work."""
        self.running = asyncio.create_task(self.work.run())

    def pods(self) -> list[str]:
        """Names of the pods that were made."""
        return sorted(name for kind, _, name in self.cluster.objects if kind == "Pod")


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A bench with one PeragoTask."""
    made = Bench()
    made.cluster.add(task("build", taskType="build", maxConcurrency=5))
    yield made
    await made.work.stop(0.1)
    for left in asyncio.all_tasks() - {asyncio.current_task()}:
        left.cancel()


async def test_a_scheduled_task_becomes_an_attempt_and_a_pod(bench: Bench) -> None:
    """From Conductor's queue to the API server, without a look at a clock."""
    bench.run()
    bench.conductor.schedule("build", "t1")
    await until(lambda: bench.pods() == ["t1-1"])
    assert bench.polled == [("build", 1)]


async def test_nothing_is_made_before_everything_is_listed(bench: Bench) -> None:
    """A pod that is not in the store yet would count as lost."""
    bench.scope.pods.faults.on("page", raising(Unreachable("away")), None)  # type: ignore[attr-defined]
    bench.conductor.schedule("build", "t1")
    bench.run()
    await until(lambda: bench.scope.attempts.faults.seen != [])  # type: ignore[attr-defined]
    assert (bench.pods(), bench.work.working) == ([], False)
    assert "poll" not in bench.conductor.faults.seen


async def test_a_part_that_ends_ends_the_work(bench: Bench) -> None:
    """A process that watches no more must not look alive."""
    bench.run()
    await until(lambda: bench.work.working)
    bench.watch_ends.set()
    assert bench.running is not None
    with pytest.raises(RuntimeError, match="watch attempts and tasks has ended"):
        await bench.running


async def test_the_end_loses_nothing_that_was_polled(bench: Bench) -> None:
    """What the last poll brought is an attempt, and no poll follows it."""
    bench.run()
    await until(lambda: "poll" in bench.conductor.faults.seen)
    ids = [bench.conductor.schedule("build") for _ in range(3)]
    await bench.work.stop(5)
    polls = bench.conductor.faults.seen.count("poll")
    for task_id in ids:
        taken = bench.conductor.tasks[task_id].status == "IN_PROGRESS"
        assert taken == (("PeragoAttempt", "ns", task_id) in bench.cluster.objects)
    await asyncio.sleep(0.1)
    assert bench.conductor.faults.seen.count("poll") == polls


async def test_a_deleted_peragotask_is_polled_for_no_more(bench: Bench) -> None:
    """Its poller ends with it."""
    bench.run()
    await until(lambda: "poll" in bench.conductor.faults.seen)
    bench.cluster.delete("PeragoTask", "ns", "build")
    await asyncio.sleep(0.1)
    bench.conductor.schedule("build", "late")
    await asyncio.sleep(0.1)
    assert bench.conductor.tasks["late"].status == "SCHEDULED"


async def test_a_silent_watch_is_a_complaint_only_while_working(bench: Bench) -> None:
    """A standby watches nothing and is alive."""
    checks = probes.liveness(bench.work, stale_seconds=300)
    bench.seconds = 301.0
    assert complaints(checks) == []
    bench.run()
    await until(lambda: bench.work.working)
    bench.seconds += 301.0
    assert complaints(checks) == ["watch pods: nothing heard from the API server for 301 s"]


async def test_the_end_has_a_limit(bench: Bench) -> None:
    """A Conductor that does not answer must not keep the next leader waiting."""
    bench.conductor.faults.on("poll", silent)
    bench.run()
    await until(lambda: "poll" in bench.conductor.faults.seen)
    async with asyncio.timeout(10):
        await bench.work.stop(0.1)
