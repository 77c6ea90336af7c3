"""What Conductor's answer means for an attempt: is the task still ours, has it our result, or somebody else's? Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from perago.wire import IN_PROGRESS, Outcome

OPEN_STATUSES = frozenset({IN_PROGRESS})
QUEUED_STATUSES = frozenset({"SCHEDULED"})


class Standing(StrEnum):
    """Where an attempt stands with Conductor."""

    OPEN = "Open"
    """The task is in progress: it waits for us."""
    QUEUED = "Queued"
    """The task is back in the queue; whoever polls it next is the same attempt."""
    ACCEPTED = "Accepted"
    """The task is terminal with our result."""
    SUPERSEDED = "Superseded"
    """The task is gone, or terminal with another result."""


WAITING = frozenset({Standing.OPEN, Standing.QUEUED})
"""Conductor still waits for a result."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One reading of the Conductor task."""

    standing: Standing
    detail: str
    """In words, for messages."""
    at: datetime
    after_report: bool
    """The reading followed a report; readings before it are heartbeats."""


def judge(status: str | None, output: Mapping[str, object], outcome: Outcome | None, *, at: datetime) -> Verdict:
    """What a reading means: `status` None is a task that Conductor does not know, `outcome` None a heartbeat."""

    def verdict(standing: Standing, detail: str) -> Verdict:
        return Verdict(standing, detail, at, after_report=outcome is not None)

    if status is None:
        return verdict(Standing.SUPERSEDED, "Conductor no longer knows the task")
    if status in OPEN_STATUSES:
        return verdict(Standing.OPEN, "Conductor has the task IN_PROGRESS")
    if status in QUEUED_STATUSES:
        return verdict(Standing.QUEUED, f"Conductor has the task {status}")
    if outcome is not None and _is_ours(status, output, outcome):
        return verdict(Standing.ACCEPTED, f"Conductor has the task {status}")
    return verdict(Standing.SUPERSEDED, f"Conductor has the task {status}, which is not from this attempt")


def _is_ours(status: str, output: Mapping[str, object], outcome: Outcome) -> bool:
    """Same status and output; Conductor keeps outputs over 3 MiB elsewhere and then shows none."""
    if status != outcome.status:
        return False
    moved = not output and outcome.output_gzip is not None
    return moved or dict(output) == (outcome.full_output() or {})
