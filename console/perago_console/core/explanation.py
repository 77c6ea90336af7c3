"""`perago explain`: what holds, what comes of it and what to do, of an attempt, a PeragoTask or a reason. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from pydantic import JsonValue

from perago.wire import Reason
from perago.wire.faults import FAULTS
from perago.wire.reasons import WORDS
from perago.wire.times import timestamp
from perago_console.core.holding import deadline, holding
from perago_console.core.holdings import Holding
from perago_console.core.objects import Attempt, Condition
from perago_console.core.page import Line, Page, Section, Tone, lines, optional
from perago_console.core.rows import state, tone
from perago_console.core.tasks import INTENDED, POLLING, READY, Task
from perago_console.core.times import moment_and_age


def of_attempt(attempt: Attempt, task: Task | None, now: datetime) -> Page:
    """What holds of an attempt, and what its PeragoTask adds to it where that is known."""
    fact = holding(attempt, now)
    title = f"attempt {attempt.key}, {state(attempt)}"
    return (
        Section(title, _of_holding(fact, attempt, now)),
        Section("", lines(_deadline(attempt, task, now), _not_ready(task))),
    )


def of_task(task: Task, now: datetime) -> Page:
    """What its two conditions say."""
    title = f"PeragoTask {task.key}"
    conditions = [condition for kind in (READY, POLLING) if (condition := task.condition(kind)) is not None]
    if not conditions:
        words = "no operator has looked at it yet; check with `perago doctor` that one serves the namespace"
        return (Section(title, lines(Line("is", words, Tone.WAITS))),)
    return (Section(title), *(Section("", _of_condition(condition, now)) for condition in conditions))


def of_reason(reason: Reason) -> Page:
    """What a published word means."""
    fault = FAULTS.get(reason)
    return (
        Section(
            reason.value,
            lines(
                optional("means", reason.sentence),
                optional("fault", f"{fault.value}: {fault.sentence}" if fault else None),
                optional("do", reason.remedy),
            ),
        ),
    )


def as_facts(attempt: Attempt, task: Task | None, now: datetime) -> Mapping[str, JsonValue]:
    """The same for programs."""
    fact = holding(attempt, now)
    until = deadline(attempt, task.spec.active_deadline_seconds if task else None)
    facts: dict[str, JsonValue] = {
        **{name: value for name, value in asdict(fact).items() if not isinstance(value, datetime)},
        "sentence": fact.sentence,
        "since": timestamp(fact.since) if fact.since else None,
        "until": timestamp(fact.until) if fact.until else None,
        "deadline": timestamp(until) if until else None,
    }
    return {
        "namespace": attempt.metadata.namespace,
        "name": attempt.metadata.name,
        "phase": attempt.status.phase,
        **facts,
    }


def _of_holding(fact: Holding, attempt: Attempt, now: datetime) -> tuple[Line, ...]:
    label = "waits for" if fact.waits else "ended with" if attempt.ended else "is at"
    ended = attempt.status.outcome if attempt.ended else None
    return lines(
        Line(label, fact.word if fact.named else fact.words, tone(attempt, fact)),
        optional("means", fact.sentence),
        optional("it says", fact.words if fact.named else None),
        optional("fault", ended.failure_class if ended else None),
        optional("shown by", fact.shown_by, Tone.QUIET),
        optional("since", moment_and_age(fact.since, now) if fact.since else None),
        optional("until", moment_and_age(fact.until, now) if fact.until else None),
        optional("then", fact.then),
        optional("do", fact.remedy, Tone.WAITS),
    )


def _deadline(attempt: Attempt, task: Task | None, now: datetime) -> Line | None:
    until = deadline(attempt, task.spec.active_deadline_seconds if task else None)
    if until is None or attempt.status.outcome is not None:
        return None
    return Line("deadline", f"{moment_and_age(until, now)}, when it fails with DeadlineExceeded")


def _not_ready(task: Task | None) -> Line | None:
    ready = task.condition(READY) if task else None
    if task is None or ready is None or ready.status != "False":
        return None
    return Line("PeragoTask", f"{task.metadata.name} is not ready: {ready.reason}: {ready.message}", Tone.BAD)


def _of_condition(condition: Condition, now: datetime) -> tuple[Line, ...]:
    well = condition.status == "True" or condition.reason in INTENDED
    reason, since = WORDS.get(condition.reason), condition.last_transition_time
    return lines(
        Line(condition.type, f"{condition.status}: {condition.reason}", Tone.GOOD if well else Tone.BAD),
        optional("means", reason.sentence if reason else None),
        optional("it says", condition.message if reason is None or condition.message != reason.sentence else None),
        optional("since", moment_and_age(since, now) if since else None),
        optional("do", reason.remedy if reason and not well else None, Tone.WAITS),
    )
