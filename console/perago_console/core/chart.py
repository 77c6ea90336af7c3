"""Attempts, executions and steps as bars over one time, for whoever draws them. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from perago_console.core.gantt import begin, end, named, ordered
from perago_console.core.holding import holding
from perago_console.core.objects import Attempt
from perago_console.core.page import Tone
from perago_console.core.pods import AGENT_CONTAINER, TASK_CONTAINER, Pod
from perago_console.core.rows import state, tone
from perago_console.core.timeline import PARTS

WAITING_PARTS: Final = ("queued", "starting")


@dataclass(frozen=True)
class Bar:
    """What took from one moment to another."""

    label: str
    begin: datetime
    end: datetime
    tone: Tone
    note: str = ""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.end - self.begin).total_seconds()


def of_executions(attempt: Attempt, pods: Sequence[Pod], now: datetime) -> tuple[Bar, ...]:
    """The attempt, its pods as far as they are there, and its steps."""
    whole = _whole("attempt", attempt, now)
    return (whole, *_pods(pods, whole.end), *_steps(attempt, whole))


def of_attempts(attempts: Sequence[Attempt], now: datetime) -> tuple[Bar, ...]:
    """One bar for each attempt of a workflow, in the order of their creation."""
    return tuple(_whole(named(attempt), attempt, now) for attempt in ordered(attempts, now))


def _whole(label: str, attempt: Attempt, now: datetime) -> Bar:
    return Bar(label, begin(attempt, now), end(attempt, now), tone(attempt, holding(attempt, now)), state(attempt))


def _pods(pods: Sequence[Pod], last: datetime) -> Iterator[Bar]:
    for pod in pods:
        if (first := pod.status.start_time or pod.metadata.creation_timestamp) is not None:
            states = (pod.state(container).terminated for container in (AGENT_CONTAINER, TASK_CONTAINER))
            ends = [ended.finished_at for ended in states if ended and ended.finished_at]
            until = max(ends) if len(ends) == 2 else last
            yield Bar(pod.metadata.name, first, max(first, until), Tone.WORKS, pod.status.phase)


def _steps(attempt: Attempt, whole: Bar) -> Iterator[Bar]:
    """Each begins where the one before it ended."""
    begun = whole.begin
    for part in PARTS:
        if (seconds := getattr(attempt.status.timings, part)) is not None:
            ended = begun + timedelta(seconds=seconds)
            yield Bar(part, begun, ended, Tone.WAITS if part in WAITING_PARTS else Tone.WORKS)
            begun = ended
