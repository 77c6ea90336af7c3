"""One test for each row of the table: the situation, the rule that matches, what it decides."""

from datetime import datetime
from typing import Any

import pytest

from perago_operator.api.reasons import Reason
from perago_operator.core import actions as do
from perago_operator.core.answers import Standing, Verdict
from perago_operator.core.config import Config
from perago_operator.core.decide import first_match
from perago_operator.core.memory import Evidence, Trouble
from perago_operator.core.rules import RULES, Next
from perago_operator.core.situation import Sibling, Situation
from tests import builders as b


def matched(s: Situation) -> tuple[str, Next]:
    """The name of the rule that matches, and its decision."""
    rule, found = first_match(s)
    return rule.__name__, found


def kinds(found: Next) -> list[str]:
    """The kinds of the actions, in order."""
    return [do.name_of(each) for each in found.actions]


def finished(**status: Any) -> dict[str, Any]:
    """An attempt whose status says that nothing is left to do, since second 5."""
    told = {"outcome": b.completed(), "reporting": {"state": "Accepted"}, "conditions": [b.condition("Complete")]}
    return {**told, **status}


def verdict(standing: Standing, seconds: float = 1, *, after_report: bool = False) -> Verdict:
    """A reading of Conductor."""
    return Verdict(standing, f"Conductor says {standing}", b.at(seconds), after_report)


def trouble(reason: Reason = Reason.QUOTA_EXCEEDED, **changes: Any) -> Trouble:
    """A call that failed and rests until second 100."""
    return Trouble(**{"count": 1, "until": b.at(100), "reason": reason, "message": "no room", **changes})


def test_a_finished_attempt_waits_for_its_time_to_live() -> None:
    """The time to live counts from the condition Complete."""
    over = b.attempt(status=finished(), meta={"finalizers": []}, ttlSecondsAfterFinished=30)
    assert matched(b.situation(over, 34)) == ("attempt_is_over", Next(at=b.at(35)))


def test_an_attempt_whose_time_to_live_is_over_is_deleted() -> None:
    """Deleted once; the watch says when it is gone."""
    over = b.attempt(status=finished(), meta={"finalizers": []}, ttlSecondsAfterFinished=30)
    assert matched(b.situation(over, 35)) == ("attempt_is_over", Next((do.DeleteAttempt(),)))
    assert matched(b.situation(over, 36, memory=b.memory(expired=True))) == ("attempt_is_over", Next())


def test_a_ttl_of_zero_deletes_at_once() -> None:
    """Zero is a time to live, not the absence of one."""
    over = b.attempt(status=finished(), meta={"finalizers": []}, ttlSecondsAfterFinished=0)
    assert kinds(matched(b.situation(over, 6))[1]) == ["DeleteAttempt"]


def test_doubt_holds_the_finalizer_until_a_lease_period_later() -> None:
    """A lease of unknown fate may bring a completed task back: response time-out 60 s, so 20 s."""
    doubtful = b.memory(doubt_since=b.at(2), verdict=verdict(Standing.ACCEPTED, 3, after_report=True))
    name, found = matched(b.situation(b.attempt(status=finished()), 6, memory=doubtful))
    assert (name, found) == ("late_call_may_have_landed", Next(at=b.at(22)))


def test_doubt_ends_with_one_more_reading() -> None:
    """Read back when the lease period is over."""
    doubtful = b.memory(doubt_since=b.at(2), verdict=verdict(Standing.ACCEPTED, 3, after_report=True))
    name, found = matched(b.situation(b.attempt(status=finished()), 22, memory=doubtful))
    assert (name, kinds(found)) == ("late_call_may_have_landed", ["ReadBack"])


def test_a_task_that_a_late_lease_reopened_is_reported_again() -> None:
    """The reading after the doubt shows IN_PROGRESS."""
    reopened = b.memory(doubt_since=b.at(2), verdict=verdict(Standing.OPEN, 23, after_report=True))
    name, found = matched(b.situation(b.attempt(status=finished()), 24, memory=reopened))
    assert (name, kinds(found)) == ("outcome_is_known", ["Report"])


def test_the_finalizer_goes_when_nothing_is_left() -> None:
    """Complete and without doubt."""
    name, found = matched(b.situation(b.attempt(status=finished())))
    assert (name, found.actions) == ("nothing_is_left", (do.ReleaseAttempt(),))


