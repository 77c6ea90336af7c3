"""A scene: one or more pods, or requests, that many cases share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.hostile.cases import Case
from tests.hostile.stage import Stage
from tests.kubectl import Object

Seen = dict[str, str]


@dataclass(frozen=True)
class Scene:
    """Cases that are seen together."""

    name: str
    cases: tuple[Case, ...]
    begin: Callable[[Stage], Callable[[], Mapping[str, str]]]
    """Set it going; what it returns waits for the end, and says what was seen by the names of cases."""


def followed(stage: Stage, namespace: str, made: Sequence[Object], seconds: float = 300) -> dict[str, Object]:
    """The attempts, which are there already, once they are over, by name."""
    names = [attempt["metadata"]["name"] for attempt in made]
    found = stage.cluster(namespace).all_finished(names, seconds)
    return dict(zip(names, found, strict=True))


def result_of(attempt: Object) -> Mapping[str, str]:
    """The tries that a body returned; empty when it has not."""
    output = attempt.get("status", {}).get("outcome", {}).get("output") or {}
    tries: Mapping[str, str] = (output.get("result") or {}).get("tries", {})
    return tries
