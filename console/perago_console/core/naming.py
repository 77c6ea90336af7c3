"""Which attempt people mean: by its name, the beginning of it, its Conductor task, its pod or its UID. Pure."""

from collections.abc import Sequence
from difflib import get_close_matches

from perago_console.core.objects import Attempt

MOST_NAMES = 5


def matches(text: str, attempts: Sequence[Attempt]) -> Sequence[Attempt]:
    """The attempts that a text can stand for: one of that very name, else those that it begins or names otherwise."""
    exact = [attempt for attempt in attempts if text in _names(attempt)]
    return exact or [attempt for attempt in attempts if any(name.startswith(text) for name in _names(attempt))]


def near(text: str, attempts: Sequence[Attempt]) -> Sequence[str]:
    """Names that look alike."""
    return get_close_matches(text, [attempt.metadata.name for attempt in attempts], n=MOST_NAMES, cutoff=0.5)


def plain(text: str) -> str:
    """A name without the kind before it: people copy `peragoattempt.perago.dev/NAME` from kubectl."""
    return text.rpartition("/")[2]


def _names(attempt: Attempt) -> tuple[str, ...]:
    conductor = attempt.spec.conductor
    other = (attempt.status.pod_name, attempt.metadata.uid, conductor.task_id if conductor else None)
    return (attempt.metadata.name, *(name for name in other if name))