def test_a_known_outcome_is_reported_and_everything_let_go() -> None:
    """One round: report, pod deleted and released, staging branch deleted."""
    told = b.attempt(status={"outcome": b.completed(), "staging": b.STAGING})
    name, found = matched(b.situation(told, pods=(b.running_pod(),)))
    assert name == "outcome_is_known"
    assert kinds(found) == ["Report", "ShipLog", "DeletePod", "ReleasePod", "DeleteStaging"]


def test_a_log_is_shipped_once_and_tried_once() -> None:
    """Logs are no results: the pod does not wait for them."""
    told = b.attempt(status={"outcome": b.completed()})
    for known in (
        b.memory(shipped=frozenset({"a1-1"})),
        b.memory(troubles={"ShipLog": trouble(Reason.API_UNREACHABLE)}),
    ):
        assert "ShipLog" not in kinds(matched(b.situation(told, pods=(b.running_pod(),), memory=known))[1])
    assert "ShipLog" not in kinds(matched(b.situation(told, pods=(b.pod(),)))[1])
    quiet = Config(shipped_log_lines=0)
    assert "ShipLog" not in kinds(matched(b.situation(told, pods=(b.running_pod(),), config=quiet))[1])


def test_a_standalone_attempt_reports_to_nobody() -> None:
    """Its pod is let go all the same."""
    told = b.attempt(standalone=True, status={"outcome": b.completed()})
    assert kinds(matched(b.situation(told, pods=(b.running_pod(),)))[1]) == ["DeletePod", "ReleasePod"]


def test_a_superseded_attempt_is_not_reported() -> None:
    """Conductor wants nothing from it."""
    told = b.attempt(status={"outcome": b.failure(), "reporting": {"state": "Superseded"}})
    assert matched(b.situation(told)) == ("outcome_is_known", Next())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"meta": {"deletionTimestamp": b.stamp(1)}}, "AttemptDeleted"),
        ({"cancel": True}, "Canceled"),
        ({"activeDeadlineSeconds": 1, "status": {"timings": {"queued": 0}}}, "DeadlineExceeded"),
        ({"status": {"reporting": {"state": "Superseded"}}}, "Superseded"),
    ],
)
def test_an_attempt_that_is_not_to_go_on_has_its_pod_stopped(changes: dict[str, Any], reason: str) -> None:
    """First the pod, then the outcome: nothing is said while it may still publish."""
    s = b.situation(b.attempt(**changes), 2, pods=(b.running_pod(),))
    name, found = matched(s)
    assert (name, found.actions) == ("stopping", (do.DeletePod("a1-1"),))
    assert s.stop.reason == reason  # type: ignore[union-attr]


def test_a_pod_that_is_being_stopped_is_waited_for() -> None:
    """Asked once; a node that never answers counts as lost after its patience."""
    leaving = b.running_pod(meta={"deletionTimestamp": b.stamp(31), "deletionGracePeriodSeconds": 30})
    name, found = matched(b.situation(b.attempt(cancel=True), 2, pods=(leaving,)))
    assert (name, found.actions, found.at) == ("stopping", (), b.at(91))


def test_a_pod_that_was_created_and_not_seen_is_stopped_too() -> None:
    """It may already run."""
    made = b.memory(created=frozenset({"a1-1"}))
    assert matched(b.situation(b.attempt(cancel=True), memory=made))[1].actions == (do.DeletePod("a1-1"),)


def test_evidence_is_asked_before_a_death_is_called_a_failure() -> None:
    """The pod ended without an outcome and had planned a staging branch."""
    ended = b.situation(b.attempt(status={"staging": b.STAGING}), pods=(b.ended_pod(),))
    name, found = matched(ended)
    assert (name, found.actions) == ("evidence_is_missing", (do.AskEvidence("repo", "main", "commit-a"),))


def test_without_a_staging_branch_there_is_nothing_to_ask() -> None:
    """It is planned in the status before it exists."""
    assert matched(b.situation(pods=(b.ended_pod(),)))[0] == "log_is_missing"


def test_published_work_is_the_outcome() -> None:
    """COMPLETED with the output that the commit carries, the workspace spelled as in the input."""
    found = Evidence(1, "commit-b", {"perago.output": '{"result":{"rows":3}}'})
    ended = b.situation(
        b.attempt(status={"staging": b.STAGING}), pods=(b.ended_pod(),), memory=b.memory(evidence=found)
    )
    name, decided = matched(ended)
    assert name == "work_was_published"
    assert decided.outcome is not None
    assert decided.outcome.output == {"workspace": {**b.WORKSPACE, "ref": "commit-b"}, "result": {"rows": 3}}


