"""When which fault happens, and which workflow starts: all from a seed. PURE."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

PAUSE = 12.0
"""Seconds between faults that come one after the other, in which the parts find back together."""
TOGETHER = 3
"""How many faults at once the second half has."""


@dataclass(frozen=True, order=True)
class Happening:
    """One fault: start and end in seconds since the beginning, and a number that chooses its victim."""

    start: float
    end: float
    fault: str
    choice: int


@dataclass(frozen=True)
class Kind:
    """What the plan knows of a fault: how long it lasts, and what it hits. No two at once hit the same."""

    seconds: float
    hits: str


def schedule(kinds: Mapping[str, Kind], seed: int, rounds: int) -> tuple[Happening, ...]:
    """Each fault alone, in an order of the seed's; then so many rounds of several at once."""
    chance = random.Random(seed)
    names = chance.sample(sorted(kinds), len(kinds))
    planned, now = [], PAUSE
    for name in names:
        planned.append(Happening(now, now + kinds[name].seconds, name, chance.randrange(1000)))
        now += kinds[name].seconds + PAUSE
    for _ in range(rounds if len(kinds) > 1 else 0):
        chosen = _apart(kinds, chance)
        for name in chosen:
            start = now + chance.uniform(0, PAUSE)
            planned.append(Happening(start, start + kinds[name].seconds, name, chance.randrange(1000)))
        now = max(one.end for one in planned) + PAUSE
    return tuple(sorted(planned))


def _apart(kinds: Mapping[str, Kind], chance: random.Random) -> Sequence[str]:
    """Faults that hit different things."""
    chosen: list[str] = []
    for name in chance.sample(sorted(kinds), len(kinds)):
        if all(kinds[name].hits != kinds[other].hits for other in chosen):
            chosen.append(name)
    return chosen[:TOGETHER]


def length(planned: Sequence[Happening]) -> float:
    """Seconds until the last fault is over."""
    return max((one.end for one in planned), default=0.0)


def workflows(attempts_of: Mapping[str, int], attempts: int, seed: int) -> tuple[str, ...]:
    """Names of workflows, each with the attempts that it makes when nothing fails, until there are enough of them."""
    chance = random.Random(seed)
    order = chance.sample(sorted(attempts_of), len(attempts_of))
    chosen: list[str] = []
    made = 0
    for name in islice(cycle(order), attempts):
        if made >= attempts:
            break
        chosen.append(name)
        made += attempts_of[name]
    return tuple(chosen)
