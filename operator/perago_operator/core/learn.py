"""What an answer adds to the memory of an attempt. Pure: a situation and an answer in, a memory out.

The situation given is the one in which the answer came: its `now` is the time of the answer, its `memory` holds what
the calls before it have taught.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from perago.wire import last_lines
from perago_operator.api.reasons import Reason
from perago_operator.core import actions as do
from perago_operator.core import turns
from perago_operator.core.answers import Answer, Failure, Landed, Missing, Patched, PodExists, Standing, Verdict
from perago_operator.core.memory import Evidence, Hindered, Memory, MissingBranch, RanOn, Trouble, TurnSeen, backoff
from perago_operator.core.names import TASK_CONTAINER
from perago_operator.core.pod.hindrance import hindrance_of
from perago_operator.core.reporting import heartbeat_period
from perago_operator.core.situation import Situation

CONFLICT_REST = timedelta(seconds=1)
"""How long a guarded status patch rests after a conflict, unless the newer object arrives earlier."""


def _moments(s: Situation) -> dict[datetime, datetime]:
    """The times that the objects carry, on our own clock, as they were when they were first seen.

    Whatever other clocks say, nothing has happened later than it is seen, nor earlier than a look that did not show it.
    """
    moments, earliest = s.memory.moments, s.memory.looked_at

    def at_first_sight(time: datetime) -> datetime:
        moment = min(time - s.offset, s.now)
        return max(moment, earliest) if earliest else moment

    return {time: moments.get(time) or at_first_sight(time) for time in s.times}


def first_memory(uid: str, now: datetime, *, under_way: bool, reports: int) -> Memory:
    """The memory of an attempt seen for the first time.

    One that is under way was served by another process, whose calls to Conductor may still land.
    """
    return Memory(uid, now, adopted=under_way, doubt_since=now if under_way else None, reports=reports)


def looked(s: Situation) -> Memory:
    """The memory after a look at the stores: pods that were seen, first sights of the outcome and of a hindrance."""
    seen = s.memory.seen | {pod.name for pod in s.pods}
    outcome_at = s.memory.outcome_seen_at or (s.now if s.outcome else None)
    return replace(
        s.memory,
        looked_at=s.now,
        moments=_moments(s),
        seen=seen,
        outcome_seen_at=outcome_at,
        recoverable_since=(s.memory.recoverable_since or s.now) if s.status.recoverable else None,
        running_at=s.memory.running_at or (s.now if s.running else None),
        ran_on=RanOn(s.pod_name, s.node_name) if s.node_name else s.memory.ran_on,
        hindered=_hindered(s),
        turn=_turn(s),
    )


def _turn(s: Situation) -> TurnSeen | None:
    """Since when the turn that the attempt holds stands as it does."""
    held, seen = turns.held(s.attempt), s.memory.turn
    if held is None:
        return None
    now = TurnSeen(held.id, turns.is_revoked(s.attempt), s.clock)
    return seen if seen and seen[:2] == now[:2] else now


def _hindered(s: Situation) -> Hindered | None:
    """Since when the current pod is kept from starting; a pull retry in between does not reset it."""
    pod, hindered = s.pod, s.memory.hindered
    if pod is None or pod.started:
        return None
    if hindered and hindered.pod == pod.name:
        return hindered
    return Hindered(pod.name, s.now) if hindrance_of(pod) else None


def learned(s: Situation, action: do.Action, answer: Answer) -> Memory:
    """The memory after a call that succeeded; one that had no effect rests like one that failed."""
    memory = _after(s, action, answer)
    failure = _without_effect(replace(s, memory=memory), action, answer)
    if failure is None:
        return memory.without_trouble(type(action))
    return failed(replace(s, memory=memory), action, failure)


def _after(s: Situation, action: do.Action, answer: Answer) -> Memory:
    """The memory with what was done, troubles aside."""
    memory = s.memory
    match action:
        case do.HoldAttempt():
            return replace(memory, held=True)
        case do.CreatePod(name=name):
            return memory if name in s.names_taken else _with_pod(memory, name, s.now)
        case do.LookForPod(name=name):
            return memory if isinstance(answer, PodExists) else replace(memory, gone=memory.gone | {name})
        case do.DeletePod(uid=uid):
            return replace(memory, deleted=memory.deleted | {uid})
        case do.ReleasePod(uid=uid):
            return replace(memory, released_pods=memory.released_pods | {uid})
        case do.ReadLog(pod=pod):
            return _with_log(s, pod, answer if isinstance(answer, str) else None)
        case do.ShipLog(pod=pod):
            return replace(memory, shipped=memory.shipped | {pod}, logs=_shortened(memory, s))
        case do.DeleteStaging(branch=branch):
            return _with_deletion(s, branch, answer)
        case do.AskEvidence() | do.Report() | do.ReadBack() | do.Heartbeat():
            return _after_answer(s, action, answer)
        case do.ReleaseAttempt():
            return replace(memory, released=_version(s), logs={})
        case do.DeleteAttempt():
            return replace(memory, expired=True)
        case do.PatchStatus() | do.GrantTurn() | do.RevokeTurn() | do.EndTurn() | do.RecordEvent():
            return memory


def _with_log(s: Situation, name: str, log: str | None) -> Memory:
    """The memory with a pod's log; None is the kubelet's answer before the task has started, as far as it knows."""
    started = any(pod.name == name and pod.state(TASK_CONTAINER).has_started for pod in s.pods)
    if log is None and not started:
        return replace(s.memory, asked_early=s.memory.asked_early | {name})
    return replace(s.memory, logs={**s.memory.logs, name: log or ""})


def _shortened(memory: Memory, s: Situation) -> dict[str, str]:
    """The logs once they are shipped: what the status shows of them, since thousands of attempts are remembered."""
    return {pod: "\n".join(last_lines([log], s.config.log_lines)) for pod, log in memory.logs.items()}


def _with_pod(memory: Memory, name: str, now: datetime) -> Memory:
    return replace(memory, created={**memory.created, name: memory.created.get(name, now)})


def _after_answer(
    s: Situation, action: do.AskEvidence | do.Report | do.ReadBack | do.Heartbeat, answer: Answer
) -> Memory:
    """The memory with what lakeFS or Conductor answered."""
    final = isinstance(action, do.ReadBack)
    memory = _with_verdict(s, answer, final=final) if isinstance(answer, Verdict) else s.memory
    match action:
        case do.AskEvidence():
            return _with_evidence(s, answer)
        case do.Heartbeat():
            return replace(memory, heartbeat_at=s.now)
        case do.Report():
            return replace(memory, reports=memory.reports + 1)
        case do.ReadBack():
            return memory


def _with_verdict(s: Situation, verdict: Verdict, *, final: bool) -> Memory:
    """The memory after a reading of Conductor: a single one does not say that a task is gone, unless it is `final`.

    That is one after the result was accepted, which it does not overrule.
    """
    if verdict.standing is not Standing.MISSING:
        return replace(s.memory, verdict=verdict, task_missing_since=None)
    memory = replace(s.memory, task_missing_since=s.memory.task_missing_since or s.now)
    gone = final or _is_gone(s, memory.task_missing_since)
    return replace(memory, verdict=replace(verdict, standing=Standing.SUPERSEDED)) if gone else memory


def _with_deletion(s: Situation, branch: str, answer: Answer) -> Memory:
    """The memory after the deletion of a staging branch; that it was not there counts at the second look."""
    missing = s.memory.staging_missing
    since = missing.since if missing and missing.branch == branch else s.now
    if isinstance(answer, Missing) and not _is_gone(s, since):
        return replace(s.memory, staging_missing=MissingBranch(branch, since))
    return replace(s.memory, staging_missing=None, staging_deleted=s.memory.staging_deleted | {branch})


def _with_evidence(s: Situation, answer: Answer) -> Memory:
    """The memory after lakeFS was asked; of a branch that is not there it is asked again before that counts."""
    since = (s.memory.branch_missing_since or s.now) if isinstance(answer, Missing) else None
    memory = replace(s.memory, branch_missing_since=since)
    if since and not _is_gone(s, since):
        return memory
    landed = answer if isinstance(answer, Landed) else Landed()
    return replace(memory, evidence=Evidence(s.execution, landed.publication, landed.astray))


def _is_gone(s: Situation, since: datetime | None) -> bool:
    return since is not None and s.now >= since + timedelta(seconds=s.config.second_look)


def _without_effect(s: Situation, action: do.Action, answer: Answer) -> Failure | None:
    """Why to rest although the call succeeded: it would have no effect again. The situation knows the answer."""
    match action, answer:
        case do.Report(), Verdict(still_open=True):
            return Failure(f"the report had no effect: {answer.detail}", answered=True)
        case do.Report(), Verdict(standing=Standing.MISSING) if not _is_gone(s, s.memory.task_missing_since):
            return Failure(f"{answer.detail}, and is asked once more", answered=True)
        case do.DeleteStaging(), Missing() if action.branch not in s.memory.staging_deleted:
            return Failure(f"lakeFS does not know branch {action.branch}, and is asked once more", answered=True)
        case do.AskEvidence(), Missing() if not _is_gone(s, s.memory.branch_missing_since):
            return Failure("lakeFS does not know the branch, and is asked once more", answered=True)
        case do.CreatePod(), _ if action.name in s.names_taken:
            message = f"pod {action.name} of an earlier attempt with this name is still terminating"
            return Failure(message, Reason.POD_NAME_TAKEN)
        case do.LookForPod(), PodExists():
            return Failure(f"pod {action.name} exists, and the watch does not show it yet", answered=True)
        case do.PatchStatus() | do.GrantTurn() | do.RevokeTurn(), Patched(version) if version == _version(s):
            return Failure("the API server left the status as it was: the installed CRDs are not this operator's")
        case _:
            return None


def _version(s: Situation) -> str:
    return s.attempt.metadata.resource_version


def failed(s: Situation, action: do.Action, failure: Failure) -> Memory:
    """The memory after a call that failed: its kind rests, longer each time."""
    memory = s.memory.with_trouble(type(action), _trouble(s, action, failure))
    if isinstance(action, do.Report) and not failure.answered:
        memory = replace(memory, reports=memory.reports + 1)
    updates_conductor = isinstance(action, do.Report | do.Heartbeat)
    return replace(memory, doubt_since=s.now) if failure.fate_unknown and updates_conductor else memory


def _trouble(s: Situation, action: do.Action, failure: Failure) -> Trouble:
    earlier = s.trouble(type(action))
    count = earlier.count + 1 if earlier else 1
    cap = heartbeat_period(action.task, s.config) / 3 if isinstance(action, do.Heartbeat) else None
    rest = CONFLICT_REST if failure.conflict else backoff(s.memory.uid, do.kind_of(action), count, s.config, cap)
    version = _version(s) if failure.conflict else None
    lasts = earlier is not None and earlier.reason == failure.reason
    since = earlier.since if earlier and lasts else s.now
    return Trouble(count, s.now + rest, failure.reason, failure.message, failure.permanent, since, version)
