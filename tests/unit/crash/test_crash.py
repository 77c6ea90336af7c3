"""The sweep of crash points: what a fault is, what a death means, and that the sweep repeats itself and finds faults.

The sweep itself is a command of its own (`python -m tests.crash`).
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from loguru import logger

from perago_operator.ports import Unreachable
from tests.crash.calls import Exchange, refused
from tests.crash.faults import OF_READS, READS, Fault, Kind, Plan, kinds
from tests.crash.gaps import GAPS, Gap
from tests.crash.processes import Process, context_of, remembered
from tests.crash.scenarios import BY_NAME, SCENARIOS
from tests.crash.sweep import found, pairs, singles, spread, tried
from tests.crash.variants import BROKEN
from tests.fakes.waiting import until

SUCCESS = BY_NAME["success"]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Whole lives, and no log of any."""
    logger.disable("perago_operator")
    yield
    logger.enable("perago_operator")


class Server:
    """Counts what reaches it."""

    def __init__(self, plan: Plan) -> None:
        asyncio.get_running_loop().set_task_factory(remembered)
        self.exchange = Exchange(plan)
        self.process = Process("replica-1")
        self.reached = 0

    async def _work(self) -> str:
        self.reached += 1
        return "answer"

    def call(self) -> "asyncio.Task[str]":
        """One call of the process."""
        call = self.exchange.carried("cluster", "create_pod", self._work)
        return asyncio.get_running_loop().create_task(call, context=context_of(self.process))


@pytest.mark.parametrize(("kind", "reached"), [(Kind.DIED_BEFORE, 0), (Kind.DIED_AFTER, 1)])
async def test_nothing_of_a_dead_process_arrives(kind: Kind, reached: int) -> None:
    """The call at which it dies lands or not; those that it makes on its way out never do."""
    server = Server({0: kind})
    for _ in range(2):
        with pytest.raises(asyncio.CancelledError):
            await server.call()
    assert server.reached == reached


@pytest.mark.parametrize(("kind", "reached"), [(Kind.CUT, 0), (Kind.LOST, 1)])
async def test_a_caller_that_lives_hears_that_the_fate_is_unknown(kind: Kind, reached: int) -> None:
    """Whether the call has landed or not; the next one passes."""
    server = Server({0: kind})
    with pytest.raises(Unreachable) as raised:
        await server.call()
    assert (raised.value.fate_unknown, server.reached) == (True, reached)
    assert await server.call() == "answer"


async def test_the_work_of_a_server_survives_its_caller() -> None:
    """A call that is canceled has reached it already."""
    server = Server({})
    call = server.call()
    await asyncio.sleep(0)
    call.cancel()
    await until(lambda: server.reached == 1)


async def test_a_server_that_is_away_does_nothing() -> None:
    """Whatever was to become of the call."""
    server = Server({0: Kind.LOST})
    server.exchange.outages["cluster"] = refused
    with pytest.raises(Unreachable) as raised:
        await server.call()
    assert (raised.value.fate_unknown, server.reached) == (False, 0)


def test_a_fault_is_written_as_it_is_read() -> None:
    """So that a violation can be repeated."""
    for kind in Kind:
        assert Fault.parsed(str(Fault(7, kind))) == Fault(7, kind)


def test_readings_have_fewer_fates() -> None:
    """They change nothing, however late they land."""
    assert {kinds(call) for call in READS} == {OF_READS}
    assert kinds("cluster.create_pod") == tuple(Kind)


def test_the_same_faults_give_the_same_course_of_events() -> None:
    """So that a violation can be looked at."""
    faults = (Fault(9, Kind.DIED_AFTER), Fault(20, Kind.LATE))
    assert tried(SUCCESS, faults) == tried(SUCCESS, faults)


def test_every_call_is_a_crash_point() -> None:
    """With each of its fates."""
    calls = tried(SUCCESS).calls
    assert len(singles(SUCCESS)) == sum(len(kinds(call)) for call in calls)


def test_a_part_is_spread_over_the_whole() -> None:
    """And pairs are always the same."""
    alone = singles(SUCCESS)
    assert spread(alone, len(alone) + 1) == alone
    assert spread(alone, 3) == [alone[0], alone[len(alone) // 3], alone[2 * len(alone) // 3]]
    assert list(pairs(SUCCESS, alone, 5)) == list(pairs(SUCCESS, alone, 5))


@pytest.mark.parametrize("name", ["cancel", "deletion", "two leaders", "workflow restarted"])
def test_a_scenario_without_faults_holds(name: str) -> None:
    """No violation and no gap."""
    trial = tried(BY_NAME[name])
    assert (trial.violations, trial.gaps) == ((), ())


def test_names_are_told_apart() -> None:
    """Of scenarios, variants and gaps; each variant is about a scenario."""
    for names in ([s.name for s in SCENARIOS], [v.name for v in BROKEN], [gap.name for gap in GAPS]):
        assert Counter(names).most_common(1)[0][1] == 1
    assert {variant.scenario for variant in BROKEN} <= BY_NAME.keys()


@pytest.mark.parametrize("name", ["believes a report without reading it back", "ends an attempt while its pod runs"])
def test_a_broken_variant_is_found_and_mended_again(name: str) -> None:
    """The scenario holds afterwards."""
    variant = next(variant for variant in BROKEN if variant.name == name)
    trial = found(variant)
    assert trial is not None
    assert trial.violations
    assert tried(BY_NAME[variant.scenario]).violations == ()


def test_a_variant_that_lacks_nothing_is_not_found() -> None:
    """Otherwise nothing would be shown by finding one."""
    assert found(replace(BROKEN[0], patches=())) is None


def test_a_gap_explains_its_own_violations_alone() -> None:
    """At the calls that it names, or after a death."""
    violation, late = "task t1 timed out: no attempt was made of it", "task t1 timed out: its attempt did not end"
    dead, lost = (Fault(3, Kind.DIED_BEFORE),), (Fault(3, Kind.LOST),)
    gap = Gap("tasks get lost", r"task \S+ timed out: no attempt", r"conductor\.poll", "success")
    assert gap.explains("success", violation, dead, ("lease.read",))
    assert gap.explains("success", violation, lost, ("conductor.poll",))
    assert not gap.explains("success", violation, lost, ("conductor.report",))
    assert not gap.explains("success", violation, (), ())
    assert not gap.explains("success", late, dead, ("lease.read",))
    assert not gap.explains("failure", violation, dead, ("lease.read",))


def test_a_world_without_rest_says_what_is_left() -> None:
    """And how long it was waited for."""
    trial = tried(replace(SUCCESS, body=BY_NAME["deadline"].body))
    assert trial.violations[0].startswith("no rest after 900 s: task t1")
