"""Decisions as a whole: rule, lease, back-off, status and event together."""

import pytest

from perago_operator.api.reasons import Reason
from perago_operator.core import actions as do
from perago_operator.core.config import Config
from perago_operator.core.decide import decide
from perago_operator.core.facts import Facts
from perago_operator.core.memory import Trouble
from perago_operator.core.verdict import Standing, Verdict
from tests import builders as b

RUNNING = {"phase": "Running", "podName": "a1-1", "executions": 1, "nodeName": "node-1"}
READY = b.condition("PodReady", reason="PodRunning", message="pod a1-1 runs", observedGeneration=1)
STEADY = b.attempt(status={**RUNNING, "conditions": [READY]})


def decided(facts: Facts, seconds: float = 1.0) -> do.Decision:
    """The decision so many seconds after the start."""
    return decide(facts, b.at(seconds), Config())


def kinds(decision: do.Decision) -> list[str]:
    """The kinds of its actions."""
    return [do.name_of(each) for each in decision.actions]


def trouble(kind: str, until: float) -> dict[str, Trouble]:
    """Calls of that kind rest until then."""
    return {kind: Trouble(1, b.at(until), Reason.API_UNREACHABLE, "away")}


def test_a_decision_says_why() -> None:
    """By the name of its rule."""
    assert decided(b.facts()).why == "pod_can_start"


def test_calls_come_before_the_status() -> None:
    """Nothing waits for a status."""
    assert kinds(decided(b.facts())) == ["CreatePod"]


def test_an_attempt_at_rest_looks_again_at_its_heartbeat() -> None:
    """Response time-out 60 s: between 18 and 20 s after its creation."""
    decision = decided(b.facts(STEADY, pods=(b.running_pod(),)))
    assert decision.actions == ()
    assert decision.look_again_at is not None
    assert b.at(18) <= decision.look_again_at <= b.at(20)


def test_a_standalone_attempt_at_rest_is_left_alone() -> None:
    """Only events wake it."""
    alone = b.attempt(standalone=True, status={**RUNNING, "conditions": [READY]})
    assert decided(b.facts(alone, pods=(b.running_pod(),))) == do.Decision((), None, "pod_runs")


def test_a_due_heartbeat_is_sent() -> None:
    """From the moment of polling, also while the attempt waits for room."""
    assert kinds(decided(b.facts(STEADY, pods=(b.running_pod(),)), 20)) == ["Heartbeat"]
    waiting = b.attempt(task=None, taskRef={"name": "unknown"})
    assert kinds(decided(b.facts(waiting), 20)) == ["Heartbeat"]


def test_the_next_heartbeat_counts_from_the_last() -> None:
    """A third of the response time-out later."""
    beaten = b.facts(STEADY, pods=(b.running_pod(),), memory=b.memory(heartbeat_at=b.at(20)))
    assert decided(beaten, 37).actions == ()
    assert kinds(decided(beaten, 40)) == ["Heartbeat"]


def test_an_adopted_attempt_has_its_heartbeat_soon() -> None:
    """Nobody knows when the last one was; spread over seconds, for there may be thousands."""
    adopted = b.memory(adopted=True, first_seen=b.at(100))
    decision = decided(b.facts(STEADY, pods=(b.running_pod(),), memory=adopted), 100)
    assert decision.look_again_at is not None
    assert b.at(100) <= decision.look_again_at <= b.at(107)


def test_no_lease_once_the_outcome_is_known() -> None:
    """A lease that races the report could bring the task back to life."""
    told = b.facts(b.attempt(status={"outcome": b.completed()}))
    assert kinds(decided(told, 100)) == ["Report"]


def test_lease_and_report_alternate_while_reports_fail() -> None:
    """The lease knows the outcome: a reading may show that a report had arrived."""
    told = b.attempt(status={"outcome": b.completed()})
    decision = decided(b.facts(told, memory=b.memory(troubles=trouble("Report", 10))), 20)
    assert kinds(decision) == ["Heartbeat", "Report"]
    assert isinstance(decision.actions[0], do.Heartbeat)
    assert decision.actions[0].outcome is not None


def test_a_call_that_failed_rests_and_the_others_go_on() -> None:
    """The report waits for Conductor; the pod does not wait for the report."""
    told = b.attempt(status={"outcome": b.completed()})
    decision = decided(b.facts(told, pods=(b.running_pod(),), memory=b.memory(troubles=trouble("Report", 10))))
    assert kinds(decision) == ["ShipLog", "DeletePod", "ReleasePod"]


def test_while_all_calls_rest_the_status_tells_why() -> None:
    """And the next look is at the end of the rest."""
    decision = decided(b.facts(memory=b.memory(troubles=trouble("CreatePod", 3))))
    assert kinds(decision) == ["PatchStatus", "RecordEvent"]
    assert decision.look_again_at == b.at(3)


def test_a_status_that_failed_rests_too() -> None:
    """Until its time, with nothing else to do."""
    decision = decided(b.facts(pods=(b.running_pod(),), memory=b.memory(troubles=trouble("PatchStatus", 3))))
    assert (decision.actions, decision.look_again_at) == ((), b.at(3))


@pytest.mark.parametrize(
    "given", [b.facts(b.attempt(cancel=True)), b.facts(pods=(b.pod(phase="Failed", reason="Evicted"),))]
)
def test_what_the_agent_might_write_too_is_guarded(given: Facts) -> None:
    """An outcome and a next execution are refused when the object has changed since."""
    [patch, *_] = decided(given).actions
    assert isinstance(patch, do.PatchStatus)
    assert patch.guarded


def test_an_ordinary_status_is_not_guarded() -> None:
    """The operator's own fields are nobody else's."""
    [patch] = decided(b.facts(pods=(b.running_pod(),))).actions
    assert isinstance(patch, do.PatchStatus)
    assert not patch.guarded


def test_a_warning_is_an_event_once() -> None:
    """As long as the condition says the same, people know."""
    pulling = b.pod(containers=[b.container("agent"), b.container("task", waiting={"reason": "ErrImagePull"})])
    assert kinds(decided(b.facts(pods=(pulling,)))) == ["PatchStatus", "RecordEvent"]
    said = b.condition("PodReady", "False", "ImagePull", message="container task: ImagePullBackOff")
    assert kinds(decided(b.facts(b.attempt(status={"conditions": [said]}), pods=(pulling,)))) == ["PatchStatus"]


def test_the_end_is_an_event() -> None:
    """With the outcome's reason; a warning unless it completed."""
    verdict = Verdict(Standing.ACCEPTED, "", b.at(1), after_report=True)
    told = b.facts(b.attempt(status={"outcome": b.failure()}), memory=b.memory(verdict=verdict))
    assert decided(told).actions[1] == do.RecordEvent("Warning", "TaskFailed", "it broke")


def test_the_deadline_is_looked_at_in_time() -> None:
    """Also while a pod is on its way."""
    limited = b.attempt(standalone=True, activeDeadlineSeconds=5, status={"timings": {"queued": 0}})
    assert decided(
        b.facts(limited, pods=(b.pod(),), memory=b.memory(troubles=trouble("PatchStatus", 9)))
    ).look_again_at == (b.at(5))
