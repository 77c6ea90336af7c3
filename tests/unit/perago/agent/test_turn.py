"""The agent's turn to publish: asked for, waited for, given back, whatever the operator and the watch make of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from perago import wire
from perago.agent.clients.attempt_api import AttemptGone, ClusterRefused
from perago.agent.clients.http import NoAnswer
from perago.agent.status import StatusWriter
from perago.agent.turn import TIMING, Answer, AttemptTurn, Clocks, NoTurn, answer_to
from perago.errors import StaleAttemptError
from perago.wire import SeenTicket, TicketId, TurnStatus
from tests import builders as b
from tests.fakes.attempt_api import FakeAttemptApi
from tests.fakes.faulty import Answered, Call, raising
from tests.fakes.waiting import in_time, until
from tests.faults.kinds import cut_before, lost, silent
from tests.unit.perago.agent.kit import stored_attempt
from tests.unit.perago.agent.test_publication import order


def ticket(number: int = 1) -> dict[str, int]:
    """A ticket of the only execution."""
    return {"execution": 1, "number": number}


@dataclass
class World:
    """An agent with its attempt, in a time that goes by when a test says so."""

    outage_seconds: float = 600
    seconds: float = 1000
    timings: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.order = order(retry_seconds=0, outage_seconds=self.outage_seconds, turn_seconds=600)
        self.api = FakeAttemptApi(stored_attempt(self.order))
        self.status = StatusWriter(self.api, 0)
        clocks = Clocks(lambda: self.seconds, lambda: b.START + timedelta(seconds=self.seconds))
        self.turn = AttemptTurn(self.order, self.api, self.status, self.timings.__setitem__, clocks)

    @property
    def said(self) -> Any:
        """`status.turn` as it is now."""
        return self.api.status.get("turn", {})

    @property
    def asked(self) -> int:
        """How often a turn was asked for."""
        return int(self.said.get("requested", {}).get("number", 0))

    async def taking(self, number: int = 1) -> "asyncio.Task[float]":
        """A turn that is being taken, was asked for that often by now, and is watched for."""
        watches = self.watches
        task = asyncio.create_task(self.turn.take())
        await until(lambda: task.done() or (self.asked >= number and self.watches > watches))
        return task

    @property
    def watches(self) -> int:
        """How often the attempt was watched."""
        return self.api.faults.seen.count("changed")

    def grant(self, number: int = 1) -> None:
        """The operator grants the turn."""
        self.api.merge({"turn": {"granted": {**ticket(number), "seconds": 600}, "waiting": None}})

    def revoke(self, number: int = 1) -> None:
        """The operator revokes it."""
        self.api.merge({"turn": {"revoked": ticket(number)}})

    def queue(self, number: int = 1) -> None:
        """The operator says that another one is ahead."""
        self.api.merge({"turn": {"waiting": {**ticket(number), "behind": "team/a0"}}})

    async def pass_time(self, seconds: float, then: Callable[[], bool]) -> None:
        """Time goes by, and the attempt is read again, until something holds."""
        self.seconds += seconds
        self.api.touched()
        await until(then)

    async def pass_in_vain(self, seconds: float) -> None:
        """Time goes by, the attempt is read again, and is watched on."""
        watches = self.watches
        await self.pass_time(seconds, lambda: self.watches > watches)


@pytest.fixture
def world() -> World:
    """An agent that has not asked yet."""
    return World()


# --- a turn


async def test_a_turn_is_asked_for_in_the_attempts_own_status(world: World) -> None:
    """With the place in the queue, to the microsecond, and how long the agent may need it."""
    world.seconds = 1.25
    task = await world.taking()
    assert world.said == {"requested": {**ticket(), "time": "2026-01-01T00:00:01Z", "seconds": 600}}
    sent = world.api.patches[0]["turn"]["requested"]
    assert sent["time"] == "2026-01-01T00:00:01.250000Z"
    task.cancel()


async def test_the_request_travels_with_what_is_reported_at_the_same_time(world: World) -> None:
    """The step, for example: it costs no write of its own."""

    async def publish() -> None:
        world.status.post(wire.StatusReport(step="Publishing"))
        await world.turn.take()

    task = asyncio.create_task(publish())
    await until(lambda: world.watches == 1)
    assert [sorted(patch) for patch in world.api.patches] == [["step", "turn"]]
    task.cancel()


async def test_a_granted_turn_counts_from_the_read_that_showed_it(world: World) -> None:
    """From its sending, however long the answer took."""

    async def slow(call: Call) -> None:
        world.seconds += 7
        await call.pass_on()

    task = await world.taking()
    world.api.faults.on("get", slow)
    world.grant()
    assert await in_time(task) == 593


async def test_a_watch_alone_grants_nothing(world: World) -> None:
    """It may be late: the attempt is read once more, and by then the grant is revoked."""
    task = await world.taking()

    async def meanwhile(call: Call) -> None:
        world.revoke()
        await call.pass_on()

    world.api.faults.on("get", meanwhile)
    world.grant()
    await until(lambda: world.asked == 2)
    assert not task.done()
    world.grant(2)
    assert await in_time(task) == 600


async def test_an_older_grant_is_not_for_a_newer_request(world: World) -> None:
    """It was for a turn that is over."""
    first = await world.taking()
    world.grant()
    await in_time(first)
    second = await world.taking(2)
    await world.pass_in_vain(1)
    assert not second.done()
    world.grant(2)
    await in_time(second)


async def test_a_turn_is_given_back_with_the_next_report(world: World) -> None:
    """One patch for both."""
    task = await world.taking()
    world.grant()
    await in_time(task)
    before = len(world.api.patches)
    await world.turn.give_back()
    world.status.post(wire.StatusReport(timings=wire.StepTimings(publishing=1)))
    await world.status.flush()
    assert world.api.patches[before:] == [{"turn": {"returned": ticket()}, "timings": {"publishing": 1}}]


async def test_a_turn_that_was_never_asked_for_is_not_given_back(world: World) -> None:
    """Nothing is written for it."""
    await world.turn.give_back()
    await world.status.flush()
    assert world.api.patches == []


async def test_giving_back_never_fails(world: World) -> None:
    """Nor does it wait for an API server that is away: the next report brings it."""
    task = await world.taking()
    world.grant()
    await in_time(task)
    world.api.faults.on("patch_status", cut_before)
    await world.turn.give_back()
    with pytest.raises(NoAnswer):
        await world.status.flush()
    await world.status.flush()
    assert world.said["returned"] == ticket()


async def test_a_return_and_the_next_request_may_travel_together(world: World) -> None:
    """The second turn is another one all the same."""
    first = await world.taking()
    world.grant()
    await in_time(first)

    async def again() -> None:
        await world.turn.give_back()
        await world.turn.take()

    second = asyncio.create_task(again())
    await until(lambda: world.watches == 2)
    assert world.api.patches[-1]["turn"].keys() == {"returned", "requested"}
    assert not second.done()
    second.cancel()


async def test_all_waiting_is_measured(world: World) -> None:
    """For all the turns of the attempt together."""
    for number in (1, 2):
        task = await world.taking(number)
        world.seconds += 3
        world.grant(number)
        await in_time(task)
    assert world.timings == {TIMING: 6}


# --- waiting


async def test_a_silent_operator_is_waited_for_as_long_as_an_outage_may_last(world: World) -> None:
    """Then the attempt fails, through no fault of the task, and no longer asks."""
    task = await world.taking()
    await world.pass_in_vain(599)
    await world.pass_time(1, task.done)
    with pytest.raises(NoTurn, match="operator did not answer for 600 s"):
        await task
    await world.status.flush()
    assert world.said["returned"] == ticket()
    assert world.timings == {TIMING: 600}


async def test_who_waits_behind_others_asks_again_at_the_same_place(world: World) -> None:
    """After a long silence: an operator that answers is still there, so the waiting goes on."""
    task = await world.taking()
    since = world.api.patches[0]["turn"]["requested"]["time"]
    for number in (1, 2, 3):
        world.queue(number)
        await world.pass_in_vain(1)
        await world.pass_time(600, lambda: world.asked > number)  # noqa: B023 -- awaited before the next round
        assert world.api.patches[-1]["turn"]["requested"]["time"] == since
    world.grant(4)
    assert await in_time(task) == 600


async def test_an_operator_that_goes_away_is_not_waited_for_for_ever(world: World) -> None:
    """It has said once that others come first."""
    task = await world.taking()
    world.queue()
    await world.pass_in_vain(1)
    await world.pass_time(600, lambda: world.asked == 2)
    await world.pass_in_vain(1)
    await world.pass_time(600, task.done)
    with pytest.raises(NoTurn):
        await task


async def test_a_revoked_turn_is_asked_for_anew_at_the_end_of_the_queue(world: World) -> None:
    """The operator gives nobody the same turn twice."""
    task = await world.taking()
    world.seconds += 700
    world.api.merge({"turn": {"granted": {**ticket(), "seconds": 600}, "revoked": ticket()}})
    await until(lambda: world.asked == 2)
    assert world.api.patches[-1]["turn"]["requested"]["time"] == "2026-01-01T00:28:20.000000Z"
    world.grant(2)
    assert await in_time(task) == 600


async def test_a_request_that_was_overwritten_is_made_anew(world: World) -> None:
    """A patch of the turn before has landed late."""
    first = await world.taking()
    world.grant()
    await in_time(first)
    second = await world.taking(2)
    world.api.merge(world.api.patches[0])
    await until(lambda: world.asked == 3)
    world.grant(3)
    assert await in_time(second) == 600


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"deletionTimestamp": b.stamp(1)}},
        {"spec": {"cancel": True}},
        {"status": {"executions": 2}},
    ],
    ids=["deleted", "canceled", "given up"],
)
async def test_an_attempt_that_is_stopped_waits_for_no_turn(world: World, change: dict[str, Any]) -> None:
    """Nobody would grant it one."""
    task = await world.taking()
    for part, fields in change.items():
        world.api.attempt.setdefault(part, {}).update(fields)
    world.api.touched()
    with pytest.raises(StaleAttemptError):
        await in_time(task)


async def test_an_attempt_that_is_gone_waits_for_no_turn(world: World) -> None:
    """Another one has its name."""
    task = await world.taking()
    world.api.attempt["metadata"]["uid"] = "another"
    world.api.touched()
    with pytest.raises(AttemptGone):
        await in_time(task)


async def test_a_canceled_wait_asks_for_nothing_any_more(world: World) -> None:
    """Whoever stands behind it goes on."""
    task = await world.taking()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await world.status.flush()
    assert world.said["returned"] == ticket()


async def test_an_api_server_that_is_away_gives_no_turn() -> None:
    """The publisher goes on trying, as for every call without an answer."""
    world = World(outage_seconds=0)
    for method in ("patch_status", "get"):
        world.api.faults.on(method, cut_before)
        with pytest.raises(NoAnswer):
            await in_time(world.turn.take())


async def test_a_request_whose_answer_is_lost_is_known_by_the_read_after_it(world: World) -> None:
    """It may have been granted already."""
    world.api.faults.on("patch_status", lost)
    with pytest.raises(NoAnswer):
        await in_time(world.turn.take())
    task = await world.taking(2)
    world.grant(2)
    assert await in_time(task) == 600


# --- a watch that cannot be relied upon


async def ends_at_once(call: Call) -> None:
    """The server ends the stream without a word."""
    await call.send(Answered())


@pytest.mark.parametrize("fault", [cut_before, ends_at_once], ids=["breaks", "ends at once"])
async def test_a_watch_that_brings_nothing_is_opened_again(world: World, fault: Any) -> None:
    """After a read, so that what happened meanwhile is seen."""
    for _ in range(2):
        world.api.faults.on("changed", fault)
    task = await world.taking()
    world.grant()
    assert await in_time(task) == 600


async def test_a_watch_that_hangs_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it kept back is read."""
    monkeypatch.setattr("perago.agent.turn.WATCH_SECONDS", 0.05)
    world.api.faults.on("changed", silent)
    task = await world.taking()
    world.grant()
    assert await in_time(task) == 600


