"""The table: what happens to an attempt in every situation. The first rule that matches decides. Pure.

A rule looks at a situation and says what to do next, or None: not my case. The order of `RULES` is part of their
meaning; each rule may rely on the ones above it not having matched. One test file has a case for each.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from perago.wire import Outcome
from perago_operator.api.reasons import ConditionType, Reason
from perago_operator.core import actions as do
from perago_operator.core.diagnosis import Ending, Hindrance, Patience, ending, hindrance
from perago_operator.core.evidence import outcome_from, question
from perago_operator.core.names import ATTEMPT_FINALIZER
from perago_operator.core.podspec import pod_manifest
from perago_operator.core.situation import Situation
from perago_operator.core.templates import template_problem


@dataclass(frozen=True, slots=True)
class Notice:
    """What people should know while the attempt waits: the condition PodReady, and an event when it is a warning."""

    reason: Reason
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Next:
    """What a rule decided."""

    actions: tuple[do.Action, ...] = ()
    notice: Notice | None = None
    at: datetime | None = None
    """When to look again although nothing happened."""
    outcome: Outcome | None = None
    """How the attempt ended, to be written by the operator: no agent can."""
    next_execution: int | None = None
    """The execution that replaces a disrupted one."""


Rule = Callable[[Situation], Next | None]

# --- the outcome is known: tell Conductor, leave nothing behind


def attempt_is_over(s: Situation) -> Next | None:
    """Everything is done and released: wait for the time to live, then delete."""
    completed_at = _completed_at(s)
    if completed_at is None or s.facts.held:
        return None
    ttl = s.resolved.ttl_seconds
    if s.facts.deleting or ttl is None or s.facts.memory.expired:
        return Next()
    expires = completed_at + timedelta(seconds=ttl)
    return Next(actions=(do.DeleteAttempt(),)) if s.now >= expires else Next(at=expires)


def late_call_may_have_landed(s: Situation) -> Next | None:
    """Accepted, but a call of unknown fate may still change the task: read it once more before letting go."""
    if not _completed(s) or s.doubt_until is None or s.report_wanted:
        return None
    if s.now < s.doubt_until:
        return Next(at=s.doubt_until)
    assert s.facts.conductor is not None
    assert s.facts.outcome is not None
    return Next(actions=(do.ReadBack(s.facts.conductor, s.facts.outcome.wire()),))


def nothing_is_left(s: Situation) -> Next | None:
    """Reported, and neither pod nor staging branch is held: take our finalizer off the attempt."""
    return Next(actions=(do.ReleaseAttempt(),)) if _completed(s) and not s.report_wanted else None


def outcome_is_known(s: Situation) -> Next | None:
    """Report it, let the pods go, delete the staging branch; none of these waits for another."""
    if s.facts.outcome is None:
        return None
    return Next(actions=(*_report(s), *_let_pods_go(s), *_delete_staging(s)))


# --- the attempt is not to go on: stop the pod, then say how it ended


def stopping(s: Situation) -> Next | None:
    """Deleted, canceled, superseded or out of time while a pod may run: delete the pod and wait for its end."""
    if s.stop is None or not (s.running_pods or s.facts.pod_unseen):
        return None
    orders = tuple(do.DeletePod(each.name) for each in s.running_pods if s.undeleted(each))
    if s.facts.pod_unseen and s.facts.pod_name not in s.facts.memory.deleted:
        orders = (*orders, do.DeletePod(s.facts.pod_name))
    return Next(orders, Notice(Reason.STOPPING, s.stop.message), at=_first_lost(s))


def evidence_is_missing(s: Situation) -> Next | None:
    """The pod is over and may have published: ask lakeFS before anything is concluded."""
    if not _ended_without_outcome(s) or (s.stop and s.stop.reason is Reason.SUPERSEDED):
        return None
    asked = question(s.facts)
    if asked is None:
        return None
    trouble = s.trouble("AskEvidence")
    told = "asking lakeFS whether the ended pod had published" + (f": {trouble.message}" if trouble else "")
    return Next((asked,), Notice(Reason.WAITING_FOR_EVIDENCE, told, warning=trouble is not None))


def work_was_published(s: Situation) -> Next | None:
    """The target branch carries this attempt's commit with its output: that is the outcome, nothing runs again."""
    if not _ended_without_outcome(s) or (s.stop and s.stop.reason is Reason.SUPERSEDED):
        return None
    outcome = outcome_from(s.facts)
    return Next(outcome=outcome) if outcome else None