@pytest.mark.parametrize(
    "state", [b.situation(b.attempt(cancel=True)), b.situation(b.attempt(cancel=True), pods=(b.ended_pod(),))]
)
def test_a_stopped_attempt_says_why(state: Situation) -> None:
    """With a pod that ended as without one."""
    name, found = matched(state)
    assert name == "stopped"
    assert found.outcome is not None
    assert (found.outcome.status, found.outcome.reason) == ("FAILED", "Canceled")


def test_a_later_attempt_of_the_task_supersedes() -> None:
    """Conductor made a retry, so it waits for this one no more."""
    later = Sibling("a2", retry_count=1, settled=False)
    name, found = matched(b.situation(siblings=(later,)))
    assert name == "stopped"
    assert found.outcome is not None
    assert found.outcome.reason == "Superseded"


def test_a_created_pod_is_waited_for() -> None:
    """Its watch event is on the way; nothing is created twice."""
    assert matched(b.situation(memory=b.memory(created=frozenset({"a1-1"})))) == ("pod_not_seen_yet", Next())


def test_a_disrupted_attempt_gets_another_pod() -> None:
    """The number of the next execution is written before it exists."""
    evicted = b.pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory.")
    name, found = matched(b.situation(pods=(evicted,)))
    assert (name, found.next_execution) == ("disrupted", 2)


def test_disruptions_beyond_the_limit_are_a_failure() -> None:
    """`disruptionRetries: 0` allows none."""
    evicted = b.pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory.")
    name, found = matched(b.situation(b.attempt(disruptionRetries=0), pods=(evicted,)))
    assert name == "disrupted"
    assert found.outcome is not None
    assert found.outcome.reason == "Disrupted"


def test_a_pod_that_vanished_is_a_disruption() -> None:
    """The status names it, the watch does not show it, and this process did not just make it."""
    gone = b.attempt(status={"podName": "a1-1", "executions": 1})
    name, found = matched(b.situation(gone))
    assert (name, found.next_execution) == ("disrupted", 2)


def test_the_log_is_read_before_a_task_counts_as_failed() -> None:
    """Its last lines belong into the message."""
    name, found = matched(b.situation(pods=(b.ended_pod(),)))
    assert (name, found.actions) == ("log_is_missing", (do.ReadLog("a1-1", 20),))


@pytest.mark.parametrize(
    "known", [b.memory(logs={"a1-1": "boom"}), b.memory(troubles={"ReadLog": trouble(Reason.POD_REFUSED)})]
)
def test_a_task_that_ended_without_a_result_failed(known: Any) -> None:
    """With its log, or without one where it cannot be read."""
    name, found = matched(b.situation(pods=(b.ended_pod(),), memory=known))
    assert name == "failed"
    assert found.outcome is not None
    assert (found.outcome.status, found.outcome.reason) == ("FAILED", "TaskExited")
    assert ("boom" in (found.outcome.message or "")) == bool(known.logs)


def test_the_failure_policy_chooses_the_result() -> None:
    """The first rule that names the reason counts."""
    policy = [{"onReason": ["OOMKilled"], "result": "FAILED_WITH_TERMINAL_ERROR"}]
    killed = b.ended_pod(task_ended={"exitCode": 137, "reason": "OOMKilled"})
    name, found = matched(b.situation(b.attempt(failurePolicy=policy), pods=(killed,)))
    assert name == "failed"
    assert found.outcome is not None
    assert (found.outcome.status, found.outcome.reason) == ("FAILED_WITH_TERMINAL_ERROR", "OOMKilled")
    assert "128Mi" in (found.outcome.message or "")


def test_a_pod_that_somebody_deleted_may_still_finish() -> None:
    """Its agent has the grace period; then it counts as lost."""
    leaving = b.running_pod(meta={"deletionTimestamp": b.stamp(31), "deletionGracePeriodSeconds": 30})
    assert matched(b.situation(seconds=2, pods=(leaving,))) == ("pod_is_leaving", Next(at=b.at(91)))


