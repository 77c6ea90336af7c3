"""One replica from its start to its end: asked to end, or no longer the leader, at every stage of its life."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from perago_operator.ports import Lease, Unreachable
from perago_operator.process.leader import Leadership, LeadershipLost, Terms
from perago_operator.process.life import Life
from tests import builders as b
from tests.fakes.faulty import raising
from tests.fakes.waiting import in_time, until
from tests.faults.kinds import Held, silent
from tests.unit.perago_operator.replica import Replica, at_work

AWAY = Unreachable("away")
OTHER = Lease("another", 15, "a", "b", 1, "77")


class Living(Replica):
    """A replica that renews its Lease, and looks for the CRDs, without a pause."""

    def __init__(self, give_back_seconds: float = 0.2) -> None:
        super().__init__()
        self.cluster.add(b.task("build", taskType="build"))
        self.cluster.add(b.attempt(standalone=True))
        self.leadership = Leadership(
            self.leases,
            "me",
            clock=lambda: self.seconds,
            now=lambda: b.at(self.seconds),
            terms=Terms(duration=15, deadline=10, retry=0),
        )
        self.work = self.operator.work
        self.life = Life(
            self.leadership,
            self.work,
            self.cluster,
            self.stop,
            shutdown_seconds=3600,
            look_seconds=0,
            give_back_seconds=give_back_seconds,
        )

    def run(self) -> asyncio.Task[None]:
        """Begin to live."""
        return asyncio.create_task(self.life.run())

    def lose(self) -> None:
        """The API server does not answer to the Lease any more, and the time to renew it is over."""
        self.leases.faults.on("read", raising(AWAY), None)
        self.seconds += 10


@dataclass(frozen=True)
class Stage:
    """How far a replica that leads has come: what keeps it there, and how a test knows that it is there."""

    name: str
    arrange: Callable[[Living], None]
    reached: Callable[[Living], bool]
    done: tuple[str, ...] = ()
    """What it has asked of cluster and Conductor by then, looks at the CRDs aside."""

    def __str__(self) -> str:
        return self.name


def _nothing(_: Living) -> None:
    """Let the replica come as far as it can."""


STAGES = (
    Stage(
        "the API server is away",
        lambda living: living.cluster.faults.on("served_kinds", raising(AWAY), None),
        lambda living: living.calls().count("served_kinds") > 2,
    ),
    Stage(
        "the CRDs are missing",
        lambda living: setattr(living.cluster, "kinds", frozenset({"peragotasks"})),
        lambda living: living.calls().count("served_kinds") > 2,
    ),
    Stage(
        "pods cannot be listed",
        lambda living: living.pods.faults.on("page", raising(AWAY), None),
        lambda living: all("page" in feed.faults.seen for feed in living.feeds),
    ),
    Stage(
        "attempts are not watched",
        lambda living: living.watch_begins.clear(),
        lambda living: living.pod_names() == ["a1-1"] and living.work.active == 0,
        ("hold_attempt", "create_pod", "patch_attempt_status"),
    ),
    Stage(
        "all is at work",
        _nothing,
        lambda living: "poll" in living.calls() and living.pod_names() == ["a1-1"] and living.work.active == 0,
        ("hold_attempt", "create_pod", "patch_attempt_status", "poll", "in_progress"),
    ),
)
at_every_stage = pytest.mark.parametrize("stage", STAGES, ids=str)


async def reach(stage: Stage) -> tuple[Living, asyncio.Task[None]]:
    """A replica at that stage."""
    living = Living()
    stage.arrange(living)
    running = living.run()
    await until(lambda: stage.reached(living))
    assert {call for call in living.calls() if call not in ("served_kinds", "record_event")} <= set(stage.done)
    return living, running


async def nothing_more_happens(living: Living) -> None:
    """No call follows, whatever happens in the cluster, in Conductor and to the clock."""
    calls = living.calls()
    living.cluster.add(b.attempt(standalone=True, meta={"name": "late", "uid": "uid-late"}))
    living.conductor.schedule("build", "late")
    living.watch_begins.set()
    living.pods.faults.clear()
    living.cluster.faults.clear()
    living.seconds += 1000
    await living.rest()
    assert living.calls() == calls
    assert at_work() == []


@at_every_stage
async def test_a_replica_that_is_asked_to_end_ends_and_releases_the_lease(stage: Stage) -> None:
    """SIGTERM, however far it has come."""
    living, running = await reach(stage)
    living.stop.set()
    await in_time(running)
    assert living.leases.stored.holder == ""
    await nothing_more_happens(living)


@at_every_stage
async def test_a_replica_that_leads_no_more_drops_everything(stage: Stage) -> None:
    """And leaves the Lease alone: another replica may hold it."""
    living, running = await reach(stage)
    writes = living.leases.faults.seen.count("write")
    living.lose()
    with pytest.raises(LeadershipLost):
        await in_time(running)
    assert living.leases.faults.seen.count("write") == writes
    await nothing_more_happens(living)


@at_every_stage
async def test_a_lease_that_another_took_ends_the_replica(stage: Stage) -> None:
    """Whoever wrote it works from now on; the Lease stays as that one wrote it."""
    living, running = await reach(stage)
    living.leases.stored = OTHER
    with pytest.raises(LeadershipLost):
        await in_time(running)
    assert living.leases.stored == OTHER
    await nothing_more_happens(living)


async def test_a_standby_that_is_asked_to_end_has_touched_nothing() -> None:
    """Neither the Lease nor Conductor."""
    living = Living()
    living.leases.stored = OTHER
    running = living.run()
    await until(lambda: living.leases.faults.seen.count("read") > 2)
    living.stop.set()
    await in_time(running)
    assert (living.leases.stored, living.calls()) == (OTHER, [])
    await nothing_more_happens(living)


@pytest.mark.parametrize("loss", ["not renewed", "taken"])
async def test_leadership_lost_at_the_end_ends_it_at_once(loss: str) -> None:
    """A call under way may not have the time of the shutdown when another replica leads."""
    living = Living()
    living.conductor.faults.on("poll", silent)
    running = living.run()
    await living.until_polled()
    living.stop.set()
    await living.rest()
    assert not running.done()
    if loss == "taken":
        living.leases.stored = OTHER
    else:
        living.lose()
    with pytest.raises(LeadershipLost):
        await in_time(running)
    await nothing_more_happens(living)


async def test_calls_under_way_are_dropped_with_leadership() -> None:
    """The next leader makes them, and must not wait for ours."""
    living, create_pod = Living(), Held()
    living.cluster.faults.on("create_pod", create_pod)
    running = living.run()
    await create_pod.reached()
    living.lose()
    with pytest.raises(LeadershipLost):
        await in_time(running)
    assert at_work() == []


@pytest.mark.parametrize("loss", ["not renewed", "taken"])
async def test_what_was_polled_and_is_no_attempt_goes_back_with_leadership(loss: str) -> None:
    """The API server is away, Conductor is not; only this process knows of these tasks."""
    living = Living(give_back_seconds=3600)
    living.cluster.faults.on("create_attempt", raising(AWAY), None)
    running = living.run()
    await living.until_polled()
    living.conductor.schedule("build", "t1")
    await until(lambda: "create_attempt" in living.calls())
    if loss == "taken":
        living.leases.stored = OTHER
    else:
        living.lose()
    with pytest.raises(LeadershipLost):
        await in_time(running)
    assert living.conductor.tasks["t1"].status == "SCHEDULED"
    await nothing_more_happens(living)


async def test_what_the_last_poll_brings_goes_back_with_leadership() -> None:
    """A poll under way when leadership is lost may still take tasks."""
    living, poll = Living(give_back_seconds=3600), Held()
    living.conductor.faults.on("poll", poll)
    running = living.run()
    await poll.reached()
    living.conductor.schedule("build", "t1")
    living.lose()
    await until(lambda: not living.work.working)
    poll.release()
    with pytest.raises(LeadershipLost):
        await in_time(running)
    assert living.conductor.tasks["t1"].status == "SCHEDULED"
    assert "create_attempt" not in living.calls()


async def test_a_conductor_that_hangs_does_not_keep_a_replica_that_leads_no_more() -> None:
    """Another one leads five seconds later."""
    living = Living()
    living.cluster.faults.on("create_attempt", raising(AWAY), None)
    living.conductor.faults.on("give_back", silent, None)
    living.conductor.schedule("build", "t1")
    running = living.run()
    await until(lambda: "create_attempt" in living.calls())
    living.lose()
    with pytest.raises(LeadershipLost):
        await in_time(running)
    assert at_work() == []


async def test_the_lease_is_released_after_the_last_call_under_way() -> None:
    """Until then it is renewed: nobody else starts while a call of ours may land."""
    living, create_pod = Living(), Held()
    living.cluster.faults.on("create_pod", create_pod)
    running = living.run()
    await create_pod.reached()
    living.stop.set()
    renewals = living.leases.faults.seen.count("write")
    await until(lambda: living.leases.faults.seen.count("write") > renewals + 2)
    assert living.leases.stored.holder == "me"
    create_pod.release()
    await in_time(running)
    assert living.leases.stored.holder == ""


async def test_a_replica_that_is_canceled_while_it_ends_leaves_nothing_under_way() -> None:
    """The first time calls under way may end; the second time nobody waits for them."""
    living, create_pod = Living(), Held()
    living.cluster.faults.on("create_pod", create_pod)
    running = living.run()
    await create_pod.reached()
    running.cancel()
    await living.rest()
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await in_time(running)
    assert at_work() == []


@pytest.mark.parametrize("stage", STAGES[:2], ids=str)
async def test_the_work_begins_when_the_crds_are_there(stage: Stage) -> None:
    """The chart may be installed in any order, and the API server may come later."""
    living, running = await reach(stage)
    living.cluster.faults.clear()
    living.cluster.kinds = frozenset({"peragoattempts", "peragotasks"})
    await until(lambda: living.pod_names() == ["a1-1"])
    living.stop.set()
    await in_time(running)


async def test_a_part_that_breaks_ends_the_replica_in_order() -> None:
    """Its failure is the process's, and the next leader need not wait for the Lease."""
    living = Living()
    running = living.run()
    await until(lambda: living.work.working)
    living.watch_ends.set()
    with pytest.raises(RuntimeError, match="watch tasks has ended"):
        await in_time(running)
    assert living.leases.stored.holder == ""
    await nothing_more_happens(living)


async def test_the_composed_replica_lives_and_ends() -> None:
    """As `assembly` puts it together, with the settings' own numbers."""
    replica = Replica()
    replica.cluster.add(b.task("build", taskType="build"))
    running = asyncio.create_task(replica.operator.life.run())
    replica.conductor.schedule("build", "t1")
    await until(lambda: replica.pod_names() == ["t1-1"])
    replica.stop.set()
    await in_time(running)
    assert replica.leases.stored.holder == ""
