"""Enumerates the crash points of a scenario, and tries them: each call with each fate, then pairs of them.

The calls are those of the course of events without any fault. Pairs are drawn from a generator that is seeded with the
scenario's name, so every sweep tries the same ones.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import loguru
from loguru import logger

from tests.crash.faults import Fault, Kind, kinds
from tests.crash.gaps import gap_of
from tests.crash.invariants import Watcher, at_the_end
from tests.crash.scenarios import BY_NAME, Scenario
from tests.crash.variants import Variant, broken
from tests.crash.world import World, lived

FURTHEST = 60
"""How many calls after the first fault of a pair the second one may lie."""

Faults = tuple[Fault, ...]


@dataclass(frozen=True)
class Trial:
    """One course of events."""

    scenario: str
    faults: Faults
    calls: tuple[str, ...]
    """What the replicas asked for."""
    met: tuple[str, ...]
    """The calls that met the faults."""
    violations: tuple[str, ...]
    """What did not hold, and is no known gap."""
    gaps: tuple[str, ...]
    """Names of the known gaps that showed."""

    def __str__(self) -> str:
        fates = (f"{fault} {call} ({fault.kind.value})" for fault, call in zip(self.faults, self.met, strict=False))
        return f"{self.scenario} {' + '.join(fates) or '(no fault)'}"


def tried(scenario: Scenario, faults: Faults = ()) -> Trial:
    """Let one course of events happen. The same faults give the same course."""
    watcher, errors = Watcher(), _errors()
    errors.clear()
    plan = {fault.number: fault.kind for fault in faults}
    world = lived(lambda: World(plan, scenario.body, dict(scenario.settings)), scenario.script, watcher.look)
    world.errors += errors
    met = tuple(world.exchange.met)
    met_faults = faults[: len(met)]
    found = [(violation, gap_of(scenario.name, violation, met_faults, met)) for violation in at_the_end(world)]
    return Trial(
        scenario.name,
        faults,
        tuple(world.exchange.seen),
        met,
        tuple(violation for violation, gap in found if gap is None),
        tuple({gap.name: None for _, gap in found if gap is not None}),
    )


@cache
def _errors() -> list[str]:
    """What the operator has logged of faults of its own. The handler is added once, because adding one is slow."""
    errors: list[str] = []
    logger.add(lambda message: _note(message.record, errors), level="ERROR")
    return errors


def _note(record: "loguru.Record", errors: list[str]) -> None:
    """An error with a traceback is a fault of the operator's own."""
    if record["exception"] is not None:
        errors.append(f"internal error: {record['message']}: {record['exception'].value!r}")


def found(variant: Variant) -> Trial | None:
    """The first course of events in which a broken variant shows; None when it never does."""
    scenario = BY_NAME[variant.scenario]
    with broken(variant):
        trials = (tried(scenario, faults) for faults in _looking(variant, scenario))
        return next((trial for trial in trials if trial.violations), None)


def _looking(variant: Variant, scenario: Scenario) -> Iterator[Faults]:
    """Without a fault, then with the fault that shows it, at each of the calls that it may be at."""
    yield ()
    if variant.kind is not None:
        calls = tried(scenario).calls
        yield from ((Fault(number, variant.kind),) for number, call in enumerate(calls) if call == variant.call)


def singles(scenario: Scenario) -> list[Faults]:
    """Each call of the undisturbed course with each of its fates."""
    calls = tried(scenario).calls
    return [(Fault(number, kind),) for number, call in enumerate(calls) for kind in kinds(call)]


def spread(alone: Sequence[Faults], count: int) -> list[Faults]:
    """So many of them at most, at even distances."""
    step = max(len(alone) / count, 1.0)
    return [alone[int(number * step)] for number in range(min(count, len(alone)))]


def pairs(scenario: Scenario, alone: Sequence[Faults], count: int) -> Iterator[Faults]:
    """So many pairs: any single fault, and another one some calls later."""
    draw = random.Random(scenario.name)
    for _ in range(count):
        (first,) = draw.choice(alone)
        yield first, Fault(first.number + draw.randint(1, FURTHEST), draw.choice(list(Kind)))
