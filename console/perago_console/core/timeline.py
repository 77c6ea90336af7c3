"""What happened to an attempt, in the order in which it happened, and how long its parts took. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from perago_console.core.objects import COMPLETE, Attempt, Timings
from perago_console.core.page import Line, Tone
from perago_console.core.pods import AGENT_CONTAINER, TASK_CONTAINER, Event, Pod
from perago_console.core.times import exact_length, moment, since_moment

BAR_WIDTH: Final = 32
PARTS: Final = ("queued", "starting", "downloading", "executing", "staging", "publishing", "reporting")
"""Of `status.timings`, one after the other; `waitingForTurn` is a part of publishing."""


@dataclass(frozen=True)
class Moment:
    """Something that happened."""

    time: datetime
    what: str
    tone: Tone = Tone.PLAIN


def timeline(attempt: Attempt, pods: Sequence[Pod], events: Sequence[Event], now: datetime) -> tuple[Line, ...]:
    """Dated lines, the oldest first; an event that says what a line says already is left out."""
    entries = (*_of_object(attempt), *_of_pods(pods), *_of_events(events), *_of_conditions(attempt))
    ordered = sorted(entries, key=lambda entry: entry.time.replace(microsecond=0))  # most have whole seconds
    seen: dict[str, Line] = {}
    for entry in ordered:
        seen.setdefault(entry.what, Line(moment(entry.time, now), entry.what, entry.tone))
    return tuple(seen.values())


def bars(timings: Timings) -> tuple[Line, ...]:
    """How long each part took, each as a bar that begins where the one before it ended."""
    parts = [(part, seconds) for part in PARTS if (seconds := getattr(timings, part)) is not None]
    total = sum(seconds for _, seconds in parts)
    return tuple(_bars(parts, total, timings.waiting_for_turn))


def _bars(parts: Sequence[tuple[str, float]], total: float, turn: float | None) -> Iterator[Line]:
    begun = 0.0
    for part, seconds in parts:
        begin, end = (round(BAR_WIDTH * time / total) if total else 0 for time in (begun, begun + seconds))
        bar = " " * min(begin, BAR_WIDTH - 1) + ("█" * (end - begin) or "▏")
        note = f"  (of these, {exact_length(turn)} waiting for its turn)" if part == "publishing" and turn else ""
        yield Line(part, f"{exact_length(seconds):>7}  {bar}{note}", Tone.WORKS)
        begun += seconds


def _of_object(attempt: Attempt) -> Iterator[Moment]:
    status, created = attempt.status, attempt.created
    if created:
        yield Moment(created, "the attempt was created")
        if first_pod := since_moment(created, status.timings.queued):
            yield Moment(first_pod, "its first pod was created")
        if running := since_moment(first_pod, status.timings.starting):
            yield Moment(running, "the containers of a pod ran")
    if attempt.metadata.deletion_timestamp:
        yield Moment(attempt.metadata.deletion_timestamp, "the attempt was deleted", Tone.WAITS)
    if lost := status.disruption:
        yield Moment(lost.since, f"execution {lost.execution} was lost: {lost.message}", Tone.BAD)
    if status.waiting:
        yield Moment(status.waiting.since, f"{status.waiting.server} was heard of for the last time", Tone.BAD)
    if turn := status.turn:
        if turn.requested and turn.requested.time:
            yield Moment(turn.requested.time, "its agent asked for the turn to publish")
        if turn.granted and turn.granted.time:
            yield Moment(turn.granted.time, "the turn was granted")
        if turn.revoked and turn.revoked.time:
            yield Moment(turn.revoked.time, "the turn was revoked", Tone.BAD)
    if status.reporting and status.reporting.accepted_time:
        yield Moment(status.reporting.accepted_time, "Conductor had the result", Tone.GOOD)


def _of_pods(pods: Iterable[Pod]) -> Iterator[Moment]:
    for pod in pods:
        name = pod.metadata.name
        if pod.status.start_time:
            yield Moment(pod.status.start_time, f"pod {name} was placed on node {pod.spec.node_name}")
        for container in (AGENT_CONTAINER, TASK_CONTAINER):
            yield from _of_container(pod, container)


def _of_container(pod: Pod, container: str) -> Iterator[Moment]:
    state, name = pod.state(container), f"container {container} of pod {pod.metadata.name}"
    begun = state.running or state.terminated
    if begun and begun.started_at:
        yield Moment(begun.started_at, f"{name} started")
    if (ended := state.terminated) and ended.finished_at:
        good = ended.exit_code == 0
        why = f": {ended.reason}" if ended.reason and not good else ""
        yield Moment(ended.finished_at, f"{name} exited with {ended.exit_code}{why}", Tone.PLAIN if good else Tone.BAD)


def _of_conditions(attempt: Attempt) -> Iterator[Moment]:
    complete = attempt.condition(COMPLETE)
    if complete and complete.last_transition_time:
        yield Moment(complete.last_transition_time, "nothing was left to do")


def _of_events(events: Iterable[Event]) -> Iterator[Moment]:
    for event in events:
        if event.time:
            often = f" ({event.count} times)" if (event.count or 1) > 1 else ""
            text = f"{event.reason}: {event.message}{often}"
            yield Moment(event.time, text, Tone.WAITS if event.type == "Warning" else Tone.PLAIN)
