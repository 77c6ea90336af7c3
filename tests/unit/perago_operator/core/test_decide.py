"""Decisions as a whole: rule, heartbeat, back-off, status and event together."""

from dataclasses import replace

import pytest

from perago_operator.api.reasons import Reason
from perago_operator.core import actions as do
from perago_operator.core.answers import Standing, Verdict
from perago_operator.core.decide import Decision, decide
from perago_operator.core.memory import Trouble
from perago_operator.core.situation import Situation
from tests import builders as b

RUNNING = {"phase": "Running", "podName": "a1-1", "executions": 1, "nodeName": "node-1"}
READY = b.condition("PodReady", reason="PodRunning", message="pod a1-1 is running", observedGeneration=1)
STEADY = b.attempt(status={**RUNNING, "conditions": [READY]})


def decided(s: Situation) -> Decision:
    """The decision in that situation."""
    return decide(s)


def kinds(decision: Decision) -> list[str]:
    """The kinds of its actions."""
    return [do.kind_of(action) for action in decision.actions]


def trouble(kind: do.Kind, until: float) -> dict[do.Kind, Trouble]:
    """Calls of that kind rest until then."""
    return {kind: Trouble(1, b.at(until), Reason.API_UNREACHABLE, "away")}


def test_a_decision_says_why() -> None:
    """By the name of its rule."""
    assert decided(b.situation()).rule == "pod_can_start"


def test_calls_come_before_the_status() -> None:
    """Nothing waits for a status."""
    assert kinds(decided(b.situation())) == ["CreatePod"]


def test_an_attempt_at_rest_looks_again_at_its_heartbeat() -> None:
    """Response time-out 60 s: between 18 and 20 s after its creation."""
    decision = decided(b.situation(STEADY, pods=(b.running_pod(),)))
    assert decision.actions == ()
    assert decision.look_again_at is not None
    assert b.at(18) <= decision.look_again_at <= b.at(20)


def test_a_standalone_attempt_at_rest_is_left_alone() -> None:
    """Only events wake it."""
    alone = b.attempt(standalone=True, status={**RUNNING, "conditions": [READY]})
    assert decided(b.situation(alone, pods=(b.running_pod(),))) == Decision((), None, "pod_runs")


def test_a_due_heartbeat_is_sent() -> None:
    """From the moment of polling, also while the attempt waits for room."""
    assert kinds(decided(b.situation(STEADY, 20, pods=(b.running_pod(),)))) == ["Heartbeat"]
    waiting = b.attempt(task=None, taskRef={"name": "unknown"})
    assert kinds(decided(b.situation(waiting, 20))) == ["Heartbeat"]


def test_the_next_heartbeat_counts_from_the_last() -> None:
    """A third of the response time-out later."""
    beaten = b.situation(STEADY, pods=(b.running_pod(),), memory=b.memory(heartbeat_at=b.at(20)))
    assert decided(replace(beaten, now=b.at(37))).actions == ()
    assert kinds(decided(replace(beaten, now=b.at(40)))) == ["Heartbeat"]


def test_an_adopted_attempt_has_its_heartbeat_soon() -> None:
    """Nobody knows when the last one was; spread over seconds, for there may be thousands."""
    adopted = b.memory(adopted=True, first_seen=b.at(100))
    decision = decided(b.situation(STEADY, 100, pods=(b.running_pod(),), memory=adopted))
    assert decision.look_again_at is not None
    assert b.at(100) <= decision.look_again_at <= b.at(107)


def test_no_lease_once_the_outcome_is_known() -> None:
    """A lease that races the report could bring the task back to life."""
    ended = b.situation(b.attempt(status={"outcome": b.completed()}), 100)
    assert kinds(decided(ended)) == ["Report"]


def test_lease_and_report_alternate_while_reports_fail() -> None:
    """The lease knows the outcome: a reading may show that a report had arrived."""
    ended = b.attempt(status={"outcome": b.completed()})
    decision = decided(b.situation(ended, 20, memory=b.memory(troubles=trouble(do.Report, 10))))
    assert kinds(decision) == ["Heartbeat", "Report"]
    assert isinstance(decision.actions[0], do.Heartbeat)
    assert decision.actions[0].outcome is not None


