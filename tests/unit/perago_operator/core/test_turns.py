"""The table of turns: a situation for each row, and what asking and holding are."""

from typing import Any

import pytest

from perago.wire import TicketId
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.core import actions as do
from perago_operator.core import turns
from perago_operator.core.decide import decide
from perago_operator.core.learn import looked
from perago_operator.core.memory import TurnSeen
from perago_operator.core.rules import Ruling
from perago_operator.core.rules.turns import TURN_RULES, turn_ruling
from perago_operator.core.situation import Situation
from perago_operator.core.status import status_patch
from tests import builders as b

FIRST = TicketId(1, 1)


def ruling(s: Situation, rule: str) -> Ruling:
    """What the rule of that name says, which is the first that matches."""
    matching = next(row for row in TURN_RULES if row(s) is not None)
    assert matching.__name__ == rule
    return turn_ruling(s)


def at_work(status: dict[str, Any], seconds: float = 1, **more: Any) -> Situation:
    """The situation of an attempt whose pod runs."""
    return b.situation(b.attempt(status=status), seconds, **{"pods": (b.running_pod(),), **more})


def holding(seconds: float, *, revoked: bool = False, status: dict[str, Any] | None = None) -> Situation:
    """A turn of 600 s was granted or revoked, as this process first saw at second 100."""
    marks = {"granted": b.request(), **({"revoked": b.ticket()} if revoked else {})}
    seen = b.memory(turn=TurnSeen(FIRST, revoked, 100.0))
    return at_work({**b.turn(**marks), **(status or {})}, seconds, memory=seen)


def parsed(status: dict[str, Any], **changes: Any) -> PeragoAttempt:
    """An attempt of that status."""
    return PeragoAttempt.model_validate(b.attempt(status=status, **changes))


# --- the rows


def test_an_attempt_that_publishes_nothing_has_no_turn() -> None:
    """It costs nothing."""
    for status in ({}, {"executions": 1, "podName": "a1-1"}, b.turn(returned=b.ticket())):
        assert turn_ruling(at_work(status)) == Ruling()


def test_a_free_turn_is_granted() -> None:
    """At once: to whoever asks and comes first."""
    assert ruling(at_work(b.turn()), "turn_is_free").actions == (do.GrantTurn(),)


def test_who_comes_later_waits() -> None:
    """For as long as somebody is ahead, which is not known in advance."""
    assert ruling(at_work(b.turn(), turn_behind="ns/a0"), "another_is_ahead") == Ruling()


@pytest.mark.parametrize(
    "s",
    [
        at_work(b.turn(), pods=(b.ended_pod(),)),
        b.situation(b.attempt(status=b.turn(), activeDeadlineSeconds=5), 1000, pods=(b.running_pod(),)),
    ],
    ids=["its pod has ended", "its time is over"],
)
def test_an_attempt_that_ends_is_given_no_turn(s: Situation) -> None:
    """Nobody would use it."""
    assert ruling(s, "attempt_ends") == Ruling()


def test_a_turn_is_waited_for_until_it_is_overdue() -> None:
    """600 s to publish and 60 s to see the grant and to give it back, from when this process saw it."""
    assert ruling(holding(759), "turn_is_held").look_again_at == b.at(760)
    assert ruling(holding(760), "turn_is_overdue").actions == (do.RevokeTurn(),)


def test_a_revoked_turn_keeps_others_waiting_for_as_long_as_a_merge_may_come() -> None:
    """Whoever saw the grant right before has 600 s; the clocks of two nodes may differ by 10 s in that time."""
    assert ruling(holding(709, revoked=True), "turn_is_revoked").look_again_at == b.at(710)
    assert ruling(holding(710, revoked=True), "revoked_turn_is_over").actions == (do.EndTurn(),)


@pytest.mark.parametrize("end", [{"outcome": b.failure()}, {"executions": 2, "podName": None}], ids=["outcome", "pod"])
def test_a_lost_execution_is_revoked_at_once(end: dict[str, Any]) -> None:
    """Its agent may live on somewhere: it has seen the grant, or must not see it any more."""
    assert ruling(holding(101, status=end), "holder_is_over").actions == (do.RevokeTurn(),)
    assert ruling(holding(709, status=end, revoked=True), "turn_is_revoked").look_again_at == b.at(710)