def test_a_pod_on_a_lost_node_is_replaced() -> None:
    """Grace period and patience are over, and no kubelet has confirmed its end."""
    lost = b.running_pod(meta={"deletionTimestamp": b.stamp(31), "deletionGracePeriodSeconds": 30})
    name, found = matched(b.situation(seconds=92, pods=(lost,)))
    assert (name, found.next_execution) == ("disrupted", 2)


def test_a_container_that_ended_alone_gives_the_other_a_moment() -> None:
    """The agent cleans up after its task; 5 s after the end, at second 10, the pod is ended."""
    half = b.pod(containers=[b.container("agent", running=True), b.container("task", ended={"exitCode": 1})])
    assert matched(b.situation(seconds=11, pods=(half,))) == ("one_container_ended", Next(at=b.at(15)))
    assert matched(b.situation(seconds=15, pods=(half,))) == ("one_container_ended", Next((do.DeletePod("a1-1"),)))


PULLING = b.pod(
    containers=[b.container("agent", running=True), b.container("task", waiting={"reason": "ErrImagePull"})]
)


def test_a_pull_error_is_told_at_once_and_tried_for_a_while() -> None:
    """Registries hiccup: a minute of patience."""
    name, found = matched(b.situation(seconds=2, pods=(PULLING,)))
    assert (name, found.at, found.outcome) == ("pod_cannot_start", b.at(62), None)
    assert found.notice is not None
    assert (found.notice.reason, found.notice.warning) == ("ImagePull", True)


def test_a_pull_error_that_stays_makes_the_task_invalid() -> None:
    """Terminal: Conductor's retry would fail the same way."""
    name, found = matched(b.situation(seconds=62, pods=(PULLING,), memory=b.memory(hindered=("a1-1", b.at(2)))))
    assert name == "pod_cannot_start"
    assert found.outcome is not None
    assert (found.outcome.status, found.outcome.reason) == ("FAILED_WITH_TERMINAL_ERROR", "InvalidTask")


def test_an_unschedulable_pod_fails_after_its_limit() -> None:
    """Not terminal: there may be room for a retry."""
    told = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}]
    waiting = b.pod(conditions=told, startTime=None)
    assert matched(b.situation(seconds=299, pods=(waiting,)))[1].at == b.at(300)
    outcome = matched(b.situation(seconds=300, pods=(waiting,)))[1].outcome
    assert outcome is not None
    assert (outcome.status, outcome.reason, outcome.message) == ("FAILED", "Unschedulable", "0/1 nodes")


def test_a_gated_pod_waits_as_long_as_its_queue_wants() -> None:
    """Kueue and the like hold pods back on purpose."""
    told = [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "gated"}]
    name, found = matched(b.situation(seconds=10_000, pods=(b.pod(conditions=told),)))
    assert (name, found.outcome, found.at) == ("pod_cannot_start", None, None)


def test_a_pod_on_its_way_is_waited_for() -> None:
    """And no longer than its patience."""
    name, found = matched(b.situation(seconds=2, pods=(b.pod(),)))
    assert (name, found.at) == ("pod_starts", b.at(300))


def test_a_pod_that_never_starts_fails_and_says_where_to_look() -> None:
    """A volume that cannot be mounted is told by no pod status, only by an event."""
    outcome = matched(b.situation(seconds=300, pods=(b.pod(),)))[1].outcome
    assert outcome is not None
    assert outcome.reason == "NotStarted"
    assert "involvedObject.name=a1-1" in (outcome.message or "")


def test_an_image_may_take_its_time() -> None:
    """The agent runs, so nothing is missing: the task's image is on its way, or an error would say so."""
    pulling = b.pod(containers=[b.container("agent", running=True), b.container("task")])
    name, found = matched(b.situation(seconds=5000, pods=(pulling,)))
    assert (name, found.outcome) == ("pod_starts", None)


def test_a_running_pod_is_left_alone() -> None:
    """Until its deadline, if it has one."""
    limited = b.attempt(activeDeadlineSeconds=50, status={"timings": {"queued": 0}})
    assert matched(b.situation(limited, pods=(b.running_pod(),))) == ("pod_runs", Next(at=b.at(50)))


BETWEEN = {"executions": 2, "podName": None}


def test_a_disrupted_pod_is_let_go_before_the_next_starts() -> None:
    """Its word is no longer needed."""
    name, found = matched(b.situation(b.attempt(status=BETWEEN), pods=(b.ended_pod(),)))
    assert (name, kinds(found)) == ("former_pod_is_held", ["DeletePod", "ReleasePod"])


