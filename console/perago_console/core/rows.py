"""Attempts as rows of `perago list`: which of them, in which order, with which cells. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from perago_console.core.holding import holding
from perago_console.core.holdings import Holding
from perago_console.core.objects import COMPLETE, Attempt
from perago_console.core.page import Tone
from perago_console.core.times import age

LONGEST_WHY: Final = 72
SHORT_ID: Final = 12


@dataclass(frozen=True)
class Row:
    """One attempt: its cells by column, and the tone of its state."""

    cells: tuple[str, ...]
    tone: Tone


@dataclass(frozen=True)
class Selection:
    """Which attempts are listed; what is None or empty selects nothing away."""

    task: str | None = None
    workflow: str | None = None
    phases: tuple[str, ...] = ()
    waiting: bool = False
    within_seconds: float | None = None

    def takes(self, attempt: Attempt, now: datetime) -> bool:
        """Whether an attempt is listed."""
        conductor = attempt.spec.conductor
        return (
            (self.task is None or self.task in (attempt.task, conductor.task_type if conductor else None))
            and (
                self.workflow is None
                or (conductor is not None and self._is_of_workflow(conductor.workflow_instance_id))
            )
            and (not self.phases or (attempt.status.phase or "Pending").lower() in self.phases)
            and (not self.waiting or holding(attempt, now).waits)
            and (self.within_seconds is None or _changed_within(attempt, now, self.within_seconds))
        )

    def _is_of_workflow(self, workflow: str) -> bool:
        return workflow.startswith(self.workflow or "")


def columns(*, namespaces: bool, wide: bool) -> tuple[str, ...]:
    """The heading of the table."""
    first = ("NAMESPACE",) if namespaces else ()
    more = ("WORKFLOW", "EXECUTION", "NODE", "REPOSITORY", "REF") if wide else ()
    return (*first, "NAME", "TASK", "RETRY", "STATE", "WHY", "SINCE", "AGE", *more)


def row(attempt: Attempt, now: datetime, *, namespaces: bool, wide: bool) -> Row:
    """The cells of one attempt."""
    fact, conductor = holding(attempt, now), attempt.spec.conductor
    first = (attempt.metadata.namespace,) if namespaces else ()
    cells = (
        attempt.metadata.name,
        attempt.task or "-",
        str(conductor.retry_count) if conductor else "-",
        state(attempt),
        why(fact, wide=wide),
        age(fact.since, now),
        age(attempt.created, now),
    )
    return Row((*first, *cells, *(_more(attempt) if wide else ())), tone(attempt, fact))


def ordered(attempts: Iterable[Attempt]) -> Sequence[Attempt]:
    """By namespace, the oldest first."""
    return sorted(
        attempts, key=lambda attempt: (attempt.metadata.namespace, str(attempt.created or ""), attempt.metadata.name)
    )


def state(attempt: Attempt) -> str:
    """The step of an attempt that runs, else its phase."""
    return attempt.status.step or attempt.status.phase or "Pending"


def why(fact: Holding, *, wide: bool = False) -> str:
    """The word and the object's own words, unless these begin with it; a step's word is the state already."""
    repeats = not fact.named or fact.words.startswith(f"{fact.word}:")
    words = fact.words if repeats else ": ".join(filter(None, (fact.word, fact.words)))
    return words if wide or len(words) <= LONGEST_WHY else f"{words[: LONGEST_WHY - 1].rstrip()}…"


def tone(attempt: Attempt, fact: Holding) -> Tone:
    """Good or bad when it has ended, else whether it waits or works."""
    if attempt.ended:
        return {"Succeeded": Tone.GOOD, "Failed": Tone.BAD}.get(attempt.status.phase or "", Tone.QUIET)
    return Tone.WAITS if fact.waits else Tone.WORKS


def _more(attempt: Attempt) -> tuple[str, ...]:
    status, conductor = attempt.status, attempt.spec.conductor
    workspace = status.workspace
    ref = (workspace.published_ref or workspace.input_ref) if workspace else ""
    return (
        conductor.workflow_instance_id[:SHORT_ID] if conductor else "-",
        str(status.executions or "-"),
        status.node_name or "-",
        f"{workspace.repository}/{workspace.branch}" if workspace else "-",
        ref[:SHORT_ID] or "-",
    )


def _changed_within(attempt: Attempt, now: datetime, seconds: float) -> bool:
    """Whether it was created or completed not longer ago than that, or is under way."""
    complete = attempt.condition(COMPLETE)
    last = (complete.last_transition_time if complete else None) or attempt.created
    return not attempt.ended or (last is not None and now - last <= timedelta(seconds=seconds))