def stopped(s: Situation) -> Next | None:
    """No process of the attempt runs any more: say why it was stopped."""
    return Next(outcome=_failed(s, s.stop.reason, s.stop.message)) if s.stop else None


# --- the pod is there


def pod_not_seen_yet(s: Situation) -> Next | None:
    """Created, and the watch has yet to show it."""
    return Next() if s.facts.pod_unseen else None


def disrupted(s: Situation) -> Next | None:
    """The pod was lost, evicted, preempted or its agent died: the attempt gets another, as often as it may."""
    end = _end(s)
    if end is None or not end.disrupted:
        return None
    if s.facts.execution <= s.resolved.disruption_retries:
        return Next(next_execution=s.facts.execution + 1, notice=Notice(Reason.DISRUPTED, end.message, warning=True))
    times = f"{end.message} (disrupted {s.facts.execution} times)" if s.facts.execution > 1 else end.message
    return Next(outcome=_failed(s, Reason.DISRUPTED, times))


def log_is_missing(s: Situation) -> Next | None:
    """The task ended without a result: its last log lines belong into the message; one try has to do."""
    end = _end(s)
    if end is None or not end.log_helps or s.facts.pod is None:
        return None
    if s.facts.pod.name in s.facts.memory.logs or s.trouble("ReadLog"):
        return None
    return Next((do.ReadLog(s.facts.pod.name, s.config.log_lines),))


def failed(s: Situation) -> Next | None:
    """The pod ended by the task's own doing and left no outcome: say what it shows."""
    end = _end(s)
    if end is None:
        return None
    log = s.facts.memory.logs.get(s.facts.pod_name, "") if end.log_helps else ""
    message = f"{end.message}; last log lines:\n{log}" if log else end.message
    result = s.resolved.result_for(end.reason, end.result)
    return Next(outcome=Outcome(status=result, reason=end.reason.value, message=message))


def pod_is_leaving(s: Situation) -> Next | None:
    """Somebody deleted the pod: its agent may still bring the work to an end."""
    pod = s.facts.pod
    if pod is None or pod.metadata.deletion_timestamp is None:
        return None
    return Next(at=s.lost_at(pod))


def one_container_ended(s: Situation) -> Next | None:
    """Task or agent ended alone: the other gets a moment to end by itself, then the pod is ended."""
    pod = s.facts.pod
    if pod is None or not pod.one_sided:
        return None
    until = (pod.ended_at or s.now) + timedelta(seconds=s.config.agent_patience)
    if s.now < until:
        return Next(at=until)
    return Next((do.DeletePod(pod.name),) if s.undeleted(pod) else ())


def pod_cannot_start(s: Situation) -> Next | None:
    """An image, a Secret, a node is missing: say so at once, and give up when patience is over."""
    found = hindrance(s.facts.pod) if s.facts.pod else None
    if found is None or s.facts.pod is None:
        return None
    notice = Notice(found.reason, found.message, warning=True)
    if found.patience is Patience.GATED:
        return Next(notice=notice)
    until = s.starting_since(s.facts.pod) + timedelta(seconds=_patience(s, found))
    if s.now < until:
        return Next(notice=notice, at=until)
    result = s.resolved.result_for(found.fails_with, found.result)
    return Next(outcome=Outcome(status=result, reason=found.fails_with.value, message=found.message))