def test_a_disrupted_executions_branch_is_deleted_before_the_next_starts() -> None:
    """That fences a pod which may live on, on a node that is lost."""
    name, found = matched(b.situation(b.attempt(status={**BETWEEN, "staging": b.STAGING})))
    assert (name, kinds(found)) == ("former_staging_is_left", ["DeleteStaging"])


def test_an_unknown_task_is_waited_for() -> None:
    """The message names it and its namespace."""
    name, found = matched(b.situation(b.attempt(task=None, taskRef={"name": "build"})))
    assert name == "task_is_unknown"
    assert found.notice is not None
    assert found.notice.message == "PeragoTask build does not exist in namespace ns"


def test_a_task_that_says_too_little_is_waited_for() -> None:
    """Module or image may come from either side, and neither has the image."""
    partial = b.attempt(task={"module": "m"}, taskRef={"name": "build"})
    name, found = matched(b.situation(partial, task=b.task(image=None)))
    assert name == "task_is_unknown"
    assert found.notice is not None
    assert (found.notice.reason, "image" in found.notice.message) == ("TaskIncomplete", True)


def test_a_template_that_reaches_for_the_keys_is_refused() -> None:
    """Terminal, and it says which field."""
    greedy = b.attempt(podTemplate={"spec": {"serviceAccountName": "admin"}})
    name, found = matched(b.situation(greedy))
    assert name == "template_is_refused"
    assert found.outcome is not None
    assert "serviceAccountName" in (found.outcome.message or "")


def test_an_earlier_attempt_that_may_publish_is_waited_for() -> None:
    """Fence before start."""
    retry = b.attempt(conductor=b.conductor_task(retry_count=1).to_json())
    name, found = matched(b.situation(retry, siblings=(Sibling("a0", 0, settled=False),)))
    assert (name, found.actions) == ("earlier_attempt_may_publish", ())
    assert matched(b.situation(retry, siblings=(Sibling("a0", 0, settled=True),)))[0] == "pod_can_start"


def test_no_more_attempts_start_than_may_run_at_once() -> None:
    """Those ahead have a pod, or are older."""
    limited = b.task(maxConcurrency=2)
    referring = b.attempt(task=None, taskRef={"name": "build"})
    assert matched(b.situation(referring, task=limited, ahead=2))[0] == "too_many_run"
    assert matched(b.situation(referring, task=limited, ahead=1))[0] == "pod_can_start"


def test_an_attempt_made_by_hand_is_held_first() -> None:
    """So that its deletion cannot go unseen once it has a pod."""
    by_hand = b.attempt(meta={"finalizers": []})
    assert matched(b.situation(by_hand))[1].actions == (do.HoldAttempt(),)
    assert matched(b.situation(by_hand, memory=b.memory(held=True)))[0] == "pod_can_start"


def test_a_pod_that_will_always_be_refused_makes_the_task_invalid() -> None:
    """With the API server's words."""
    refused = b.memory(troubles={"CreatePod": trouble(Reason.POD_REFUSED, permanent=True)})
    name, found = matched(b.situation(memory=refused))
    assert name == "pod_was_refused"
    assert found.outcome is not None
    assert found.outcome.message == "no room"


def test_quota_is_no_failure() -> None:
    """The pod is tried again, and people read why it is not there."""
    name, found = matched(b.situation(memory=b.memory(troubles={"CreatePod": trouble()})))
    assert (name, kinds(found)) == ("pod_can_start", ["CreatePod"])
    assert found.notice is not None
    assert found.notice.reason == "QuotaExceeded"


def test_with_nothing_in_the_way_the_pod_is_created() -> None:
    """The name is the attempt's and the execution's number."""
    name, found = matched(b.situation())
    assert (name, kinds(found)) == ("pod_can_start", ["CreatePod"])
    assert isinstance(found.actions[0], do.CreatePod)
    assert found.actions[0].name == "a1-1"


def test_every_rule_says_what_it_is_for() -> None:
    """The table is documentation: each rule has a docstring, and no two have one name."""
    assert all(rule.__doc__ for rule in RULES)
    assert len({rule.__name__ for rule in RULES}) == len(RULES)


def test_builders_start_at_a_fixed_moment() -> None:
    """Timing never decides a test."""
    assert datetime.fromisoformat(b.stamp(0)) == b.START
