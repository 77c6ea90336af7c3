"""What comes back from calls, in the core's own words: the counterpart of `actions`. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue

from perago.wire import IN_PROGRESS
from perago_operator.api.reasons import Reason

SCHEDULED = "SCHEDULED"
"""Conductor's status of a task that waits in its queue."""


@dataclass(frozen=True, slots=True)
class ConductorTaskState:
    """A task as Conductor has it now (`GET /tasks/{id}`)."""

    status: str
    output: Mapping[str, JsonValue] = field(default_factory=dict)
    reason: str | None = None
    """Conductor's `reasonForIncompletion`."""
    workflow_ended: bool = False
    """Its workflow ignores every update. Asked for only where the task is open although its result was reported."""

    workflow_missing: bool = False
    """Conductor does not know its workflow, where it was asked for that."""
    start_time: int | None = None
    """Conductor's `startTime`."""

    @property
    def open(self) -> bool:
        """Conductor shows the task as one that waits for a result."""
        return self.status in (IN_PROGRESS, SCHEDULED)


class Standing(StrEnum):
    """Where an attempt stands with Conductor."""

    OPEN = "Open"
    """The task is in progress: Conductor waits for us."""
    QUEUED = "Queued"
    """The task is back in the queue; whoever polls it next gets the same attempt."""
    ACCEPTED = "Accepted"
    """The task is terminal with our result."""
    SUPERSEDED = "Superseded"
    """The task is gone, or terminal with another result."""
    MISSING = "Missing"
    """Conductor does not know the task, says one reading: gone is what a second one, seconds later, does not find."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one reading of the Conductor task means for the attempt."""

    standing: Standing
    detail: str
    """In words, for messages."""
    at: datetime
    after_report: bool
    """The reading followed a report; readings before it are heartbeats."""

    @property
    def still_open(self) -> bool:
        """Conductor still waits for a result."""
        return self.standing in (Standing.OPEN, Standing.QUEUED)


@dataclass(frozen=True, slots=True)
class Publication:
    """A commit of this attempt on its target branch: its id and its metadata."""

    ref: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Landed:
    """Where the merges of an attempt have landed on its target branch."""

    publication: Publication | None = None
    """On the input ref."""
    astray: tuple[str, ...] = ()
    """On other commits, newest first: second landings, and those whose agent died before it took them back."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Any commit: its metadata, and when it was made."""

    metadata: Mapping[str, str]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Patched:
    """The attempt after a status patch."""

    resource_version: str


@dataclass(frozen=True, slots=True)
class Missing:
    """What was asked about is not there, says one answer."""


@dataclass(frozen=True, slots=True)
class PodExists:
    """The pod that was looked for is there."""


Answer = Verdict | Landed | Missing | Patched | PodExists | str | None
"""What a call brought back besides its success: a reading of Conductor, commits, a version, a log."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that failed."""

    message: str
    reason: Reason | None = None
    """What PodReady says meanwhile, if the pod cannot be created without this call."""
    fate_unknown: bool = False
    """The call may have been carried out nevertheless."""
    permanent: bool = False
    """Repeating the call cannot help: the API server will never accept this object."""
    conflict: bool = False
    """The object has changed since it was read."""
    answered: bool = False
    """The call itself succeeded; its answer is that it had no effect."""
