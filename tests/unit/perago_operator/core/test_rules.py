"""One test or more for each row of the table: the situation, the rule that matches, what it decides.

`test_rule_order` says what the order of the rows is for.
"""

import ast
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from perago.wire import Outcome
from perago_operator.api.reasons import Reason, with_remedy
from perago_operator.core import actions as do
from perago_operator.core.answers import Publication, Standing, Verdict
from perago_operator.core.config import AttemptLimits, Config, Limits, NodeCache, PodSettings
from perago_operator.core.decide import decide, first_match
from perago_operator.core.memory import Evidence, Hindered, Memory, Trouble
from perago_operator.core.pod.model import Pod
from perago_operator.core.room import Crowd, Scope
from perago_operator.core.rules import RULES, Notice, Ruling
from perago_operator.core.rules.common import let_strangers_go
from perago_operator.core.siblings import Sibling
from perago_operator.core.situation import Situation
from perago_operator.core.status import status_patch
from tests import builders as b
from tests.unit.perago_operator.core.situations import SILENT


def ruling(s: Situation, rule: str) -> Ruling:
    """What the table decides, by the rule of that name."""
    matching, decided = first_match(s)
    assert matching.__name__ == rule
    return decided


def outcome(s: Situation, rule: str) -> Outcome:
    """The outcome that the rule of that name decides on."""
    decided = ruling(s, rule).outcome
    assert decided is not None
    return decided


def notice(s: Situation, rule: str) -> Notice:
    """What the rule of that name tells people."""
    decided = ruling(s, rule).notice
    assert decided is not None
    return decided


def kinds(decided: Ruling) -> list[str]:
    """The kinds of the actions, in order."""
    return [do.kind_of(action) for action in decided.actions]


def finished(**status: Any) -> dict[str, Any]:
    """The status of an attempt for which nothing is left to do, since second 5."""
    over = {"outcome": b.completed(), "reporting": {"state": "Accepted"}, "conditions": [b.condition("Complete")]}
    return {**over, **status}


def verdict(standing: Standing, seconds: float = 1, *, after_report: bool = False) -> Verdict:
    """A reading of Conductor."""
    return Verdict(standing, f"Conductor says {standing}", b.at(seconds), after_report)


def trouble(reason: Reason | None = None, **changes: Any) -> Trouble:
    """A call that failed and rests until second 100."""
    return Trouble(**{"count": 1, "until": b.at(100), "reason": reason, "message": "no room", **changes})


ENDED = b.attempt(status={"outcome": b.completed()})
CANCELED = b.attempt(cancel=True)
STAGED = b.attempt(status={"staging": b.STAGING})
GONE = {**b.STAGING, "state": "Deleted"}
UNSTAGED = b.attempt(status={"staging": GONE})
EVICTED = b.pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory.")
LEAVING = b.running_pod(meta={"deletionTimestamp": b.stamp(31), "deletionGracePeriodSeconds": 30})
PULLING = b.pod(
    containers=[b.container("agent", running=True), b.container("task", waiting={"reason": "ErrImagePull"})]
)
PUBLICATION = Publication("commit-b", {"perago.output": '{"result":{"rows":3}}'})
PUBLISHED = b.memory(evidence=Evidence(1, PUBLICATION))
BETWEEN = {"executions": 2, "podName": None}


# --- the outcome is known


def test_a_finished_attempt_waits_for_its_time_to_live() -> None:
    """The time to live counts from the condition Complete."""
    over = b.attempt(status=finished(), meta={"finalizers": []}, ttlSecondsAfterFinished=30)
    assert ruling(b.situation(over, 34), "attempt_is_over") == Ruling(look_again_at=b.at(35))


def test_an_attempt_whose_time_to_live_is_over_is_deleted() -> None:
    """Deleted once; the watch says when it is gone."""
    over = b.attempt(status=finished(), meta={"finalizers": []}, ttlSecondsAfterFinished=30)
    assert ruling(b.situation(over, 35), "attempt_is_over") == Ruling((do.DeleteAttempt(),))
    assert ruling(b.situation(over, 36, memory=b.memory(expired=True)), "attempt_is_over") == Ruling()


def test_a_ttl_of_zero_deletes_at_once() -> None:
    """Zero is a time to live, not the absence of one."""
    over = b.attempt(status=finished(), meta={"finalizers": []}, ttlSecondsAfterFinished=0)
    assert kinds(ruling(b.situation(over, 6), "attempt_is_over")) == ["DeleteAttempt"]


def test_doubt_holds_the_finalizer_until_a_heartbeat_period_later() -> None:
    """A heartbeat of unknown fate may bring a completed task back: response time-out 60 s, so 20 s."""
    doubtful = b.memory(doubt_since=b.at(2), verdict=verdict(Standing.ACCEPTED, 3, after_report=True))
    s = b.situation(b.attempt(status=finished()), 6, memory=doubtful)
    assert ruling(s, "late_call_may_have_landed") == Ruling(look_again_at=b.at(22))


def test_doubt_ends_with_one_more_reading() -> None:
    """The task is read back when the heartbeat period is over."""
    doubtful = b.memory(doubt_since=b.at(2), verdict=verdict(Standing.ACCEPTED, 3, after_report=True))
    s = b.situation(b.attempt(status=finished()), 22, memory=doubtful)
    assert kinds(ruling(s, "late_call_may_have_landed")) == ["ReadBack"]


def test_a_task_that_a_late_heartbeat_reopened_is_reported_again() -> None:
    """A reading shows IN_PROGRESS, before the end of the doubt or after it."""
    for seconds in (10, 23):
        reopened = b.memory(doubt_since=b.at(2), verdict=verdict(Standing.OPEN, seconds, after_report=True))
        s = b.situation(b.attempt(status=finished()), 24, memory=reopened)
        assert kinds(ruling(s, "outcome_is_known")) == ["Report"]


def test_the_finalizer_goes_when_nothing_is_left() -> None:
    """Complete and without doubt."""
    s = b.situation(b.attempt(status=finished()))
    assert ruling(s, "nothing_is_left") == Ruling((do.ReleaseAttempt(),))


def test_a_known_outcome_is_reported_and_everything_let_go() -> None:
    """Report, staging branch, log; and once the log is read, the pod."""
    staged = b.attempt(status={"outcome": b.completed(), "staging": b.STAGING})
    decided = ruling(b.situation(staged, pods=(b.running_pod(),)), "outcome_is_known")
    assert kinds(decided) == ["Report", "DeleteStaging", "ReadLog"]
    known = b.memory(logs={"a1-1": "boom"})
    decided = ruling(b.situation(staged, pods=(b.running_pod(),), memory=known), "outcome_is_known")
    assert kinds(decided) == ["Report", "DeleteStaging", "ShipLog", "DeletePod", "ReleasePod"]


KEPT: dict[str, Any] = {"conductor": None, "keepFailedPodsSeconds": 60, "meta": {"finalizers": []}}
"""An attempt by hand whose failed pod is kept for a minute."""


def kept(seconds: float, pod: dict[str, Any], **changes: Any) -> Situation:
    """A failed attempt that wants its pod kept, complete since second 5, whose outcome was seen at second 1."""
    status = {"outcome": b.failure(), "reporting": {"state": "NotRequired"}, "conditions": [b.condition("Complete")]}
    fields = {**KEPT, "status": status, **changes}
    memory = b.memory(outcome_seen_at=b.at(1), released_pods=frozenset({"uid-a1-1"}))
    return b.situation(b.attempt(**fields), seconds, pods=(pod,), memory=memory)


def test_a_failed_pod_is_kept_and_released() -> None:
    """Neither the attempt's end nor a finalizer waits for it."""
    failed = b.attempt(conductor=None, keepFailedPodsSeconds=60, status={"outcome": b.failure()})
    read = b.memory(logs={"a1-1": ""}, outcome_seen_at=b.at(1))
    for pod in (b.pod(), b.running_pod(), b.ended_pod()):
        assert kinds(ruling(b.situation(failed, 2, pods=(pod,), memory=read), "outcome_is_known")) == ["ReleasePod"]