async def test_watches_that_end_at_once_are_spread_out(world: World) -> None:
    """A server in trouble is asked a few times a second, not thousands."""
    world.api.faults.on("changed", ends_at_once, times=None)
    task = asyncio.create_task(world.turn.take())
    await until(lambda: world.watches > 0)
    await asyncio.sleep(0.3)
    assert world.watches <= 5
    task.cancel()


async def test_a_watch_that_is_not_allowed_is_an_error(world: World) -> None:
    """The agent's Role is an old one: said at once."""
    world.api.faults.on("changed", raising(ClusterRefused("403 cannot watch")))
    with pytest.raises(ClusterRefused):
        await in_time(world.turn.take())


# --- the answers


@pytest.mark.parametrize(
    ("turn", "answer"),
    [
        ({}, Answer.LOST),
        ({"requested": 1}, Answer.LOST),
        ({"requested": 2}, Answer.NONE),
        ({"requested": 2, "waiting": 1}, Answer.NONE),
        ({"requested": 2, "waiting": 2}, Answer.QUEUED),
        ({"requested": 2, "granted": 1}, Answer.NONE),
        ({"requested": 2, "granted": 2}, Answer.GRANTED),
        ({"requested": 1, "granted": 2}, Answer.GRANTED),
        ({"requested": 2, "granted": 2, "revoked": 1}, Answer.GRANTED),
        ({"requested": 2, "granted": 2, "revoked": 2}, Answer.REVOKED),
        ({"requested": 2, "revoked": 2}, Answer.REVOKED),
    ],
)
def test_each_status_is_an_answer_to_the_second_request(turn: dict[str, int], answer: Answer) -> None:
    """Tickets decide, and a revocation counts more than a grant."""
    tickets: dict[str, Any] = {name: ticket(number) for name, number in turn.items()}
    if "waiting" in tickets:
        tickets["waiting"]["behind"] = "team/a0"
    assert answer_to(TicketId(1, 2), TurnStatus.model_validate(tickets)) is answer


def test_what_a_newer_operator_adds_is_ignored() -> None:
    """Pods outlive an upgrade."""
    seen = TurnStatus.model_validate({"granted": {**ticket(), "seconds": 600, "colour": "red"}, "more": 1})
    assert seen.granted == SeenTicket(execution=1, number=1)