@pytest.mark.parametrize("status", [{}, {"outcome": b.failure()}, {"executions": 2, "podName": None}])
def test_a_turn_ends_with_the_agent_that_holds_it(status: dict[str, Any]) -> None:
    """Its pod shows that: no time has to pass, whatever else became of the attempt."""
    killed = b.container("agent", ended={"exitCode": 137, "reason": "OOMKilled"})
    for pod in (b.ended_pod(), b.running_pod(containers=[killed, b.container("task", running=True)])):
        s = at_work({**b.turn(granted=b.request()), **status}, pods=(pod,))
        assert ruling(s, "holder_has_ended").actions == (do.EndTurn(),)


@pytest.mark.parametrize(
    "pod",
    [
        b.running_pod(containers=[b.container("agent", running=True), b.container("task", ended={})]),
        b.running_pod(phase="Failed", reason="NodeLost"),
        b.running_pod(meta={"deletionTimestamp": b.stamp(1), "deletionGracePeriodSeconds": 0}),
        b.ended_pod(2),
    ],
    ids=["the task has ended", "the node is lost", "deleted by force", "another execution has ended"],
)
def test_nothing_else_proves_that_an_agent_has_ended(pod: dict[str, Any]) -> None:
    """Others wait until it can merge no more."""
    s = at_work(b.turn(granted=b.request()), pods=(pod,))
    assert do.EndTurn() not in turn_ruling(s).actions


def test_a_length_is_the_one_that_the_agent_was_told() -> None:
    """The setting may have changed since its pod was made."""
    short, seen = b.request(lasts=5), b.memory(turn=TurnSeen(FIRST, False, 100))
    s = at_work(b.turn(short, granted=short), 165, memory=seen)
    assert ruling(s, "turn_is_overdue").actions == (do.RevokeTurn(),)


# --- what asking and holding are


@pytest.mark.parametrize(
    ("marks", "asks", "holds"),
    [
        ({}, True, False),
        ({"granted": b.request()}, True, True),
        ({"granted": b.request(), "revoked": b.ticket()}, False, True),
        ({"granted": b.request(), "returned": b.ticket()}, False, False),
        ({"revoked": b.ticket()}, False, False),
    ],
    ids=["asked", "granted", "revoked", "returned", "taken away"],
)
def test_a_turn_is_asked_for_held_and_given_back(marks: dict[str, Any], asks: bool, holds: bool) -> None:
    """By tickets alone."""
    attempt = parsed(b.turn(**marks))
    assert (turns.asks(attempt), turns.holds(attempt)) == (asks, holds)


def test_who_asks_anew_has_done_with_the_turn_before() -> None:
    """Even if the patch that gave it back was merged with the next request, or it was revoked."""
    for marks in ({}, {"revoked": b.ticket()}):
        attempt = parsed(b.turn(b.request(2), granted=b.request(), **marks))
        assert (turns.asks(attempt), turns.holds(attempt)) == (True, False)


def test_a_patch_that_lands_late_gives_nothing_back() -> None:
    """The request and the return of the first turn, over those of the second, which was granted."""
    attempt = parsed(b.turn(b.request(1), granted=b.request(2), returned=b.ticket(1)))
    assert turns.holds(attempt)


@pytest.mark.parametrize(
    "changes",
    [
        {"cancel": True},
        {"meta": {"deletionTimestamp": b.stamp(1)}},
        {"status": {**b.turn(), "outcome": b.failure()}},
        {"status": {**b.turn(), "reporting": {"state": "Superseded"}}},
        {"status": {**b.turn(), "executions": 2}},
    ],
    ids=["canceled", "deleted", "ended", "superseded", "of a former execution"],
)
def test_who_cannot_be_given_a_turn_asks_for_none(changes: dict[str, Any]) -> None:
    """So nobody waits behind it."""
    attempt = PeragoAttempt.model_validate(b.attempt(**{"status": b.turn(), **changes}))
    assert turns.target(attempt) is None


