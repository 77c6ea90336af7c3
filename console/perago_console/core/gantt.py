"""`perago describe --workflow`: the attempts of a workflow side by side, as bars over one time. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from perago_console.core.holding import holding
from perago_console.core.objects import COMPLETE, Attempt
from perago_console.core.page import Line, Page, Section, Tone
from perago_console.core.rows import state, tone, why
from perago_console.core.times import exact_length, moment

WIDTH: Final = 48
LEGEND: Final = "· waits for its pod   ░ its pod starts   █ it runs, publishes and reports"


def gantt(workflow: str, attempts: Sequence[Attempt], now: datetime) -> Page:
    """One line for each attempt, of which there is at least one, in the order of their creation."""
    rows = ordered(attempts, now)
    first = min(begin(attempt, now) for attempt in rows)
    last = max(end(attempt, now) for attempt in rows)
    title = f"workflow {workflow}, from {moment(first, now)} to {moment(last, now)}"
    span = max((last - first).total_seconds(), 1e-9)
    return (
        Section(title, tuple(_line(attempt, first, span, now) for attempt in rows)),
        Section("", (Line("", LEGEND, Tone.QUIET),)),
    )


def ordered(attempts: Sequence[Attempt], now: datetime) -> list[Attempt]:
    """In the order of their creation."""
    return sorted(attempts, key=lambda attempt: (begin(attempt, now), attempt.metadata.name))


def begin(attempt: Attempt, now: datetime) -> datetime:
    """When it was created."""
    return attempt.created or now


def end(attempt: Attempt, now: datetime) -> datetime:
    """When nothing was left to do; now, while it goes on."""
    complete = attempt.condition(COMPLETE)
    return (complete.last_transition_time if complete else None) or now


def named(attempt: Attempt) -> str:
    """Which task of the workflow it is, and which attempt of it."""
    task = attempt.spec.conductor
    return f"{task.reference_task_name} {_try(task.iteration, task.retry_count)}".rstrip() if task else attempt.task


def _line(attempt: Attempt, first: datetime, span: float, now: datetime) -> Line:
    fact = holding(attempt, now)
    took = (end(attempt, now) - begin(attempt, now)).total_seconds()
    words = state(attempt) if attempt.status.phase == "Succeeded" else f"{state(attempt)}: {why(fact)}"
    return Line(
        named(attempt), f"{exact_length(took):>7}  {_bar(attempt, first, span, now)}  {words}", tone(attempt, fact)
    )


def _try(iteration: int, retry: int) -> str:
    return " ".join((*([f"iteration {iteration}"] if iteration else []), *([f"retry {retry}"] if retry else [])))


def _bar(attempt: Attempt, first: datetime, span: float, now: datetime) -> str:
    """What is not known yet counts as what it is at: an attempt that has no pod still waits for it."""
    began, ended = ((time - first).total_seconds() for time in (begin(attempt, now), end(attempt, now)))
    timings = attempt.status.timings
    created = ended if timings.queued is None else min(began + timings.queued, ended)
    ran = ended if timings.starting is None else min(created + timings.starting, ended)
    begins, creates, runs, ends = (round(WIDTH * time / span) for time in (began, created, ran, ended))
    drawn = "·" * (creates - begins) + "░" * (runs - creates) + "█" * (ends - runs)
    begins = min(begins, WIDTH - 1)
    return f"{' ' * begins}{drawn or '▏'}".ljust(WIDTH)
