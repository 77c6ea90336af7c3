"""What can be done for an attempt: one frozen value per action; `Action` is the closed union of them.

Every action can be repeated: names are deterministic, and "there already" or "gone already" is success.
"""

from dataclasses import dataclass
from typing import Literal

from perago.wire import ConductorTask, Outcome
from perago_operator.api.base import JsonObject


@dataclass(frozen=True, slots=True)
class HoldAttempt:
    """Put our finalizer on an attempt that was made by hand; attempts created from Conductor already carry it."""


@dataclass(frozen=True, slots=True)
class CreatePod:
    """Create the pod of this execution."""

    name: str
    manifest: JsonObject


@dataclass(frozen=True, slots=True)
class LookForPod:
    """Ask the API server for a pod that no watch shows: only its word counts for a pod that is gone."""

    name: str


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Delete the pod that has this name and this uid, with its own grace period."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class ReleasePod:
    """Take our finalizer off the pod that has this name and this uid: its status is no longer needed."""

    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class ReadLog:
    """Read the last lines of the task container's log, before its pod goes."""

    pod: str
    lines: int
    to_the_end: bool = False
    """Wait a moment for what a container that is about to end still writes."""


@dataclass(frozen=True, slots=True)
class ShipLog:
    """Copy the end of the task container's log to the Conductor task, where it outlives the pod."""

    task: ConductorTask
    pod: str
    text: str


@dataclass(frozen=True, slots=True)
class AskEvidence:
    """Ask lakeFS whether a commit after `input_ref` on the target branch names this attempt."""

    repository: str
    branch: str
    input_ref: str


@dataclass(frozen=True, slots=True)
class DeleteStaging:
    """Delete a staging branch, and so fence whoever may still want to merge it."""

    repository: str
    branch: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Read the Conductor task and, where it is IN_PROGRESS, restart its response timer.

    `outcome` is what was already sent without an answer: the reading may show that it arrived.
    """

    task: ConductorTask
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Post the outcome and read the task back."""

    task: ConductorTask
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Read the Conductor task once more: a call of unknown fate may have landed after the first reading."""

    task: ConductorTask
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class PatchStatus:
    """Merge into the attempt's status; if guarded, only when nobody has written the object since it was read."""

    status: JsonObject
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class GrantTurn:
    """Give the attempt the turn to publish that it asks for."""


@dataclass(frozen=True, slots=True)
class RevokeTurn:
    """Say that the turn which the attempt holds must not be used any more."""


@dataclass(frozen=True, slots=True)
class EndTurn:
    """Take the turn away that the attempt holds: nobody can use it any more, and the next attempt may have one."""


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """Record an event of the attempt, for people."""

    kind: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ReleaseAttempt:
    """Take our finalizer off the attempt: nothing of it is left anywhere."""


@dataclass(frozen=True, slots=True)
class DeleteAttempt:
    """Delete the attempt: its time to live is over."""


Action = (
    HoldAttempt
    | CreatePod
    | LookForPod
    | DeletePod
    | ReleasePod
    | ReadLog
    | ShipLog
    | AskEvidence
    | DeleteStaging
    | Heartbeat
    | Report
    | ReadBack
    | PatchStatus
    | GrantTurn
    | RevokeTurn
    | EndTurn
    | RecordEvent
    | ReleaseAttempt
    | DeleteAttempt
)


Kind = type[Action]
"""A kind of action: what rests after a call that failed, since others of its kind would fail as well."""


def kind_of(action: Action) -> str:
    """The name of the action's kind, for logs and metrics."""
    return type(action).__name__