def pod_starts(s: Situation) -> Next | None:
    """On its way; too long on its way is a failure that the pod itself has no words for."""
    pod = s.facts.pod
    if pod is None or pod.started:
        return None
    until = s.starting_since(pod) + timedelta(seconds=s.config.start_patience)
    if s.now < until:
        return Next(notice=Notice(Reason.POD_STARTING, f"pod {pod.name} is starting"), at=until)
    message = (
        f"the containers of pod {pod.name} did not start within {s.config.start_patience:.0f} s; a missing Secret "
        f"({s.resolved.lakefs_secret}, {s.resolved.conductor_secret}) or volume keeps a pod so: kubectl describe pod"
    )
    return Next(outcome=_failed(s, Reason.NOT_STARTED, message))


def pod_runs(s: Situation) -> Next | None:
    """Agent and task are at work; the agent writes step and outcome."""
    return Next(at=s.deadline_at) if s.facts.pod else None


# --- there is no pod yet


def former_pod_is_held(s: Situation) -> Next | None:
    """A disrupted execution's pod has said all it can: let it go before the next one starts."""
    orders = _let_pods_go(s)
    return Next(orders) if orders else None


def former_staging_is_left(s: Situation) -> Next | None:
    """Delete the disrupted execution's staging branch: it fences a pod that may yet live on a lost node."""
    orders = _delete_staging(s)
    return Next(orders, _staging_notice(s)) if orders else None


def task_is_unknown(s: Situation) -> Next | None:
    """The PeragoTask does not exist, or says too little: wait for it."""
    ref = s.facts.attempt.spec.task_ref
    if ref and s.facts.task is None:
        message = f"PeragoTask {ref.name} does not exist in namespace {s.facts.attempt.metadata.namespace}"
        return Next(notice=Notice(Reason.TASK_NOT_FOUND, message, warning=True))
    if s.resolved.missing:
        named = f"PeragoTask {ref.name}" if ref else "the attempt"
        message = f"{named} does not say which {s.resolved.missing} to run, nor does the attempt"
        return Next(notice=Notice(Reason.TASK_INCOMPLETE, message, warning=True))
    return None


def template_is_refused(s: Situation) -> Next | None:
    """The pod template reaches for what is the agent's alone."""
    secrets = frozenset({s.resolved.lakefs_secret, s.resolved.conductor_secret})
    problems = (template_problem(each, secrets) for each in s.resolved.pod_templates)
    problem = next((each for each in problems if each), None)
    return Next(outcome=_invalid(problem)) if problem else None


def earlier_attempt_may_publish(s: Situation) -> Next | None:
    """Fence before start: while an earlier attempt of the task may still publish, this one waits."""
    earlier = s.facts.unsettled_earlier
    if earlier is None:
        return None
    return Next(notice=Notice(Reason.EARLIER_ATTEMPT, f"waiting for the end of attempt {earlier.name}"))


def too_many_run(s: Situation) -> Next | None:
    """Back-pressure: as many attempts of this task as may run at once have a pod."""
    limit = s.resolved.max_concurrency
    if limit is None or s.facts.ahead < limit:
        return None
    return Next(notice=Notice(Reason.MAX_CONCURRENCY, f"{limit} attempts of this task may run at once"))


def attempt_is_not_held(s: Situation) -> Next | None:
    """Made by hand: our finalizer comes before the pod, so that no deletion can go unseen."""
    if s.facts.held or ATTEMPT_FINALIZER in s.facts.attempt.metadata.finalizers:
        return None
    return Next((do.HoldAttempt(),), _creation_notice(s, "HoldAttempt"))


def pod_was_refused(s: Situation) -> Next | None:
    """The API server will never take this pod: the attempt is wrong as it is declared."""
    trouble = s.trouble("CreatePod")
    return Next(outcome=_invalid(trouble.message)) if trouble and trouble.permanent else None


