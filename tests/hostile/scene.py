"""A scene: one or more pods, or requests, that many cases share."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pytest

from tests.hostile.cases import Case
from tests.hostile.sites import FULL, Site
from tests.hostile.stage import Stage
from tests.kubectl import Object

Seen = dict[str, str]
T = TypeVar("T")
Waiting = Callable[[], Mapping[str, str]]


@dataclass(frozen=True)
class Scene:
    """Cases that are seen together."""

    name: str
    cases: tuple[Case, ...]
    begin: Callable[[Stage], Waiting]
    """Set it going; what it returns waits for the end, and says what was seen by the names of cases."""
    site: Site = FULL
    """Where it is played with all defences that it is about."""

    def begun(self, stage: Stage) -> Waiting:
        """The same; where it breaks off, why is printed, and nothing was seen."""
        wait = _unbroken(self.name, lambda: self.begin(stage))
        return lambda: _unbroken(self.name, wait) or {} if wait else {}


def _unbroken(name: str, act: Callable[[], T]) -> T | None:
    try:
        return act()
    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - the other scenes go on
        print(f"BROKE OFF {name}: {''.join(traceback.format_exception(error))[-6000:]}", flush=True)
        return None


def followed(stage: Stage, made: Sequence[Object], seconds: float = 300) -> dict[str, Object]:
    """The site's attempts, which are there already, once they are over, by name."""
    names = [attempt["metadata"]["name"] for attempt in made]
    found = stage.cluster().all_finished(names, seconds)
    return dict(zip(names, found, strict=True))


def result_of(attempt: Object) -> Mapping[str, str]:
    """The tries that a body returned; empty when it has not."""
    output = attempt.get("status", {}).get("outcome", {}).get("output") or {}
    tries: Mapping[str, str] = (output.get("result") or {}).get("tries", {})
    return tries
