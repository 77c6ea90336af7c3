"""`perago top`: how each PeragoTask is doing, in numbers over its attempts. Pure."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Final

from perago.wire import Reason
from perago_console.core.holding import holding
from perago_console.core.objects import COMPLETE, Attempt
from perago_console.core.page import Tone
from perago_console.core.rows import Row
from perago_console.core.tasks import INTENDED, POLLING, READY, Task
from perago_console.core.timeline import PARTS
from perago_console.core.times import exact_length, length

HOUR: Final = 3600.0
Key = tuple[str, str]
"""Namespace and PeragoTask, or the module of attempts that name none."""


@dataclass(frozen=True)
class Load:
    """The attempts of one PeragoTask, in numbers."""

    key: Key
    running: int
    starting: int
    waiting: int
    queued: int | None
    done_per_hour: float
    failed_per_hour: float
    oldest_seconds: float | None
    """Of the attempt that has been under way for longest."""
    slowest: tuple[str, float] | None
    """The part of an attempt that takes longest, and its median over those that ended within the window."""
    waits_for: tuple[str, int] | None
    """What most of those that wait, wait for."""
    trouble: str
    """The reason why the PeragoTask is not ready or not polled."""
    exists: bool
    """Whether there is a PeragoTask of this name."""
    paused: bool


def loads(tasks: Sequence[Task], attempts: Sequence[Attempt], window: float, now: datetime) -> Sequence[Load]:
    """One of each PeragoTask, those with the most to do first."""
    grouped: defaultdict[Key, list[Attempt]] = defaultdict(list)
    by_key: Mapping[Key, Task] = {(task.metadata.namespace, task.metadata.name): task for task in tasks}
    for attempt in attempts:
        grouped[attempt.metadata.namespace, attempt.task].append(attempt)
    loads = [_load(key, by_key.get(key), grouped[key], window, now) for key in sorted({*by_key, *grouped})]
    return sorted(loads, key=lambda load: (-(load.running + load.starting + load.waiting), load.key))


def _load(key: Key, task: Task | None, attempts: Sequence[Attempt], window: float, now: datetime) -> Load:
    going = [attempt for attempt in attempts if not attempt.ended]
    ended = [attempt for attempt in attempts if attempt.ended and _ended_within(attempt, window, now)]
    held = [holding(attempt, now) for attempt in going]
    words = Counter(state.word for state in held if state.waits)
    ages = [(now - attempt.created).total_seconds() for attempt in going if attempt.created]
    phases = Counter(attempt.status.phase or "Pending" for attempt in going)
    return Load(
        key=key,
        running=phases["Running"] + phases["Finishing"],
        starting=phases["Starting"],
        waiting=phases["Pending"],
        queued=task.status.queued if task else None,
        done_per_hour=_rate(ended, "Succeeded", window),
        failed_per_hour=_rate(ended, "Failed", window),
        oldest_seconds=max(ages, default=None),
        slowest=_slowest(ended),
        waits_for=words.most_common(1)[0] if words else None,
        trouble=_trouble(task),
        exists=task is not None,
        paused=task is not None and task.spec.paused,
    )


def headings(*, namespaces: bool) -> tuple[str, ...]:
    """The heading of the table."""
    first = ("NAMESPACE",) if namespaces else ()
    numbers = ("RUNNING", "STARTING", "WAITING", "QUEUED", "DONE/H", "FAILED/H", "OLDEST", "SLOWEST PART")
    return (*first, "TASK", "STATE", *numbers, "WAITS FOR")


def row(load: Load, *, namespaces: bool) -> Row:
    """The cells of one PeragoTask."""
    state = load.trouble or ("-" if not load.exists else Reason.PAUSED.value if load.paused else "Ready")
    cells = (
        load.key[1],
        state,
        str(load.running),
        str(load.starting),
        str(load.waiting),
        "-" if load.queued is None else str(load.queued),
        f"{load.done_per_hour:.0f}",
        f"{load.failed_per_hour:.0f}",
        "-" if load.oldest_seconds is None else length(load.oldest_seconds),
        f"{load.slowest[0]} {exact_length(load.slowest[1])}" if load.slowest else "-",
        f"{load.waits_for[0]} ({load.waits_for[1]})" if load.waits_for else "-",
    )
    first = (load.key[0],) if namespaces else ()
    return Row((*first, *cells), Tone.BAD if load.trouble else Tone.GOOD if load.exists else Tone.QUIET)


def _ended_within(attempt: Attempt, window: float, now: datetime) -> bool:
    complete = attempt.condition(COMPLETE)
    ended = complete.last_transition_time if complete else None
    return ended is not None and (now - ended).total_seconds() <= window


def _rate(ended: Sequence[Attempt], phase: str, window: float) -> float:
    return sum(attempt.status.phase == phase for attempt in ended) * HOUR / window


def _slowest(ended: Sequence[Attempt]) -> tuple[str, float] | None:
    """Where attempts spend their time; waiting in the queue is none of their own."""
    medians = []
    for part in PARTS:
        values = [seconds for attempt in ended if (seconds := getattr(attempt.status.timings, part)) is not None]
        if values:
            medians.append((part, median(values)))
    return max(medians, key=lambda pair: pair[1], default=None)


def _trouble(task: Task | None) -> str:
    if task is None:
        return ""
    conditions = (task.condition(kind) for kind in (READY, POLLING))
    reasons = [
        condition.reason
        for condition in conditions
        if condition and condition.status == "False" and condition.reason not in INTENDED
    ]
    return reasons[0] if reasons else ""