def test_a_kept_pod_is_deleted_when_its_time_is_over() -> None:
    """A minute after its containers ended, at second 10."""
    assert ruling(kept(69, b.ended_pod()), "attempt_is_over").look_again_at == b.at(70)
    assert ruling(kept(70, b.ended_pod()), "kept_pod_is_due") == Ruling((do.DeletePod("a1-1", "uid-a1-1"),))


def test_a_pod_that_is_created_after_the_end_is_let_go() -> None:
    """A former leader's call has landed late: deleted and released, or it would stay for as long as the attempt.

    What was done to the pod that had its name before was not done to it.
    """
    complete = {"outcome": b.completed(), "reporting": {"state": "NotRequired"}}
    conditions = {"conditions": [b.condition("Complete")]}
    former = b.memory(deleted=frozenset({"uid-former"}), released_pods=frozenset({"uid-former"}))
    s = b.situation(b.attempt(conductor=None, status={**complete, **conditions}), pods=(b.pod(),), memory=former)
    late = (do.DeletePod("a1-1", "uid-a1-1"), do.ReleasePod("a1-1", "uid-a1-1"))
    assert ruling(s, "kept_pod_is_due") == Ruling(late)


def test_a_kept_pod_goes_with_its_attempt() -> None:
    """Kubernetes deletes what the attempt owns: it is not kept longer, and the attempt does not wait for it."""
    s = kept(34, b.ended_pod(), ttlSecondsAfterFinished=30)
    assert ruling(s, "attempt_is_over") == Ruling(look_again_at=b.at(35))
    assert kinds(ruling(kept(35, b.ended_pod(), ttlSecondsAfterFinished=30), "attempt_is_over")) == ["DeleteAttempt"]


def test_a_kept_pod_holds_no_running_container() -> None:
    """One whose containers, a helper among them, have not ended within 5 s of the outcome is deleted after all."""
    helped = b.ended_pod(helper=b.container("helper", running=True), phase="Running")
    for pod in (b.running_pod(), helped):
        assert ruling(kept(5.9, pod), "attempt_is_over").look_again_at == b.at(6)
        assert kinds(ruling(kept(6, pod), "kept_pod_is_due")) == ["DeletePod"]


@pytest.mark.parametrize(
    ("changes", "pod"),
    [
        ({"keepFailedPodsSeconds": None}, b.ended_pod()),
        ({"status": finished(reporting={"state": "NotRequired"})}, b.ended_pod()),
        ({"meta": {"deletionTimestamp": b.stamp(3), "finalizers": []}}, b.ended_pod()),
        ({}, PULLING),
        ({}, b.running_pod(meta={"deletionTimestamp": b.stamp(31)})),
    ],
    ids=["not wanted", "completed", "the attempt is deleted", "the pod may yet start", "the pod is deleted"],
)
def test_no_other_pod_is_kept(changes: dict[str, Any], pod: dict[str, Any]) -> None:
    """It goes at once, or is on its way."""
    s = kept(2, pod, **changes)
    assert not any(s.keeps(pod) for pod in s.pods)


def test_only_the_last_pod_is_kept() -> None:
    """A disrupted one has nothing to show."""
    failed = b.attempt(conductor=None, keepFailedPodsSeconds=60, status={"outcome": b.failure(), "executions": 2})
    read = b.memory(logs={"a1-2": ""}, outcome_seen_at=b.at(1))
    s = b.situation(failed, 2, pods=(b.ended_pod(), b.ended_pod(2)), memory=read)
    assert do.DeletePod("a1-1", "uid-a1-1") in ruling(s, "outcome_is_known").actions
    assert do.DeletePod("a1-2", "uid-a1-2") not in ruling(s, "outcome_is_known").actions


def test_a_standalone_attempt_reports_to_nobody() -> None:
    """Its pod is let go nevertheless."""
    s = b.situation(b.attempt(standalone=True, status={"outcome": b.completed()}), pods=(b.running_pod(),))
    assert kinds(ruling(s, "outcome_is_known")) == ["DeletePod", "ReleasePod"]


def test_a_superseded_attempt_is_not_reported() -> None:
    """Conductor wants nothing from it."""
    s = b.situation(b.attempt(status={"outcome": b.failure(), "reporting": {"state": "Superseded"}}))
    assert ruling(s, "outcome_is_known") == Ruling()


# --- the attempt must stop, or its pod is over


@pytest.mark.parametrize(
    ("changes", "reason", "message"),
    [
        ({"meta": {"deletionTimestamp": b.stamp(1)}}, Reason.ATTEMPT_DELETED, "attempt deleted"),
        ({"cancel": True}, Reason.CANCELED, "spec.cancel"),
        ({"activeDeadlineSeconds": 1, "status": {"timings": {"queued": 0}}}, Reason.DEADLINE_EXCEEDED, "1 s"),
        ({"status": {"reporting": {"state": "Superseded"}}}, Reason.SUPERSEDED, "no longer waits"),
    ],
)
def test_an_attempt_that_must_stop_has_its_pod_stopped(changes: dict[str, Any], reason: Reason, message: str) -> None:
    """First the pod, then the outcome: nothing is said while it may still publish."""
    s = b.situation(b.attempt(**changes), 2, pods=(b.running_pod(),))
    assert kinds(ruling(s, "stopping")) == ["ReadLog", "DeletePod"]
    assert (notice(s, "stopping").reason, message in notice(s, "stopping").message) == (Reason.STOPPING, True)
    over = b.situation(b.attempt(**changes), 2, pods=(b.ended_pod(),))
    assert outcome(over, "stopped").reason == reason


def test_a_pod_that_is_being_stopped_is_waited_for() -> None:
    """Deleted once; on a node that never answers it counts as lost after its patience."""
    decided = ruling(b.situation(CANCELED, 2, pods=(LEAVING,)), "stopping")
    assert (decided.actions, decided.look_again_at) == ((), b.at(91))


def test_a_pod_that_was_created_and_not_seen_is_stopped_too() -> None:
    """It may already run: it is looked for at once, and deleted by the uid that the API server's answer tells."""
    created = b.memory(created=frozenset({"a1-1"}))
    assert ruling(b.situation(CANCELED, memory=created), "stopping").actions == (do.LookForPod("a1-1"),)
    found = ruling(b.situation(CANCELED, pods=(b.pod(),), memory=created), "stopping")
    assert found.actions[-1] == do.DeletePod("a1-1", "uid-a1-1")


def test_what_may_be_merged_is_deleted_before_lakefs_is_asked() -> None:
    """An agent at a lost node could publish between the answer and the deletion, and would be reported as failed."""
    s = b.situation(STAGED, pods=(b.ended_pod(),))
    decided = ruling(s, "staging_may_be_merged")
    assert decided.actions == (do.DeleteStaging("repo", b.STAGING["branch"]),)
    assert (notice(s, "staging_may_be_merged").reason, notice(s, "staging_may_be_merged").warning) == (
        Reason.WAITING_FOR_EVIDENCE,
        False,
    )
    deleted = b.memory(staging_deleted=frozenset({b.STAGING["branch"]}))
    assert kinds(ruling(b.situation(STAGED, pods=(b.ended_pod(),), memory=deleted), "evidence_is_missing"))


def test_evidence_is_asked_before_a_death_is_called_a_failure() -> None:
    """The pod ended without an outcome and had planned a staging branch."""
    s = b.situation(UNSTAGED, pods=(b.ended_pod(),))
    assert ruling(s, "evidence_is_missing").actions == (do.AskEvidence("repo", "main", "commit-a"),)
    assert (notice(s, "evidence_is_missing").reason, notice(s, "evidence_is_missing").warning) == (
        Reason.WAITING_FOR_EVIDENCE,
        False,
    )


