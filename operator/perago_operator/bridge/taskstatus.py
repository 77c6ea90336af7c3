"""What a PeragoTask's status says about polling and about its attempts. Pure: numbers in, merge patch out.

It also decides when a patch is worth a write: not for every poll.
"""

from dataclasses import dataclass
from datetime import datetime

from perago.wire.times import timestamp
from perago_operator.api.base import JsonObject
from perago_operator.api.conditions import State, changed
from perago_operator.api.reasons import ConditionType, Reason, with_remedy
from perago_operator.api.task import PeragoTask
from perago_operator.bridge.poller import PollState
from perago_operator.bridge.usability import Unusable

POLL_TIME_SECONDS = 60.0
"""`lastPollTime` alone is written at most this often."""


@dataclass(frozen=True, slots=True)
class TaskNumbers:
    """Attempts that are not finished, those of them without a running pod and those for which a limit leaves no room,
    and tasks waiting in Conductor."""

    active: int
    pending_pods: int
    queued: int | None
    waiting_for_room: int = 0


def status_patch(
    task: PeragoTask, numbers: TaskNumbers, state: PollState, now: datetime, unusable: Unusable | None = None
) -> JsonObject | None:
    """The merge patch that brings the status up to date; None when it says what is true already.

    `unusable` says why its attempts cannot run, if that is known.
    """
    old = task.status
    patch: JsonObject = {}
    if old.active != numbers.active:
        patch["active"] = numbers.active
    if old.pending_pods != numbers.pending_pods:
        patch["pendingPods"] = numbers.pending_pods
    if (old.waiting_for_room or 0) != numbers.waiting_for_room:
        patch["waitingForRoom"] = numbers.waiting_for_room
    if numbers.queued is not None and old.queued != numbers.queued:
        patch["queued"] = numbers.queued
    states = {ConditionType.POLLING: _polling(state), ConditionType.READY: _ready(task, unusable)}
    if conditions := changed(old.conditions, states, now, task.metadata.generation):
        patch["conditions"] = [condition.to_json() for condition in conditions]
    if state.last_poll is not None and _outdated(old.last_poll_time, state.last_poll, bool(patch)):
        patch["lastPollTime"] = timestamp(state.last_poll)
    return {"status": patch} if patch else None


def _outdated(written: datetime | None, polled: datetime, writing_anyway: bool) -> bool:
    """Whether the time of the last poll is to be written; whole seconds, as it is stored."""
    if written is None:
        return True
    late = (polled.replace(microsecond=0) - written).total_seconds()
    return late > 0 and (writing_anyway or late >= POLL_TIME_SECONDS)


def _polling(state: PollState) -> State:
    return State(state.polling, state.reason, state.message or state.reason.sentence)


def _ready(task: PeragoTask, unusable: Unusable | None) -> State:
    missing = [f"spec.{name}" for name in ("module", "image") if getattr(task.spec, name) is None]
    if missing and task.problem is None:
        are, them = ("is", "it") if len(missing) == 1 else ("are", "them")
        message = f"{' and '.join(missing)} {are} not set; each attempt has to set {them}"
        return State(False, Reason.TASK_INCOMPLETE, message)
    if unusable:
        return State(False, unusable.reason, with_remedy(unusable.message, unusable.reason))
    return State(True, Reason.TASK_COMPLETE, "spec.module and spec.image are set")
