"""What a PeragoTask's status says about polling and about its attempts. Pure: numbers in, merge patch out.

It decides also when a patch is worth a write: not for every poll.
"""

from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from perago_operator.api.base import JsonObject, timestamp
from perago_operator.api.shared import Condition
from perago_operator.api.task import PeragoTask
from perago_operator.bridge.poller import PollState

POLL_TIME_SECONDS = 60.0
"""`lastPollTime` alone is written at most this often."""


@dataclass(frozen=True, slots=True)
class TaskNumbers:
    """Attempts that are not finished, those of them without a running pod, and tasks waiting in Conductor."""

    active: int
    pending_pods: int
    queued: int | None


def status_patch(task: PeragoTask, numbers: TaskNumbers, state: PollState, now: datetime) -> JsonObject | None:
    """The merge patch that brings the status up to date; None when it says what is true already."""
    old = task.status
    conditions = [_condition(task, wanted, now) for wanted in (_polling(state), _ready(task))]
    changed: JsonObject = {}
    if old.active != numbers.active:
        changed["active"] = numbers.active
    if old.pending_pods != numbers.pending_pods:
        changed["pendingPods"] = numbers.pending_pods
    if numbers.queued is not None and old.queued != numbers.queued:
        changed["queued"] = numbers.queued
    if tuple(conditions) != old.conditions:
        changed["conditions"] = [dumped(condition) for condition in conditions]
    if state.last_poll is not None and _outdated(old.last_poll_time, state.last_poll, bool(changed)):
        changed["lastPollTime"] = timestamp(state.last_poll)
    return {"status": changed} if changed else None


def dumped(condition: Condition) -> JsonValue:
    """A condition as the API server has it."""
    return condition.to_json()


def _outdated(written: datetime | None, polled: datetime, writing_anyway: bool) -> bool:
    """Whether the time of the last poll is to be written; whole seconds, as it is stored."""
    if written is None:
        return True
    late = (polled.replace(microsecond=0) - written).total_seconds()
    return late > 0 and (writing_anyway or late >= POLL_TIME_SECONDS)


@dataclass(frozen=True, slots=True)
class _Wanted:
    type: str
    status: bool
    reason: str
    message: str


def _polling(state: PollState) -> _Wanted:
    return _Wanted("Polling", state.polling, state.reason, state.message)


def _ready(task: PeragoTask) -> _Wanted:
    missing = [name for name in ("module", "image") if getattr(task.spec, name) is None]
    if missing:
        words = " and ".join(f"spec.{name}" for name in missing)
        return _Wanted("Ready", False, "TaskIncomplete", f"{words} not given: each attempt has to say it")
    return _Wanted("Ready", True, "TaskComplete", "module and image are known")


def _condition(task: PeragoTask, wanted: _Wanted, now: datetime) -> Condition:
    """The condition, its transition time kept while its status does not change."""
    status = "True" if wanted.status else "False"
    old = next((one for one in task.status.conditions if one.type == wanted.type), None)
    kept = old is not None and old.status == status
    return Condition(
        type=wanted.type,
        status=status,
        reason=wanted.reason,
        message=wanted.message[:1024],
        last_transition_time=old.last_transition_time if kept and old else now.replace(microsecond=0),
        observed_generation=task.metadata.generation or None,
    )