def pod_can_start(s: Situation) -> Next | None:
    """Nothing stands in the way: create the pod of this execution."""
    execution = max(s.facts.execution, 1)
    try:
        manifest = pod_manifest(s.facts.attempt, s.resolved, execution, s.config)
    except ValueError as error:
        return Next(outcome=_invalid(str(error)))
    return Next((do.CreatePod(s.facts.pod_name, manifest),), _creation_notice(s, "CreatePod"))


# --- what several rules need


def _completed(s: Situation) -> bool:
    """The status says that nothing is left to do."""
    return _completed_at(s) is not None


def _completed_at(s: Situation) -> datetime | None:
    conditions = (each for each in s.facts.status.conditions if each.type == ConditionType.COMPLETE)
    return next((each.last_transition_time for each in conditions if each.status == "True"), None)


def _report(s: Situation) -> tuple[do.Action, ...]:
    if not s.report_wanted or s.facts.conductor is None or s.facts.outcome is None:
        return ()
    return (do.Report(s.facts.conductor, s.facts.outcome.wire()),)


def _let_pods_go(s: Situation) -> tuple[do.Action, ...]:
    deletions = tuple(do.DeletePod(each.name) for each in s.facts.pods if s.undeleted(each))
    return deletions + tuple(do.ReleasePod(each.name) for each in s.facts.pods if s.unreleased(each))


def _delete_staging(s: Situation) -> tuple[do.Action, ...]:
    branch = s.facts.staging
    return (do.DeleteStaging(branch.repository, branch.branch),) if branch else ()


def _ended_without_outcome(s: Situation) -> bool:
    return s.pod_over or s.stop is not None


def _first_lost(s: Situation) -> datetime | None:
    return min((lost for each in s.running_pods if (lost := s.lost_at(each))), default=None)


def _end(s: Situation) -> Ending | None:
    """Why the current pod is over; None while it is not, or when there was none."""
    if not s.pod_over:
        return None
    if s.facts.pod is None:
        return Ending(Reason.DISRUPTED, f"pod {s.facts.pod_name} has vanished", disrupted=True)
    return ending(s.facts.pod)


def _failed(s: Situation, reason: Reason, message: str) -> Outcome:
    return Outcome(status=s.resolved.result_for(reason, "FAILED"), reason=reason.value, message=message)


def _invalid(message: str) -> Outcome:
    return Outcome(status="FAILED_WITH_TERMINAL_ERROR", reason=Reason.INVALID_TASK.value, message=message)


def _patience(s: Situation, found: Hindrance) -> float:
    limits = {Patience.PULL: s.config.pull_patience, Patience.SCHEDULING: s.config.unschedulable_patience}
    return limits.get(found.patience, 0.0)


def _creation_notice(s: Situation, kind: str) -> Notice | None:
    """What people read while the API server does not take the pod."""
    trouble = s.trouble(kind)
    return Notice(Reason(trouble.reason), trouble.message, warning=True) if trouble else None


def _staging_notice(s: Situation) -> Notice | None:
    trouble = s.trouble("DeleteStaging")
    return Notice(Reason.STAGING_PENDING, trouble.message, warning=True) if trouble else None


RULES: tuple[Rule, ...] = (
    attempt_is_over,
    late_call_may_have_landed,
    nothing_is_left,
    outcome_is_known,
    stopping,
    evidence_is_missing,
    work_was_published,
    stopped,
    pod_not_seen_yet,
    disrupted,
    log_is_missing,
    failed,
    pod_is_leaving,
    one_container_ended,
    pod_cannot_start,
    pod_starts,
    pod_runs,
    former_pod_is_held,
    former_staging_is_left,
    task_is_unknown,
    template_is_refused,
    earlier_attempt_may_publish,
    too_many_run,
    attempt_is_not_held,
    pod_was_refused,
    pod_can_start,
)
