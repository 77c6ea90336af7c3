"""Clocks that are set: heartbeats go on, and nothing is given up before its time."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loguru import logger

from perago.wire.times import timestamp
from tests import builders as b
from tests.unit.perago_operator.world import World

STEPS = [-600.0, 300.0]
"""Seconds by which a clock is set at once: as long as a start, and longer than a node is waited for."""
MOMENTS = ["running", "restarted"]
"""When: while the operator runs, or while another one starts, which knows what the objects say and nothing else."""

every_step = pytest.mark.parametrize("seconds", STEPS)
every_moment = pytest.mark.parametrize("moment", MOMENTS)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Many lives, and no log of any."""
    logger.disable("perago_operator")
    yield
    logger.enable("perago_operator")


async def a_clock_is_set(world: World, seconds: float, moment: str) -> None:
    """The time of day of the operator's machine, by so many seconds."""
    world.set_by += timedelta(seconds=seconds)
    if moment == "restarted":
        await world.restart()
    await world.pass_time(0.1)


@every_step
@every_moment
async def test_heartbeats_go_on(seconds: float, moment: str) -> None:
    """Response time-out 60 s: one within 20 s and a look, and not one at every look."""
    world = World()
    await world.add_polled()
    await world.kubelet(b.running_pod())
    await a_clock_is_set(world, seconds, moment)
    for _ in range(20):
        await world.pass_time(3)
    assert world.conductor.tasks[b.NAME].leases in (2, 3, 4)


@every_step
@every_moment
async def test_a_pod_that_starts_has_its_time(seconds: float, moment: str) -> None:
    """A quarter of an hour from when it was placed."""
    world = World()
    await world.add_polled(disruptionRetries=0)
    await world.kubelet(b.pod())
    await a_clock_is_set(world, seconds, moment)
    await world.pass_time(890)
    assert "outcome" not in world.status()
    await world.pass_time(15)
    assert world.status()["outcome"]["reason"] == "NotStarted"


@every_step
@every_moment
async def test_a_pod_that_leaves_has_its_time(seconds: float, moment: str) -> None:
    """A minute beyond its grace period before its node counts as lost."""
    world = World()
    await world.add_polled()
    await world.kubelet(b.running_pod())
    leaves = {"deletionTimestamp": timestamp(world.now + timedelta(seconds=30)), "deletionGracePeriodSeconds": 30}
    world.cluster.merge("Pod", "ns", "a1-1", {"metadata": leaves})
    await world.settle()
    await a_clock_is_set(world, seconds, moment)
    await world.pass_time(85)
    assert world.status()["executions"] == 1
    await world.pass_time(10)
    assert world.status()["executions"] == 2


@every_step
@every_moment
async def test_a_deadline_strikes_at_its_time(seconds: float, moment: str) -> None:
    """Neither five minutes before nor ten minutes late."""
    world = World()
    await world.add_polled(activeDeadlineSeconds=100)
    await world.kubelet(b.running_pod())
    await a_clock_is_set(world, seconds, moment)
    await world.pass_time(95)
    assert "deletionTimestamp" not in world.cluster.objects["Pod", "ns", "a1-1"]["metadata"]
    await world.pass_time(10)
    assert "deletionTimestamp" in world.cluster.objects["Pod", "ns", "a1-1"]["metadata"]


@every_step
async def test_an_attempt_that_is_over_is_kept_for_its_time(seconds: float) -> None:
    """Its end is told in the API server's time, which the next operator understands."""
    world = World()
    await world.add(b.attempt(standalone=True, ttlSecondsAfterFinished=100))
    await world.kubelet(b.running_pod())
    world.set_by += timedelta(seconds=seconds)
    await world.agent(outcome=b.completed())
    await world.restart()
    await world.pass_time(95)
    assert world.cluster.objects
    await world.pass_time(10)
    assert world.cluster.objects == {}


happenings = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([0.2, 4.0, 15.0])),
    st.tuples(st.just("set clock"), st.sampled_from([*STEPS, 40.0, -3.0])),
    st.tuples(st.just("die")),
    st.tuples(st.just("run")),
)


async def live(course: list[tuple[Any, ...]]) -> World:
    """An attempt with a deadline of an hour, whose pod starts and perhaps runs; checked after each happening."""
    world = World()
    await world.add_polled(activeDeadlineSeconds=3600)
    for kind, *more in course:
        match kind:
            case "wait":
                await world.pass_time(*more)
            case "set clock":
                world.set_by += timedelta(seconds=more[0])
            case "die":
                await world.restart()
            case _:
                await world.kubelet(b.running_pod())
        await world.settle()
        assert (world.pods, "outcome" in world.status()) == (["a1-1"], False)
        assert world.conductor.tasks[b.NAME].leases >= world.seconds() // (20 + 15)
    return world


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(happenings, max_size=14))
def test_whatever_clocks_do_an_attempt_is_served_and_left_alone(course: list[tuple[Any, ...]]) -> None:
    """At most 20 s between two heartbeats, of which a look may be 15 s late here; nothing else happens to it."""
    asyncio.run(live(course))