@pytest.mark.parametrize(
    ("attempt", "call", "rule"),
    [
        (STAGED, do.DeleteStaging, "staging_may_be_merged"),
        (UNSTAGED, do.AskEvidence, "evidence_is_missing"),
    ],
)
def test_a_lakefs_that_does_not_answer_for_evidence_is_a_warning(attempt: Any, call: do.Kind, rule: str) -> None:
    """In its own words: nothing is concluded without it."""
    s = b.situation(attempt, pods=(b.ended_pod(),), memory=b.memory(troubles={call: trouble()}))
    assert notice(s, rule).warning
    assert notice(s, rule).message.endswith(": no room")


def test_evidence_is_asked_between_two_executions_too() -> None:
    """Canceled before the next pod exists: the lost one may have published."""
    between = b.attempt(cancel=True, status={**BETWEEN, "staging": GONE})
    s = b.situation(between, memory=b.memory(evidence=Evidence(1)))
    assert kinds(ruling(s, "evidence_is_missing")) == ["AskEvidence"]


@pytest.mark.parametrize("changes", [{"cancel": True}, {"meta": {"deletionTimestamp": b.stamp(1)}}])
def test_evidence_is_asked_of_a_stopped_attempt_too(changes: dict[str, Any]) -> None:
    """Its pod may have published right before it was stopped."""
    s = b.situation(b.attempt(status={"staging": GONE}, **changes), pods=(b.ended_pod(),))
    assert kinds(ruling(s, "evidence_is_missing")) == ["AskEvidence"]


def test_nothing_is_asked_of_a_superseded_attempt() -> None:
    """Conductor wants no result from it, published or not."""
    superseded = {"reporting": {"state": "Superseded"}, "staging": b.STAGING}
    s = b.situation(b.attempt(status=superseded), pods=(b.ended_pod(),), memory=PUBLISHED)
    assert outcome(s, "stopped").reason == "Superseded"


def test_without_a_staging_branch_there_is_nothing_to_ask() -> None:
    """It is planned in the status before it exists."""
    assert kinds(ruling(b.situation(pods=(b.ended_pod(),)), "log_is_missing")) == ["ReadLog"]


def test_published_work_is_the_outcome() -> None:
    """COMPLETED with the output that the commit carries, the workspace spelled as in the input."""
    completed = outcome(b.situation(STAGED, pods=(b.ended_pod(),), memory=PUBLISHED), "work_was_published")
    assert completed.status == "COMPLETED"
    assert completed.output == {"workspace": {**b.WORKSPACE, "ref": "commit-b"}, "result": {"rows": 3}}


@pytest.mark.parametrize("changes", [{"cancel": True}, {"meta": {"deletionTimestamp": b.stamp(1)}}])
def test_work_that_was_published_before_the_stop_is_completed(changes: dict[str, Any]) -> None:
    """The branch carries it: FAILED would make Conductor run it again."""
    s = b.situation(b.attempt(status={"staging": b.STAGING}, **changes), pods=(b.ended_pod(),), memory=PUBLISHED)
    assert outcome(s, "work_was_published").status == "COMPLETED"


@pytest.mark.parametrize(
    ("changes", "pod", "rule"),
    [
        ({"cancel": True}, b.ended_pod(), "stopped"),
        ({"disruptionRetries": 0}, b.pod(phase="Failed", reason="Evicted"), "disrupted"),
        ({}, b.ended_pod(), "failed"),
        ({}, b.ended_pod(task_ended={"exitCode": 137, "reason": "OOMKilled"}), "failed"),
    ],
)
def test_a_failure_names_what_its_pod_has_left_on_the_branch(
    changes: dict[str, Any], pod: dict[str, Any], rule: str
) -> None:
    """The merge landed on somebody else's commit, and the agent died before it could take it back."""
    astray = b.memory(evidence=Evidence(1, None, ("commit-x",)), logs={"a1-1": "boom"})
    s = b.situation(b.attempt(**changes, status={"staging": GONE}), pods=(pod,), memory=astray)
    assert "this attempt left commit-x on top of other commits" in (outcome(s, rule).message or "")


@pytest.mark.parametrize("pods", [(), (b.ended_pod(),)])
def test_a_stopped_attempt_says_why(pods: tuple[dict[str, Any], ...]) -> None:
    """With a pod that ended as without one."""
    canceled = outcome(b.situation(CANCELED, pods=pods), "stopped")
    assert (canceled.status, canceled.reason) == ("FAILED_WITH_TERMINAL_ERROR", "Canceled")


def test_a_later_attempt_of_the_task_supersedes() -> None:
    """Conductor made a retry, so it no longer waits for this one."""
    later = Sibling("a2", retry_count=1, settled=False)
    assert outcome(b.situation(siblings=(later,)), "stopped").reason == "Superseded"


# --- the pod is there


def test_a_created_pod_is_waited_for() -> None:
    """Its watch event is on the way; nothing is created twice."""
    assert ruling(b.situation(memory=b.memory(created=frozenset({"a1-1"}))), "pod_not_seen_yet") == Ruling(
        look_again_at=b.at(30)
    )


def test_a_disrupted_attempt_gets_another_pod() -> None:
    """The number of the next execution is written before it exists."""
    s = b.situation(pods=(EVICTED,))
    assert ruling(s, "disrupted").next_execution == 2
    assert (notice(s, "disrupted").reason, notice(s, "disrupted").warning) == (Reason.DISRUPTED, True)


@pytest.mark.parametrize(("retries", "execution", "another"), [(0, 1, None), (1, 1, 2), (1, 2, None), (2, 2, 3)])
def test_an_attempt_is_replaced_as_often_as_it_says(retries: int, execution: int, another: int | None) -> None:
    """`disruptionRetries` counts the replacements, not the pods."""
    evicted = b.pod(execution, phase="Failed", reason="Evicted")
    s = b.situation(b.attempt(disruptionRetries=retries), pods=(evicted,))
    decided = ruling(s, "disrupted")
    assert (decided.next_execution, decided.outcome is None) == (another, another is not None)


def lost(execution: int, seconds: float = 0, **more: Any) -> dict[str, Any]:
    """The status between two executions, the first of which was lost at that second."""
    disruption = {"execution": execution, "message": "Evicted", "since": b.stamp(seconds), "until": b.stamp(seconds)}
    return {"executions": execution + 1, "podName": None, "disruption": disruption, **more}


def test_the_next_execution_waits_for_longer_each_time() -> None:
    """Doubled up to a bound, and cut by up to a half, which depends on attempt and execution alone."""
    for execution, full in ((1, 10), (2, 20), (3, 40), (4, 80), (6, 300), (50, 300)):
        waiting = ruling(b.situation(b.attempt(status=lost(execution)), 0), "execution_is_paused")
        assert waiting.look_again_at is not None
        assert b.at(full / 2) <= waiting.look_again_at <= b.at(full)
    s = b.situation(b.attempt(status=lost(1)), 10)
    assert kinds(ruling(s, "pod_can_start")) == ["CreatePod"]


@pytest.mark.parametrize("status", [{"executions": 2}, lost(1, executions=3), lost(3, executions=2)])
def test_only_the_execution_right_before_holds_one_back(status: dict[str, Any]) -> None:
    """Not what an agent that was given up, or a former version, has left in the status."""
    assert kinds(ruling(b.situation(b.attempt(status={**status, "podName": None}), 0), "pod_can_start")) == [
        "CreatePod"
    ]


def test_a_loss_says_what_happened_and_when_another_pod_comes() -> None:
    """In the condition; what is written suffices for whoever leads then."""
    s = b.situation(None, 5, pods=(EVICTED,))
    written = status_patch(s, ruling(s, "disrupted"))["disruption"]
    assert isinstance(written, dict)
    why = "Evicted: The node was low on resource: memory."
    assert written == {"execution": 1, "message": why, "since": b.stamp(5), "until": written["until"]}
    later = b.situation(b.attempt(status={"executions": 2, "disruption": written}), 6)
    assert ruling(later, "execution_is_paused").notice == notice(s, "disrupted")
    assert notice(s, "disrupted").message == f"{why[:-1]}; another pod is created at {written['until']}"