def test_a_call_that_failed_rests_and_the_others_go_on() -> None:
    """The report waits for Conductor; the pod does not wait for the report."""
    ended = b.attempt(status={"outcome": b.completed()})
    memory = b.memory(troubles=trouble(do.Report, 10), logs={"a1-1": "boom"})
    decision = decided(b.situation(ended, pods=(b.running_pod(),), memory=memory))
    assert kinds(decision) == ["ShipLog", "DeletePod", "ReleasePod"]


def test_while_all_calls_rest_the_status_tells_why() -> None:
    """And the next look is at the end of the rest."""
    decision = decided(b.situation(memory=b.memory(troubles=trouble(do.CreatePod, 3))))
    assert kinds(decision) == ["PatchStatus", "RecordEvent"]
    assert decision.look_again_at == b.at(3)


def test_a_status_that_failed_rests_too() -> None:
    """Until its time, with nothing else to do."""
    decision = decided(b.situation(pods=(b.running_pod(),), memory=b.memory(troubles=trouble(do.PatchStatus, 3))))
    assert (decision.actions, decision.look_again_at) == ((), b.at(3))


@pytest.mark.parametrize(
    "given", [b.situation(b.attempt(cancel=True)), b.situation(pods=(b.pod(phase="Failed", reason="Evicted"),))]
)
def test_what_the_agent_might_write_too_is_guarded(given: Situation) -> None:
    """An outcome and a next execution are refused when the object has changed since."""
    [patch, *_] = decided(given).actions
    assert isinstance(patch, do.PatchStatus)
    assert patch.guarded


def test_an_ordinary_status_is_not_guarded() -> None:
    """The operator's own fields are nobody else's."""
    [patch] = decided(b.situation(pods=(b.running_pod(),))).actions
    assert isinstance(patch, do.PatchStatus)
    assert not patch.guarded


def test_a_warning_is_an_event_once() -> None:
    """As long as the condition says the same, people know."""
    pulling = b.pod(containers=[b.container("agent"), b.container("task", waiting={"reason": "ErrImagePull"})])
    assert kinds(decided(b.situation(pods=(pulling,)))) == ["PatchStatus", "RecordEvent"]
    said = b.condition("PodReady", "False", "ImagePull", message="container task: ImagePullBackOff")
    assert kinds(decided(b.situation(b.attempt(status={"conditions": [said]}), pods=(pulling,)))) == ["PatchStatus"]


def test_an_attempt_that_completed_costs_no_event() -> None:
    """Its status says the same, and nobody has anything to do."""
    ended = b.situation(b.attempt(standalone=True, status={"outcome": b.completed()}))
    assert kinds(decided(ended)) == ["PatchStatus"]


def test_the_end_in_failure_is_an_event() -> None:
    """With the outcome's reason."""
    verdict = Verdict(Standing.ACCEPTED, "", b.at(1), after_report=True)
    ended = b.situation(b.attempt(status={"outcome": b.failure()}), memory=b.memory(verdict=verdict))
    assert decided(ended).actions[1] == do.RecordEvent("Warning", "TaskFailed", "it broke")


@pytest.mark.parametrize(("author", "text"), [(1, "it broke; raise the limit"), (None, "it broke")])
def test_the_event_of_a_failure_ends_with_the_remedy(author: int | None, text: str) -> None:
    """The operator's own messages have it already."""
    outcome = b.failure("OOMKilled", execution=author, remedy="Raise the `limit`.")
    ended = b.situation(b.attempt(standalone=True, status={"outcome": outcome}))
    assert decided(ended).actions[1] == do.RecordEvent("Warning", "OOMKilled", text)


def test_what_the_attempt_replaced_is_an_event() -> None:
    """With the commit and who made it, so that nobody misses it in silence."""
    verdict = Verdict(Standing.ACCEPTED, "", b.at(1), after_report=True)
    workspace = {"repository": "lake", "branch": "main", "replaced": {"ref": "c1", "by": "wei"}}
    status = {"outcome": b.failure(), "workspace": workspace}
    ended = b.situation(b.attempt(status=status), memory=b.memory(verdict=verdict))
    text = "c1 by wei was taken off the branch main of lake"
    assert do.RecordEvent("Warning", "CommitReplaced", text) in decided(ended).actions


def test_the_deadline_is_looked_at_in_time() -> None:
    """Also while a pod is on its way."""
    limited = b.attempt(standalone=True, activeDeadlineSeconds=5, status={"timings": {"queued": 0}})
    s = b.situation(limited, pods=(b.pod(),), memory=b.memory(troubles=trouble(do.PatchStatus, 9)))
    assert decided(s).look_again_at == b.at(5)
