"""What can be done for an attempt: one frozen value an action, closed under `Action` so that `match` is exhaustive.

Every action can be repeated: names are deterministic, and "there already" or "gone already" is success.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from perago.wire import ConductorTask, Outcome
from perago_operator.api.base import JsonObject


@dataclass(frozen=True, slots=True)
class HoldAttempt:
    """Put our finalizer on an attempt that was made by hand; those of the bridge are born with it."""


@dataclass(frozen=True, slots=True)
class CreatePod:
    """Create the pod of this execution."""

    name: str
    manifest: JsonObject


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Delete a pod, with its own grace period."""

    name: str


@dataclass(frozen=True, slots=True)
class ReleasePod:
    """Take our finalizer off a pod whose word is no longer needed."""

    name: str


@dataclass(frozen=True, slots=True)
class ReadLog:
    """Read the last lines of the task container's log, for the message of a failure."""

    pod: str
    lines: int


@dataclass(frozen=True, slots=True)
class ShipLog:
    """Copy the last lines of the task container's log to the Conductor task, where they outlive the pod."""

    task: ConductorTask
    pod: str
    lines: int


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
    """Read the Conductor task and, where it is IN_PROGRESS, extend its lease.

    `outcome` is what has been sent already without an answer: the reading may show that it arrived.
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
    """Merge into the attempt's status; guarded: only when nobody has written the object since it was read."""

    status: JsonObject
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """Tell people, in the attempt's events."""

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
    | RecordEvent
    | ReleaseAttempt
    | DeleteAttempt
)


def name_of(action: Action) -> str:
    """The action's kind: under this name `Memory` keeps the back-off of calls that failed."""
    return type(action).__name__


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, when to look again although nothing happened, and why, in words for the log."""

    actions: tuple[Action, ...]
    look_again_at: datetime | None
    why: str
