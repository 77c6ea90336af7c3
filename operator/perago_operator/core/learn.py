"""What an answer adds to the memory of an attempt. Pure: memory and answer in, memory out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from perago_operator.api.reasons import Reason
from perago_operator.core import actions as do
from perago_operator.core.config import Config
from perago_operator.core.facts import Facts
from perago_operator.core.memory import Evidence, Memory, Trouble, backoff
from perago_operator.core.verdict import Verdict

CONFLICT_REST = timedelta(seconds=1)
"""How long a guarded status patch rests after a conflict, unless the newer object arrives before."""


@dataclass(frozen=True, slots=True)
class Found:
    """The commit that evidence names."""

    ref: str
    metadata: Mapping[str, str]


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


def first_memory(facts_uid: str, now: datetime, *, under_way: bool, reports: int) -> Memory:
    """The memory of an attempt met for the first time.

    One that is under way was served by another process, whose calls to Conductor may still land.
    """
    return Memory(facts_uid, now, adopted=under_way, doubt_since=now if under_way else None, reports=reports)


def learned(memory: Memory, action: do.Action, answer: Answer, now: datetime) -> Memory:
    """The memory after a call that succeeded."""
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


def with_evidence(memory: Memory, answer: Answer, execution: int) -> Memory:
    """The memory after lakeFS was asked about that execution."""
    if isinstance(answer, Found):
        return replace(memory, evidence=Evidence(execution, answer.ref, answer.metadata))
    return replace(memory, evidence=Evidence(execution))


def _read(memory: Memory, action: do.Report | do.ReadBack | do.Heartbeat, answer: Answer, now: datetime) -> Memory:
    verdict = answer if isinstance(answer, Verdict) else memory.verdict
    memory = replace(memory, verdict=verdict)
    if isinstance(action, do.Heartbeat):
        return replace(memory, heartbeat_at=now)
    return replace(memory, reports=memory.reports + 1) if isinstance(action, do.Report) else memory


def failed(memory: Memory, action: do.Action, failure: Failure, facts: Facts, when: tuple[datetime, Config]) -> Memory:
    """The memory after a call that failed: it rests, longer each time."""
    now, config = when
    kind = do.name_of(action)
    earlier = memory.troubles.get(kind)
    count = (earlier.count if earlier else 0) + 1
    rest = CONFLICT_REST if failure.conflict else backoff(memory.uid, kind, count, config)
    version = facts.attempt.metadata.resource_version if failure.conflict else None
    trouble = Trouble(count, now + rest, failure.reason.value, failure.message, failure.permanent, version)
    memory = memory.with_trouble(kind, trouble)
    if isinstance(action, do.Report):
        memory = replace(memory, reports=memory.reports + 1)
    return replace(memory, doubt_since=now) if failure.fate_unknown and _is_update(action) else memory


def _is_update(action: do.Action) -> bool:
    return isinstance(action, do.Report | do.Heartbeat)


def looked(memory: Memory, facts: Facts, now: datetime) -> Memory:
    """The memory after a look at the stores: pods that were seen, and the first sight of the outcome."""
    seen = memory.seen | {each.name for each in facts.pods}
    outcome_at = memory.outcome_seen_at or (now if facts.outcome else None)
    return replace(memory, seen=seen, outcome_seen_at=outcome_at)
