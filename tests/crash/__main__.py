"""`python -m tests.crash [PAIRS] [--only WORD …]`: every crash point of every scenario, then so many pairs of each.

`--part` tries fewer: those that `make test` has time for. The last line counts. `python -m tests.crash --show SCENARIO
[FAULT …]` lets one course of events happen, as a violation names it, and prints the operator's log.
"""

import gc
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from multiprocessing import get_context
from os import cpu_count
from typing import NamedTuple

from loguru import logger

from tests.crash.faults import Fault
from tests.crash.gaps import GAPS
from tests.crash.scenarios import BY_NAME
from tests.crash.sweep import Faults, Trial, found, pairs, singles, spread, tried
from tests.crash.variants import BROKEN

PAIRS = 400
"""Of each scenario, where nothing else is asked for."""


@dataclass(frozen=True)
class Amount:
    """How much of each scenario is tried."""

    pairs: int
    singles: int | None = None
    """None: all of them."""


PART = Amount(pairs=15, singles=95)
SHOWN = 20
"""Violations that are printed in full."""


def main(words: Sequence[str]) -> int:
    """Sweep; 0 when everything held."""
    logger.remove()
    if words[:1] == ["--show"]:
        return _show(words[1], tuple(map(Fault.parsed, words[2:])))
    amount = PART if "--part" in words else Amount(pairs=int(words[0]) if words[:1] and words[0].isdecimal() else PAIRS)
    only = words[words.index("--only") + 1 :] if "--only" in words else []
    names = [name for name in BY_NAME if not only or any(word in name for word in only)]
    gc.freeze()  # what was imported stays: a collection need not look at it, and does not in the processes below
    with get_context("fork").Pool(cpu_count()) as pool:
        planned = pool.starmap(_planned, [(name, amount) for name in names], chunksize=1)
        trials = pool.imap_unordered(_tried, chain.from_iterable(planned), chunksize=20)
        held = _told(names, trials)
        shown = [_variant_told(*result) for result in pool.imap(_found, range(len(BROKEN)))] if not only else []
    print(f"broken variants found: {sum(shown)} of {len(shown)}")
    print(f"crash points: {held.points}, violations: {held.violations}")
    return 0 if held.violations == 0 and (only or amount.singles or held.gaps == len(GAPS)) and all(shown) else 1


def _planned(name: str, amount: Amount) -> list[tuple[str, Faults]]:
    scenario = BY_NAME[name]
    alone = singles(scenario)
    chosen = alone if amount.singles is None else spread(alone, amount.singles)
    return [(name, ()), *((name, faults) for faults in (*chosen, *pairs(scenario, alone, amount.pairs)))]


def _tried(point: tuple[str, Faults]) -> Trial:
    name, faults = point
    return replace(tried(BY_NAME[name], faults), calls=())


def _found(number: int) -> tuple[str, Trial | None]:
    return BROKEN[number].name, found(BROKEN[number])


def _variant_told(name: str, trial: Trial | None) -> bool:
    if trial is None:
        print(f"NOT FOUND  {name}")
        return False
    print(f"found by {trial}: {name}: {trial.violations[0]}", flush=True)
    return True


class Held(NamedTuple):
    """What came of a sweep."""

    points: int
    violations: int
    gaps: int
    """How many known gaps have shown."""


def _told(names: Sequence[str], trials: Iterable[Trial]) -> Held:
    """Print what came of the crash points."""
    points, violated, gaps, shown = Counter[str](), Counter[str](), Counter[str](), dict[str, Trial]()
    for trial in trials:
        if len(trial.met) < len(trial.faults):
            continue  # the course of events was over before its second fault
        points[trial.scenario] += bool(trial.faults)
        violated[trial.scenario] += bool(trial.violations)
        gaps.update(trial.gaps)
        shown.update((gap, trial) for gap in trial.gaps if gap not in shown)
        if trial.violations and violated.total() <= SHOWN:
            print(f"VIOLATION  {trial}: {'; '.join(trial.violations)}", flush=True)
    for name in names:
        print(f"{points[name]:6d} crash points, {violated[name]} violations: {name}")
    for gap in GAPS:
        example = f", for example {shown[gap.name]}" if gap.name in shown else ""
        print(f"known gap, shown by {gaps[gap.name]} crash points{example}: {gap.name}")
    return Held(points.total(), violated.total(), len(gaps))


def _show(name: str, faults: Faults) -> int:
    logger.add(sys.stderr, level="DEBUG", format="{level} {message}")
    trial = tried(BY_NAME[name], faults)
    print(trial, *(f"{number:5d}  {call}" for number, call in enumerate(trial.calls)), sep="\n")
    print(
        *(f"VIOLATION  {violation}" for violation in trial.violations),
        *map("known gap: {}".format, trial.gaps),
        sep="\n",
    )
    return 1 if trial.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