def test_a_canceled_attempt_keeps_its_turn_until_it_is_over() -> None:
    """Its agent may be merging."""
    assert turns.holds(parsed(b.turn(granted=b.request()), cancel=True))


def test_a_lost_execution_holds_its_turn_whatever_follows() -> None:
    """An outcome, another execution, that one's request: the agent of the former may live on somewhere."""
    held = b.turn(granted=b.request())
    assert turns.holds(parsed({**held, "outcome": b.failure()}))
    later = parsed({**b.turn(b.request(1, 2), granted=b.request()), "executions": 2})
    assert (turns.asks(later), turns.holds(later), turns.asks_beside(later)) == (True, True, True)
    assert not turns.asks_beside(parsed(held))


def test_a_running_execution_holds_its_turn_whatever_became_of_its_branch() -> None:
    """It may be resetting the target."""
    assert turns.holds(parsed({**b.turn(granted=b.request()), "staging": {**b.STAGING, "state": "Deleted"}}))


def test_the_branch_is_what_a_turn_is_about() -> None:
    """As the agent has reported it; without that there is nothing to grant."""
    assert turns.target(parsed(b.turn())) == ("repo", "main")
    unknown = parsed({**b.turn(), "workspace": None})
    assert turns.target(unknown) is None
    assert turn_ruling(at_work({**b.turn(), "workspace": None})) == Ruling()


# --- what becomes of it


def test_a_turn_is_measured_from_its_first_sight() -> None:
    """By a clock that never goes back; its revocation begins a time of its own."""
    first = looked(at_work(b.turn(granted=b.request()), 5, clock=42.0))
    assert first.turn == TurnSeen(FIRST, False, 42.0)
    later = looked(at_work(b.turn(granted=b.request()), 1, clock=50.0, memory=first))
    assert later.turn == first.turn
    revoked = looked(at_work(b.turn(granted=b.request(), revoked=b.ticket()), 1, clock=60.0, memory=later))
    assert revoked.turn == TurnSeen(FIRST, True, 60.0)
    assert looked(at_work(b.turn(returned=b.ticket()), 1, memory=revoked)).turn is None


def test_a_turn_is_decided_beside_whatever_else_happens_to_the_attempt() -> None:
    """A pod that somebody deletes may still publish."""
    leaving = b.running_pod(meta={"deletionTimestamp": b.stamp(31), "deletionGracePeriodSeconds": 30})
    assert do.GrantTurn() in decide(at_work(b.turn(), pods=(leaving,))).actions


def test_the_next_look_is_also_for_the_turn() -> None:
    """Nothing else may ever happen to the attempt."""
    held = b.attempt(status={**b.turn(granted=b.request()), "phase": "Running", "nodeName": "node-1"}, standalone=True)
    ready = b.condition("PodReady", reason="PodRunning", message="pod a1-1 is running", observedGeneration=1)
    held["status"] |= {"conditions": [ready], "staging": {**b.STAGING, "branch": b.staging_branch(held)}}
    seen = b.memory(turn=TurnSeen(FIRST, False, 100.0))
    decision = decide(b.situation(held, 700, pods=(b.running_pod(),), memory=seen))
    assert (decision.actions, decision.look_again_at) == ((), b.at(760))


def test_the_status_says_behind_whom_an_attempt_waits() -> None:
    """For each request anew, so that an agent that asks again hears that somebody is there; and no longer than that."""
    waiting = at_work(b.turn(b.request(2), waiting=b.ticket(1, behind="ns/a0")), turn_behind="ns/a0")
    assert status_patch(waiting, Ruling())["turn"] == {"waiting": {"number": 2}}
    assert "turn" not in status_patch(at_work(b.turn(waiting=b.ticket(behind="ns/a0")), turn_behind="ns/a0"), Ruling())
    done = at_work(b.turn(waiting=b.ticket(behind="ns/a0"), returned=b.ticket()))
    assert status_patch(done, Ruling())["turn"] == {"waiting": None}
    assert "turn" not in status_patch(at_work(b.turn()), Ruling())
