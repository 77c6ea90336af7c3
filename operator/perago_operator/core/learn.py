"""What an answer adds to the memory of an attempt. Pure: memory and answer in, memory out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from perago_operator.api.reasons import Reason
from perago_operator.core import actions as do
from perago_operator.core.config import Config
from perago_operator.core.diagnosis import hindrance
from perago_operator.core.facts import Facts
from perago_operator.core.memory import Evidence, Memory, Trouble, backoff
from perago_operator.core.verdict import WAITING, Verdict

CONFLICT_REST = timedelta(seconds=1)
"""How long a guarded status patch rests after a conflict, unless the newer object arrives before."""


@dataclass(frozen=True, slots=True)
class Found:
    """The commit that evidence names."""

    ref: str
    metadata: Mapping[str, str]


When = tuple[datetime, Config]
"""The time now, and the limits that back-off depends on."""

Answer = Verdict | Found | str | None
"""What a call brought back beside its success: a reading of Conductor, a commit, a log."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that failed, in the core's words."""

    reason: Reason
    message: str
    fate_unknown: bool = False
    permanent: bool = False
    conflict: bool = False
    answered: bool = False
    """The call itself succeeded; its answer is that it had no effect."""


def first_memory(facts_uid: str, now: datetime, *, under_way: bool, reports: int) -> Memory:
    """The memory of an attempt met for the first time.

    One that is under way was served by another process, whose calls to Conductor may still land.
    """
    return Memory(facts_uid, now, adopted=under_way, doubt_since=now if under_way else None, reports=reports)


def learned(memory: Memory, action: do.Action, answer: Answer, facts: Facts, when: When) -> Memory:
    """The memory after a call that succeeded; one that had no effect rests like one that failed."""
    after = _done(memory, action, answer, when[0])
    if isinstance(action, do.AskEvidence):
        return _with_evidence(after, answer, facts.execution)
    failure = _without_effect(action, answer)
    return failed(replace(after, troubles=memory.troubles), action, failure, facts, when) if failure else after


def _done(memory: Memory, action: do.Action, answer: Answer, now: datetime) -> Memory:
    memory = memory.without_trouble(do.name_of(action))
    match action:
        case do.HoldAttempt():
            return replace(memory, held=True)
        case do.CreatePod(name=name):
            return replace(memory, created=memory.created | {name}, created_at=memory.created_at or now)
        case do.DeletePod(name=name):
            return replace(memory, deleted=memory.deleted | {name})
        case do.ReleasePod(name=name):
            return replace(memory, released_pods=memory.released_pods | {name})
        case do.ReadLog(pod=pod):
            return replace(memory, logs={**memory.logs, pod: answer if isinstance(answer, str) else ""})
        case do.ShipLog(pod=pod):
            return replace(memory, shipped=memory.shipped | {pod})
        case do.DeleteStaging(branch=branch):
            return replace(memory, staging_deleted=memory.staging_deleted | {branch})
        case do.Report() | do.ReadBack() | do.Heartbeat():
            return _read(memory, action, answer, now)
        case do.ReleaseAttempt():
            return replace(memory, released=True)
        case do.DeleteAttempt():
            return replace(memory, expired=True)
        case do.AskEvidence() | do.PatchStatus() | do.RecordEvent():
            return memory


def _with_evidence(memory: Memory, answer: Answer, execution: int) -> Memory:
    if isinstance(answer, Found):
        return replace(memory, evidence=Evidence(execution, answer.ref, answer.metadata))
    return replace(memory, evidence=Evidence(execution))


def _read(memory: Memory, action: do.Report | do.ReadBack | do.Heartbeat, answer: Answer, now: datetime) -> Memory:
    verdict = answer if isinstance(answer, Verdict) else memory.verdict
    memory = replace(memory, verdict=verdict)
    if isinstance(action, do.Heartbeat):
        return replace(memory, heartbeat_at=now)
    return replace(memory, reports=memory.reports + 1) if isinstance(action, do.Report) else memory


def failed(memory: Memory, action: do.Action, failure: Failure, facts: Facts, when: When) -> Memory:
    """The memory after a call that failed: it rests, longer each time."""
    now, config = when
    kind = do.name_of(action)
    earlier = memory.troubles.get(kind)
    count = (earlier.count if earlier else 0) + 1
    rest = CONFLICT_REST if failure.conflict else backoff(memory.uid, kind, count, config)
    version = facts.attempt.metadata.resource_version if failure.conflict else None
    trouble = Trouble(count, now + rest, failure.reason, failure.message, failure.permanent, version)
    memory = memory.with_trouble(kind, trouble)
    if isinstance(action, do.Report) and not failure.answered:
        memory = replace(memory, reports=memory.reports + 1)
    return replace(memory, doubt_since=now) if failure.fate_unknown and _is_update(action) else memory


def _is_update(action: do.Action) -> bool:
    return isinstance(action, do.Report | do.Heartbeat)


def _without_effect(action: do.Action, answer: Answer) -> Failure | None:
    """What to rest for although the call succeeded: Conductor took a report, and still waits for one."""
    if not isinstance(action, do.Report) or not isinstance(answer, Verdict) or answer.standing not in WAITING:
        return None
    return Failure(Reason.REPORT_PENDING, f"the report had no effect: {answer.detail}", answered=True)


def looked(memory: Memory, facts: Facts, now: datetime) -> Memory:
    """The memory after a look at the stores: pods that were seen, first sights of the outcome and of a hindrance."""
    seen = memory.seen | {each.name for each in facts.pods}
    outcome_at = memory.outcome_seen_at or (now if facts.outcome else None)
    return replace(memory, seen=seen, outcome_seen_at=outcome_at, hindered=_hindered(memory, facts, now))


def _hindered(memory: Memory, facts: Facts, now: datetime) -> tuple[str, datetime] | None:
    """Since when the current pod is kept from starting; an attempt at a pull in between does not end it."""
    pod = facts.pod
    if pod is None or pod.started:
        return None
    if memory.hindered and memory.hindered[0] == pod.name:
        return memory.hindered
    return (pod.name, now) if hindrance(pod) else None