def gave_up(execution: int = 1, outcome: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """An attempt whose agent gave up on the infrastructure, in that execution."""
    status = {"executions": execution, "podName": f"a1-{execution}", "outcome": outcome or b.given_up(execution)}
    return b.attempt(status={**status, **changes.pop("status", {})}, **changes)


def test_the_pod_of_an_agent_that_gave_up_is_deleted_first() -> None:
    """No process of an execution runs beside the next one; nothing is reported meanwhile."""
    decided = ruling(b.situation(gave_up(), pods=(b.running_pod(),)), "agent_gave_up")
    assert decided.actions == (do.DeletePod("a1-1", "uid-a1-1"),)
    assert decided.notice == Notice(Reason.STOPPING, "the agent gave up: it broke")


def test_an_attempt_whose_agent_gave_up_gets_another_pod() -> None:
    """The pause says why."""
    decided = ruling(b.situation(gave_up(), 5, pods=(b.ended_pod(),)), "infrastructure_failed")
    assert (decided.next_execution, decided.outcome, decided.actions) == (2, None, ())
    assert decided.disruption == "LakeFSUnreachable: it broke"


@pytest.mark.parametrize(
    ("retries", "execution", "another"), [(0, 1, False), (1, 1, True), (1, 2, False), (2, 2, True)]
)
def test_an_agent_may_give_up_as_often_as_the_attempt_says(retries: int, execution: int, another: bool) -> None:
    """Like pods that are lost; the last time, the outcome counts with its own reason."""
    s = b.situation(gave_up(execution, disruptionRetries=retries), pods=(b.ended_pod(execution),))
    ruling(s, "infrastructure_failed" if another else "outcome_is_known")
    assert (s.outcome is None) == another


@pytest.mark.parametrize(
    "told",
    [
        b.failure("LakeFSUnreachable", failureClass="Infrastructure"),
        b.failure("LakeFSUnreachable", failureClass="User", execution=1),
        b.given_up(reason="StaleAttemptError"),
        b.given_up(reason="PublishedWithoutOutput"),
        b.given_up(reason="OutcomeRefused"),
        b.given_up(reason="ClusterRefused"),
        b.failure("LakeFSUnauthorized", failureClass="Configuration", execution=1),
        b.failure("ValueError", failureClass="User", execution=1),
        b.completed(execution=1),
    ],
    ids=lambda told: f"{told['reason']}-{told.get('failureClass')}-{told.get('execution')}",
)
def test_every_other_outcome_counts(told: dict[str, Any]) -> None:
    """The operator's own, and those after which another execution would fare no better or nobody waits for it."""
    ruling(b.situation(gave_up(outcome=told), pods=(b.ended_pod(),)), "outcome_is_known")


@pytest.mark.parametrize(
    ("attempt", "changes"),
    [
        (gave_up(cancel=True), {}),
        (gave_up(meta={"deletionTimestamp": b.stamp(1)}), {}),
        (gave_up(activeDeadlineSeconds=1), {"seconds": 9}),
        (gave_up(), {"siblings": (Sibling("a2", 1, settled=False, created=b.at(1)),)}),
        (gave_up(), {"memory": b.memory(verdict=verdict(Standing.SUPERSEDED))}),
        (gave_up(), {"memory": b.memory(reports=1)}),
        (gave_up(), {"memory": b.memory(created=["a1-1", "a1-2"])}),
        (gave_up(status={"reporting": {"state": "Pending"}}), {}),
    ],
    ids=["canceled", "deleted", "out of time", "later attempt", "superseded", "reported", "replaced", "decided"],
)
def test_the_outcome_of_an_agent_that_gave_up_counts_where_nobody_waits_for_another(
    attempt: dict[str, Any], changes: dict[str, Any]
) -> None:
    """The attempt must stop, or what Conductor may have been told cannot be taken back."""
    ruling(b.situation(attempt, pods=(b.running_pod(),), **changes), "outcome_is_known")


def test_what_an_agent_published_before_it_gave_up_counts() -> None:
    """The answer to its merge was lost with lakeFS."""
    s = b.situation(gave_up(status={"staging": GONE}), pods=(b.ended_pod(),), memory=PUBLISHED)
    completed = outcome(s, "work_was_published")
    words = "gave up with LakeFSUnreachable, but its work is published as commit commit-b"
    assert (completed.status, words in (completed.message or "")) == ("COMPLETED", True)


def test_lakefs_is_asked_before_an_agent_that_gave_up_is_replaced() -> None:
    """Its staging branch goes first: nothing can be published after the answer."""
    ended = (b.ended_pod(),)
    ruling(b.situation(gave_up(status={"staging": b.STAGING}), pods=ended), "staging_may_be_merged")
    ruling(b.situation(gave_up(status={"staging": GONE}), pods=ended), "evidence_is_missing")
    nothing = b.memory(evidence=Evidence(1))
    ruling(b.situation(gave_up(status={"staging": GONE}), pods=ended, memory=nothing), "infrastructure_failed")


def test_an_agent_that_gave_up_is_not_replaced_for_ever_later() -> None:
    """While lakeFS is away nobody can say what was published: after the patience of all waits the outcome counts."""
    attempt, since = gave_up(status={"staging": GONE}), b.memory(recoverable_since=b.at(0))
    ruling(b.situation(attempt, 3599, pods=(b.ended_pod(),), memory=since), "evidence_is_missing")
    ruling(b.situation(attempt, 3600, pods=(b.ended_pod(),), memory=since), "outcome_is_known")


def test_disruptions_beyond_the_limit_are_a_failure() -> None:
    """By default the fourth replacement is one too many; the message says how often it happened."""
    evicted = b.pod(4, phase="Failed", reason="Evicted")
    failed = outcome(b.situation(pods=(evicted,)), "disrupted")
    assert (failed.status, failed.reason) == ("FAILED", "Disrupted")
    assert "Evicted (disrupted 4 times)" in (failed.message or "")


def test_a_pod_that_vanished_is_a_disruption() -> None:
    """The status names it, and the API server says that it is gone."""
    attempt = b.attempt(status={"podName": "a1-1", "executions": 1})
    gone = b.memory(gone=frozenset({"a1-1"}))
    assert ruling(b.situation(attempt, memory=gone), "disrupted").next_execution == 2


def test_a_pod_that_no_watch_shows_is_looked_for_before_it_counts_as_gone() -> None:
    """The watch of pods may be behind that of attempts, and a second pod would run beside the first."""
    attempt = b.attempt(status={"podName": "a1-1", "executions": 1})
    assert ruling(b.situation(attempt), "pod_is_missing") == Ruling((do.LookForPod("a1-1"),))


def test_each_pod_has_its_own_time_to_be_seen() -> None:
    """The second one's does not count from the first one's creation: it would be looked for at once."""
    created = {"a1-1": b.at(1), "a1-2": b.at(100)}
    memory = replace(b.memory(gone=frozenset({"a1-1"})), created=created)
    assert ruling(b.situation(None, 101, memory=memory), "pod_not_seen_yet").look_again_at == b.at(130)


def test_the_pod_of_a_former_attempt_of_the_name_is_let_go_when_it_is_deleted() -> None:
    """The attempt was removed by force and made again; one whose deletion nobody has asked for is left alone."""
    raw = (b.pod(1, uid="uid-former", meta={"deletionTimestamp": b.stamp(1)}), b.pod(2, uid="uid-former"))
    former = tuple(Pod.model_validate(pod) for pod in raw)
    assert let_strangers_go(b.situation(strangers=former)) == (do.ReleasePod("a1-1", "uid-a1-1"),)
    assert let_strangers_go(b.situation(pods=raw)) == ()


def test_a_node_whose_clock_is_behind_costs_no_patience() -> None:
    """The kubelet stamps the placement; no pod was placed before it was created."""
    behind = b.pod(startTime=b.stamp(-600))
    assert ruling(b.situation(None, 299, pods=(behind,)), "pod_starts").look_again_at == b.at(900)


def test_a_drain_does_not_wait_for_lakefs() -> None:
    """A pod that was ended by its deletion has nothing to say but that; it goes before lakeFS is back."""
    staged = b.attempt(status={"staging": b.STAGING, "podName": "a1-1", "executions": 1})
    away = b.memory(troubles={do.DeleteStaging: trouble()})
    drained = b.ended_pod(
        meta={"deletionTimestamp": b.stamp(1)}, agent_ended={"exitCode": 143}, task_ended={"exitCode": 143}
    )
    release = do.ReleasePod("a1-1", "uid-a1-1")
    assert release in ruling(b.situation(staged, pods=(drained,), memory=away), "staging_may_be_merged").actions
    assert release not in ruling(b.situation(staged, pods=(drained,)), "staging_may_be_merged").actions
    failed = b.ended_pod(meta={"deletionTimestamp": b.stamp(1)}, task_ended={"exitCode": 137, "reason": "OOMKilled"})
    assert release not in ruling(b.situation(staged, pods=(failed,), memory=away), "staging_may_be_merged").actions


def waits_for_task(seconds: float, **changes: Any) -> Situation:
    """An attempt whose PeragoTask does not exist."""
    return b.situation(b.attempt(task=None, taskRef={"name": "build"}, **changes), seconds)


def test_a_wait_that_renews_conductors_patience_ends() -> None:
    """After an hour without a pod: Conductor is told what was waited for, in the words of the condition."""
    assert ruling(waits_for_task(3599), "task_is_unknown").look_again_at == b.at(3600)
    failed = outcome(waits_for_task(3600), "task_is_unknown")
    assert (failed.status, failed.reason) == ("FAILED", "TaskNotFound")
    assert "could not start within 3600 s: PeragoTask build does not exist" in (failed.message or "")


def test_such_a_wait_counts_from_when_the_last_pod_ran() -> None:
    """As the status says: the attempt may be days old."""
    unready = {"conditions": [b.condition("PodReady", "False", "TaskNotFound", seconds=9000)]}
    assert ruling(waits_for_task(9001, status=unready), "task_is_unknown").look_again_at == b.at(9000 + 3600)


def test_an_attempt_that_nobody_else_waits_for_may_wait() -> None:
    """Made by hand: it starts when the PeragoTask is created."""
    alone = ruling(waits_for_task(1e6, standalone=True), "task_is_unknown")
    assert (alone.outcome, alone.look_again_at) == (None, None)


def test_an_earlier_attempt_is_not_waited_for_without_end() -> None:
    """lakeFS may be away for days, so that its branch cannot be deleted."""
    earlier = Sibling("a0", 0, settled=False, created=b.at(-10))
    later = b.attempt(conductor=b.conductor_task(retry_count=1).to_json())
    s = b.situation(later, 3600, siblings=(earlier,))
    assert outcome(s, "earlier_attempt_may_publish").reason == "EarlierAttempt"


def test_a_created_pod_is_not_waited_for_without_end() -> None:
    """Its label was taken off, or it was removed while the watch was down: no watch will ever show it."""
    created = b.memory(created=frozenset({"a1-1"}), created_at=b.at(1))
    assert ruling(b.situation(None, 30, memory=created), "pod_not_seen_yet").look_again_at == b.at(31)
    assert ruling(b.situation(None, 31, memory=created), "pod_is_missing").actions == (do.LookForPod("a1-1"),)


def test_the_log_is_read_before_a_task_counts_as_failed() -> None:
    """Its last lines belong in the message."""
    assert ruling(b.situation(pods=(b.ended_pod(),)), "log_is_missing") == Ruling((do.ReadLog("a1-1", 200),))


@pytest.mark.parametrize("memory", [b.memory(logs={"a1-1": "boom"}), b.memory(troubles={do.ReadLog: trouble(count=2)})])
def test_a_task_that_ended_without_a_result_failed(memory: Memory) -> None:
    """With its log, or without one where it cannot be read."""
    failed = outcome(b.situation(pods=(b.ended_pod(),), memory=memory), "failed")
    assert (failed.status, failed.reason) == ("FAILED", "TaskExited")
    assert ("boom" in (failed.message or "")) == bool(memory.logs)


@pytest.mark.parametrize("criterion", [{"onReason": ["OOMKilled"]}, {"onExitCode": [1, 137]}], ids=["reason", "code"])
def test_the_failure_policy_chooses_the_result(criterion: dict[str, Any]) -> None:
    """By reason or exit code; the first rule that matches counts, and its number is told."""
    policy = [
        {"onReason": ["TaskExited"], "result": "FAILED"},
        {"onException": ["MemoryError"], "result": "FAILED"},
        {**criterion, "result": "FAILED_WITH_TERMINAL_ERROR"},
    ]
    killed = b.ended_pod(task_ended={"exitCode": 137, "reason": "OOMKilled"})
    failed = outcome(b.situation(b.attempt(failurePolicy=policy), pods=(killed,)), "failed")
    assert (failed.status, failed.reason) == ("FAILED_WITH_TERMINAL_ERROR", "OOMKilled")
    assert (failed.failure_policy_rule, failed.failure_class) == (2, "User")
    assert "128Mi" in (failed.message or "")
    assert failed.remedy == Reason.OOM_KILLED.remedy


def test_the_exit_code_of_a_task_that_ended_without_a_result_may_choose_the_result() -> None:
    """Others fail as ever."""
    policy = [{"onExitCode": [3], "result": "FAILED_WITH_TERMINAL_ERROR"}]
    unread = b.memory(troubles={do.ReadLog: trouble(count=2)})
    for code, result in ((3, "FAILED_WITH_TERMINAL_ERROR"), (4, "FAILED")):
        pod = b.ended_pod(task_ended={"exitCode": code})
        s = b.situation(b.attempt(failurePolicy=policy), pods=(pod,), memory=unread)
        assert outcome(s, "failed").status == result


def test_a_pod_that_somebody_deleted_may_still_finish() -> None:
    """Its agent has the grace period; then it counts as lost."""
    assert ruling(b.situation(None, 2, pods=(LEAVING,)), "pod_is_leaving") == Ruling(look_again_at=b.at(91))


def test_a_pod_on_a_lost_node_is_replaced() -> None:
    """Grace period and patience are over, and no kubelet has confirmed its end."""
    assert ruling(b.situation(None, 92, pods=(LEAVING,)), "disrupted").next_execution == 2


def test_a_container_that_ended_alone_gives_the_other_a_moment() -> None:
    """The agent cleans up after its task; 5 s after the end, at second 10, the pod is deleted, once."""
    half = (b.pod(containers=[b.container("agent", running=True), b.container("task", ended={"exitCode": 1})]),)
    assert ruling(b.situation(None, 11, pods=half), "one_container_ended") == Ruling(look_again_at=b.at(15))
    assert ruling(b.situation(None, 15, pods=half), "one_container_ended") == Ruling(
        (do.DeletePod("a1-1", "uid-a1-1"),)
    )
    deleted = b.memory(deleted=frozenset({"uid-a1-1"}))
    assert ruling(b.situation(None, 16, pods=half, memory=deleted), "one_container_ended") == Ruling()


def test_a_pull_error_is_told_at_once_and_tried_for_a_while() -> None:
    """Registries hiccup: a minute of patience."""
    s = b.situation(None, 2, pods=(PULLING,))
    assert ruling(s, "pod_cannot_start").look_again_at == b.at(62)
    assert (notice(s, "pod_cannot_start").reason, notice(s, "pod_cannot_start").warning) == (Reason.IMAGE_PULL, True)


def test_a_pull_error_that_stays_makes_the_task_invalid() -> None:
    """Terminal where the registry says no, and not where it is in trouble: Conductor's retry may then do better."""
    hindered = b.memory(hindered=Hindered("a1-1", b.at(2)))
    for words, want in (
        ("app:1: not found", ("FAILED_WITH_TERMINAL_ERROR", "InvalidTask")),
        ("429 Too Many Requests", ("FAILED", "ImagePull")),
    ):
        task = b.container("task", waiting={"reason": "ErrImagePull", "message": words})
        pulling = b.pod(containers=[b.container("agent", running=True), task])
        last = b.attempt(disruptionRetries=0)
        failed = outcome(b.situation(last, 62, pods=(pulling,), memory=hindered), "pod_cannot_start")
        assert (failed.status, failed.reason) == want


def test_a_registry_in_trouble_gets_time() -> None:
    """Another pod tries again before Conductor's retries are used up; an image that is refused has none."""
    hindered = b.memory(hindered=Hindered("a1-1", b.at(2)))
    for words, another in (("app:1: not found", None), ("429 Too Many Requests", 2)):
        task = b.container("task", waiting={"reason": "ErrImagePull", "message": words})
        pulling = b.pod(containers=[b.container("agent", running=True), task])
        s = b.situation(None, 62, pods=(pulling,), memory=hindered)
        assert ruling(s, "pod_cannot_start").next_execution == another


def test_a_container_that_its_node_cannot_create_is_replaced() -> None:
    """When patience is over, and until `disruptionRetries` are used up; then people read the node's words."""
    task = b.container("task", waiting={"reason": "CreateContainerError", "message": "context deadline exceeded"})
    hindered = b.memory(hindered=Hindered("a1-1", b.at(2)))
    pods = (b.pod(containers=[b.container("agent", running=True), task]),)
    waiting = b.situation(None, 61, pods=pods, memory=hindered)
    assert notice(waiting, "pod_cannot_start").reason is Reason.NOT_STARTED
    replaced = b.situation(None, 62, pods=pods, memory=hindered)
    assert ruling(replaced, "pod_cannot_start").next_execution == 2
    last = b.situation(b.attempt(disruptionRetries=0), 62, pods=pods, memory=hindered)
    failed = outcome(last, "pod_cannot_start")
    assert (failed.status, failed.reason) == ("FAILED", "Disrupted")
    assert "context deadline exceeded" in (failed.message or "")


def test_a_pod_that_no_scheduler_looks_at_fails_with_the_schedulers_name() -> None:
    """It has no condition that says so."""
    pod = b.pod(conditions=[], containers=[], startTime=None)
    pod["spec"] = {**pod["spec"], "nodeName": None, "schedulerName": "mine"}
    failed = outcome(b.situation(None, 900, pods=(pod,)), "pod_starts")
    assert (failed.status, failed.reason) == ("FAILED", "Unschedulable")
    assert "mine" in (failed.message or "")


def test_an_init_container_takes_its_time() -> None:
    """Volumes and network are there as soon as it runs."""
    pod = b.pod(initContainerStatuses=[b.container("fetch", running=True)])
    assert ruling(b.situation(None, 5000, pods=(pod,)), "pod_starts").outcome is None


def test_a_task_that_was_ended_from_outside_gets_a_moment_to_be_explained() -> None:
    """An eviction is told in the pod's next status; nothing is concluded from the exit code before that."""
    ended = (b.ended_pod(task_ended={"exitCode": 143}, phase="Running"),)
    assert ruling(b.situation(None, 14, pods=ended), "end_may_be_explained").look_again_at == b.at(15)
    log = b.memory(logs={"a1-1": "boom"})
    assert outcome(b.situation(None, 15, pods=ended, memory=log), "failed").reason == "TaskExited"


def test_a_silent_node_is_told_and_its_pod_deleted_when_patience_is_over() -> None:
    """Patience counts from when the control plane noticed; the pod's end then counts as a disruption."""
    silent = b.running_pod(conditions=SILENT)
    waiting = b.situation(None, 60, pods=(silent,))
    assert notice(waiting, "node_is_silent").reason is Reason.NODE_SILENT
    assert ruling(waiting, "node_is_silent").look_again_at == b.at(61)
    assert kinds(ruling(b.situation(None, 61, pods=(silent,)), "node_is_silent")) == ["DeletePod"]
    leaving = b.running_pod(
        conditions=SILENT, meta={"deletionTimestamp": b.stamp(31), "deletionGracePeriodSeconds": 30}
    )
    lost = ruling(b.situation(None, 91, pods=(leaving,)), "disrupted")
    assert lost.notice is not None
    assert "node-1 does not answer" in lost.notice.message


def test_a_pod_that_is_refused_for_too_long_fails_with_the_api_servers_words() -> None:
    """Not terminally: what refuses it is not the task's, and may be mended meanwhile."""
    refused = trouble(Reason.POD_REFUSED, since=b.at(5))
    patient = b.situation(None, 304, memory=b.memory(troubles={do.CreatePod: refused}))
    assert notice(patient, "pod_can_start").reason is Reason.POD_REFUSED
    impatient = b.situation(None, 305, memory=b.memory(troubles={do.CreatePod: refused}))
    failed = outcome(impatient, "pod_was_refused")
    assert (failed.status, failed.reason) == ("FAILED", "PodRefused")
    assert "no room" in (failed.message or "")


def test_an_image_name_that_cannot_be_one_fails_at_once() -> None:
    """No registry will ever have it."""
    wrong = b.container("task", waiting={"reason": "InvalidImageName"})
    s = b.situation(None, 2, pods=(b.pod(containers=[b.container("agent", running=True), wrong]),))
    assert outcome(s, "pod_cannot_start").status == "FAILED_WITH_TERMINAL_ERROR"


def test_an_earlier_pods_pull_error_does_not_count() -> None:
    """Each pod has the whole patience."""
    hindered = b.memory(hindered=Hindered("a1-0", b.at(2)))
    s = b.situation(None, 62, pods=(PULLING,), memory=hindered)
    assert ruling(s, "pod_cannot_start").look_again_at == b.at(122)


def unscheduled(reason: str) -> dict[str, Any]:
    """A pod that has no node."""
    condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": "0/1 nodes"}
    return b.pod(conditions=[condition], startTime=None)


def test_an_unschedulable_pod_fails_after_its_limit() -> None:
    """Not terminal: there may be room for a retry."""
    waiting = (unscheduled("Unschedulable"),)
    assert ruling(b.situation(None, 299, pods=waiting), "pod_cannot_start").look_again_at == b.at(300)
    failed = outcome(b.situation(None, 300, pods=waiting), "pod_cannot_start")
    assert (failed.status, failed.reason, "0/1 nodes" in (failed.message or "")) == ("FAILED", "Unschedulable", True)


def test_a_gated_pod_waits_as_long_as_its_queue_wants() -> None:
    """Kueue and the like hold pods back on purpose; a day at most where Conductor waits as well."""
    gated = (unscheduled("SchedulingGated"),)
    assert ruling(b.situation(None, 10_000, pods=gated), "pod_cannot_start").look_again_at == b.at(24 * 3600)
    assert outcome(b.situation(None, 24 * 3600, pods=gated), "pod_cannot_start").reason == "Unschedulable"
    alone = ruling(b.situation(b.attempt(standalone=True), 1e6, pods=gated), "pod_cannot_start")
    assert (alone.outcome, alone.look_again_at) == (None, None)


def test_a_pod_on_its_way_is_waited_for() -> None:
    """And no longer than its patience."""
    s = b.situation(None, 2, pods=(b.pod(),))
    assert ruling(s, "pod_starts").look_again_at == b.at(900)
    assert notice(s, "pod_starts") == Notice(Reason.POD_STARTING, "pod a1-1 is starting")


def test_the_patience_counts_from_the_pods_placement() -> None:
    """Time without a node is the scheduler's; a pod without a start time counts from its creation."""
    placed, created = b.pod(startTime=b.stamp(50)), b.pod(startTime=None, meta={"creationTimestamp": b.stamp(20)})
    assert ruling(b.situation(None, 60, pods=(placed,)), "pod_starts").look_again_at == b.at(950)
    assert ruling(b.situation(None, 60, pods=(created,)), "pod_starts").look_again_at == b.at(920)


def test_a_pod_that_never_starts_fails_and_says_where_to_look() -> None:
    """A volume that cannot be mounted shows in no pod status, only in an event. Other nodes are tried before."""
    assert ruling(b.situation(None, 900, pods=(b.pod(),)), "pod_starts").next_execution == 2
    failed = outcome(b.situation(b.attempt(disruptionRetries=0), 900, pods=(b.pod(),)), "pod_starts")
    assert failed.reason == "NotStarted"
    assert "involvedObject.name=a1-1" in (failed.message or "")


def test_an_image_may_take_its_time() -> None:
    """The agent runs, so nothing is missing: the task's image is being pulled, or an error would be reported."""
    pulling = b.pod(containers=[b.container("agent", running=True), b.container("task")])
    decided = ruling(b.situation(None, 5000, pods=(pulling,)), "pod_starts")
    assert decided == Ruling(notice=Notice(Reason.POD_STARTING, "pod a1-1 is starting"))


def test_a_running_pod_is_left_alone() -> None:
    """Until its deadline, if it has one."""
    limited = b.attempt(activeDeadlineSeconds=50, status={"timings": {"queued": 0}})
    assert ruling(b.situation(limited, pods=(b.running_pod(),)), "pod_runs") == Ruling(look_again_at=b.at(50))


# --- there is no pod yet


def test_a_disrupted_pod_is_let_go_before_the_next_starts() -> None:
    """Its status is no longer needed."""
    s = b.situation(b.attempt(status=BETWEEN), pods=(b.ended_pod(),))
    assert kinds(ruling(s, "former_pod_is_held")) == ["DeletePod", "ReleasePod"]


def test_a_disrupted_executions_branch_is_deleted_before_the_next_starts() -> None:
    """That fences a pod which may live on, on a node that is lost."""
    decided = ruling(b.situation(b.attempt(status={**BETWEEN, "staging": b.STAGING})), "former_staging_is_left")
    assert (kinds(decided), decided.notice) == (["DeleteStaging"], None)


def test_a_branch_that_cannot_be_deleted_is_a_warning() -> None:
    """The attempt waits for it, and people read why."""
    refused = b.memory(troubles={do.DeleteStaging: trouble()})
    s = b.situation(b.attempt(status={**BETWEEN, "staging": b.STAGING}), memory=refused)
    assert notice(s, "former_staging_is_left") == Notice(Reason.STAGING_PENDING, "no room", warning=True)


def waiting(reason: Reason, message: str) -> Notice:
    """A warning that says what is missing, and what people can do."""
    return Notice(reason, with_remedy(message, reason), warning=True)


def test_an_unknown_task_is_waited_for() -> None:
    """The message names it and its namespace."""
    s = b.situation(b.attempt(task=None, taskRef={"name": "build"}))
    message = "PeragoTask build does not exist in namespace ns"
    assert notice(s, "task_is_unknown") == waiting(Reason.TASK_NOT_FOUND, message)
    complete = b.situation(b.attempt(taskRef={"name": "build"}))
    assert notice(complete, "task_is_unknown") == waiting(Reason.TASK_NOT_FOUND, message)


@pytest.mark.parametrize(
    ("attempt", "task", "message"),
    [
        (
            b.attempt(task={"module": "m"}, taskRef={"name": "build"}),
            b.task(image=None),
            "neither the attempt nor PeragoTask build says which image to run",
        ),
        (b.attempt(task={"image": "app:1"}), None, "the attempt does not say which module to run"),
    ],
)
def test_a_task_that_says_too_little_is_waited_for(
    attempt: dict[str, Any], task: dict[str, Any] | None, message: str
) -> None:
    """Module and image may come from either side; without a taskRef there is only one."""
    s = b.situation(attempt, task=task)
    assert notice(s, "task_is_unknown") == waiting(Reason.TASK_INCOMPLETE, message)


def test_an_attempt_with_a_false_claim_ends_and_reports_to_nobody() -> None:
    """No heartbeat and no report in the name of somebody else's task, also once the outcome is there."""
    forged = b.situation(claim="spec.conductor names task t")
    assert outcome(forged, "claim_is_false").reason == "InvalidTask"
    (patch,) = decide(forged).actions
    assert isinstance(patch, do.PatchStatus)
    assert patch.status["reporting"] == {"state": "NotRequired"}
    ended = b.situation(b.attempt(status=patch.status), 3600)
    assert not {"Report", "Heartbeat"} & {do.kind_of(action) for action in decide(ended).actions}


def test_a_template_that_reaches_for_the_keys_is_refused() -> None:
    """Terminal, and it says which field."""
    refused = outcome(b.situation(b.attempt(podTemplate={"spec": {"hostPID": True}})), "template_is_refused")
    assert (refused.status, refused.reason) == ("FAILED_WITH_TERMINAL_ERROR", "InvalidTask")
    assert "hostPID" in (refused.message or "")


def test_a_template_that_reaches_the_node_cache_is_refused() -> None:
    """A task that writes to it would write into the workspaces of others."""
    config = Config(pod=PodSettings(node_cache=NodeCache("persistentVolumeClaim", "cache", 1, 0)))
    template = {"spec": {"volumes": [{"name": "mine", "persistentVolumeClaim": {"claimName": "cache"}}]}}
    s = b.situation(b.attempt(taskRef={"name": "build"}), task=b.task(podTemplate=template), config=config)
    refused = outcome(s, "template_is_refused")
    assert (refused.reason, "node's cache" in (refused.message or "")) == ("InvalidTask", True)


@pytest.mark.parametrize("secret", ["perago-lakefs", "perago-conductor"])
def test_a_template_that_mounts_either_secret_is_refused(secret: str) -> None:
    """Both hold keys that are the agent's alone."""
    template = {"spec": {"volumes": [{"name": "mine", "secret": {"secretName": secret}}]}}
    s = b.situation(b.attempt(taskRef={"name": "build"}), task=b.task(podTemplate=template))
    refused = outcome(s, "template_is_refused")
    assert (refused.reason, "agent's keys" in (refused.message or "")) == ("InvalidTask", True)


@pytest.mark.parametrize(
    "template",
    [
        {"spec": {"volumes": [{"name": "mine", "configMap": {"name": "settings"}}]}},
        {"spec": {"priorityClassName": "system-node-critical"}},
        {"spec": {"containers": [{"name": "task", "envFrom": [{"secretRef": {"name": "settings"}}]}]}},
    ],
)
def test_what_a_peragotask_may_say_an_attempt_may_not(template: dict[str, Any]) -> None:
    """Whoever may create attempts alone is not trusted with the namespace's Secrets and volumes."""
    trusted = b.situation(b.attempt(taskRef={"name": "build"}), task=b.task(podTemplate=template))
    assert kinds(ruling(trusted, "pod_can_start")) == ["CreatePod"]
    refused = outcome(b.situation(b.attempt(podTemplate=template)), "template_is_refused")
    assert "spec.podTemplate of the PeragoTask" in (refused.message or "")


def test_an_attempt_that_asks_for_more_than_it_may_is_refused() -> None:
    """Its own resources, too, and code of its own where that is not allowed."""
    config = Config(attempts=AttemptLimits(own_code=False, ceiling={"memory": "1Gi"}))
    hungry = b.situation(b.attempt(task=None, resources={"limits": {"memory": "2Gi"}}), config=config, task=b.task())
    assert "spec.resources.limits.memory is 2Gi" in (outcome(hungry, "template_is_refused").message or "")
    coded = outcome(b.situation(b.attempt(), config=config), "template_is_refused")
    assert "spec.task.module cannot be set" in (coded.message or "")


def test_a_quantity_that_cannot_be_read_ends_the_attempt() -> None:
    """An older CRD has let it through: it must not take half a minute, nor be looked at for ever."""
    bomb = b.attempt(volume={"size": "1e999999"})
    config = Config(attempts=AttemptLimits(ceiling={"storage": "1Gi"}))
    for s, rule in ((b.situation(bomb), "pod_can_start"), (b.situation(bomb, config=config), "template_is_refused")):
        assert "is not a quantity" in (outcome(s, rule).message or "")


def test_a_merge_that_takes_away_what_is_ours_makes_no_pod() -> None:
    """A mount over the agent's socket passes the look at the template: the merged pod gives it away."""
    mount = {"name": "workspace", "mountPath": "/run/perago"}
    template = {"spec": {"containers": [{"name": "task", "volumeMounts": [mount]}]}}
    s = b.situation(b.attempt(taskRef={"name": "build"}), task=b.task(podTemplate=template))
    assert "the mount /run/perago" in (outcome(s, "pod_can_start").message or "")


def test_an_earlier_attempt_that_may_publish_is_waited_for() -> None:
    """Fence before start."""
    retry = b.attempt(conductor=b.conductor_task(retry_count=1).to_json())
    s = b.situation(retry, siblings=(Sibling("a0", 0, settled=False),))
    assert notice(s, "earlier_attempt_may_publish").reason == Reason.EARLIER_ATTEMPT
    assert ruling(s, "earlier_attempt_may_publish").actions == ()
    settled = b.situation(retry, siblings=(Sibling("a0", 0, settled=True),))
    assert kinds(ruling(settled, "pod_can_start")) == ["CreatePod"]


def test_no_more_attempts_start_than_may_run_at_once() -> None:
    """Those ahead have a pod, or are older."""
    referring, limited = b.attempt(task=None, taskRef={"name": "build"}), b.task(maxConcurrency=2)
    assert notice(b.situation(referring, task=limited, ahead=2), "too_many_run").reason == Reason.MAX_CONCURRENCY
    assert ruling(b.situation(referring, task=limited, ahead=2), "too_many_run").waits_for is Scope.TASK
    assert kinds(ruling(b.situation(referring, task=limited, ahead=1), "pod_can_start")) == ["CreatePod"]


def test_an_attempt_waits_for_room_in_its_namespace_and_on_the_nodes() -> None:
    """The condition says which limit it is and where to raise it."""
    limits = Config(limits=Limits(per_namespace=2, per_node=3, starting_per_node=1))
    for crowd, reason in ((Crowd(namespace=2), Reason.NAMESPACE_LIMIT), (Crowd(starting=1), Reason.NODE_LIMIT)):
        s = replace(b.situation(config=limits), crowd=crowd)
        assert notice(s, "too_many_run").reason is reason
        assert reason.remedy.split("`")[1] in notice(s, "too_many_run").message


@pytest.mark.parametrize(("running", "patience"), [(0, 300), (1, 3600)])
def test_room_that_others_have_is_waited_for(running: int, patience: int) -> None:
    """A node that is full has room when they have ended; where nobody runs, there is no use in waiting for long."""
    words = "0/1 nodes are available: 1 Insufficient cpu."
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
    s = replace(b.situation(pods=(b.pod(conditions=[unscheduled]),)), crowd=Crowd(running=running))
    assert ruling(s, "pod_cannot_start").look_again_at == b.at(patience)


def test_an_attempt_made_by_hand_is_held_first() -> None:
    """So that its deletion cannot go unseen once it has a pod."""
    by_hand = b.attempt(meta={"finalizers": []})
    assert ruling(b.situation(by_hand), "attempt_is_not_held") == Ruling((do.HoldAttempt(),))
    held = b.situation(by_hand, memory=b.memory(held=True))
    assert kinds(ruling(held, "pod_can_start")) == ["CreatePod"]


def test_a_finalizer_that_is_refused_is_a_warning() -> None:
    """The pod waits for it, and people read why there is none."""
    refused = b.memory(troubles={do.HoldAttempt: trouble(Reason.FINALIZER_REFUSED)})
    s = b.situation(b.attempt(meta={"finalizers": []}), memory=refused)
    assert notice(s, "attempt_is_not_held") == Notice(Reason.FINALIZER_REFUSED, "no room", warning=True)


def test_a_pod_that_will_always_be_refused_makes_the_task_invalid() -> None:
    """With the API server's words."""
    refused = b.memory(troubles={do.CreatePod: trouble(Reason.POD_REFUSED, permanent=True)})
    assert outcome(b.situation(memory=refused), "pod_was_refused").message == "no room"


def test_a_lack_of_room_is_not_a_failure() -> None:
    """The pod is tried again, and people read why it is not there."""
    full = b.situation(memory=b.memory(troubles={do.CreatePod: trouble(Reason.QUOTA_EXCEEDED)}))
    assert kinds(ruling(full, "pod_can_start")) == ["CreatePod"]
    assert notice(full, "pod_can_start") == Notice(Reason.QUOTA_EXCEEDED, "no room", warning=True)


@pytest.mark.parametrize("reason", [Reason.QUOTA_EXCEEDED, Reason.POD_NAME_TAKEN, Reason.API_UNREACHABLE])
def test_what_keeps_a_pod_away_is_not_waited_for_while_conductor_is_put_off_for_ever(reason: Reason) -> None:
    """A pod that is larger than the whole quota never has room; nobody but people waits for a standalone attempt."""
    memory = b.memory(troubles={do.CreatePod: trouble(reason, since=b.at(5))})
    assert kinds(ruling(b.situation(None, 3604, memory=memory), "pod_can_start")) == ["CreatePod"]
    failed = outcome(b.situation(None, 3605, memory=memory), "pod_was_refused")
    assert (failed.status, failed.reason, "no room" in (failed.message or "")) == ("FAILED", "PodRefused", True)
    by_hand = b.situation(b.attempt(standalone=True), 9999, memory=memory)
    assert kinds(ruling(by_hand, "pod_can_start")) == ["CreatePod"]


def test_with_nothing_in_the_way_the_pod_is_created() -> None:
    """The name is the attempt's and the execution's number."""
    [action] = ruling(b.situation(), "pod_can_start").actions
    assert isinstance(action, do.CreatePod)
    assert action.name == "a1-1"


def test_a_volume_size_that_is_not_a_quantity_makes_the_attempt_invalid() -> None:
    """The operator's own setting may be wrong: the CRD lets no such size into an attempt."""
    invalid = outcome(b.situation(b.attempt(volume={"size": "1GB"})), "pod_can_start")
    assert (invalid.reason, "1GB" in (invalid.message or "")) == ("InvalidTask", True)


# --- the table


def test_every_rule_is_expected_by_some_test_above() -> None:
    """A row that no test expects could be deleted unnoticed."""
    helpers = (ruling.__name__, outcome.__name__, notice.__name__)
    calls = [node for node in ast.walk(ast.parse(Path(__file__).read_text())) if isinstance(node, ast.Call)]
    expecting = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in helpers]
    expected = {call.args[1].value for call in expecting if isinstance(call.args[1], ast.Constant)}
    assert expected == {rule.__name__ for rule in RULES}


def test_every_rule_has_a_name_of_its_own() -> None:
    """Tests, logs and the order's table tell rules apart by their names."""
    assert len({rule.__name__ for rule in RULES}) == len(RULES)


def test_builders_start_at_a_fixed_moment() -> None:
    """Timing never decides a test."""
    assert datetime.fromisoformat(b.stamp(0)) == b.START
