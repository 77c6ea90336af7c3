"""The mutants of one file that the same tests must notice, and what became of each. It starts no process."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from tests.mutants.mutant import Mutant

PASSED, FAILED, HUNG = 0, 1, -9
"""pytest's exit codes, and SIGKILL; any other code (nothing collected, wrong usage) is a mistake in the list."""


class Verdict(Enum):
    """What a trial shows."""

    NOTICED = "noticed"
    SURVIVED = "SURVIVED"
    UNCLEAR = "UNCLEAR"
    """The tests did not get as far as to judge the fault."""
    RED = "FAILED WITHOUT A FAULT"
    """The tests of the suite fail on the sources as they are."""


def verdict_of(code: int) -> Verdict:
    """What it means that the tests of a mutant ended with this exit code; negative: the signal that ended them.

    A hang is no verdict: it may be a slow machine's. A test that waits for what a fault prevents has to end its wait.
    """
    if code == PASSED:
        return Verdict.SURVIVED
    return Verdict.NOTICED if code == FAILED or (code < 0 and code != HUNG) else Verdict.UNCLEAR


@dataclass(frozen=True)
class Suite:
    """Mutants of one module, to be tried one after another by the same tests."""

    module: str
    tests: tuple[str, ...]
    mutants: tuple[Mutant, ...]
    baseline: bool
    """The tests also run without a fault: each selection of tests does so in one suite."""


def suites_of(mutants: Iterable[Mutant], *, baseline: bool = True) -> tuple[Suite, ...]:
    """All suites, the largest first, so that the last ones to end are small; `baseline`: see `Suite`."""
    groups: dict[tuple[str, tuple[str, ...]], list[Mutant]] = {}
    for mutant in mutants:
        groups.setdefault((mutant.module, mutant.tests), []).append(mutant)
    return tuple(sorted(_suites(groups, baseline), key=lambda suite: -len(suite.mutants)))


def _suites(groups: dict[tuple[str, tuple[str, ...]], list[Mutant]], baseline: bool) -> Iterator[Suite]:
    tried: set[tuple[str, ...]] = set()
    for (module, tests), mutants in groups.items():
        yield Suite(module, tests, tuple(mutants), baseline=baseline and tests not in tried)
        tried.add(tests)


@dataclass(frozen=True)
class Trial:
    """What became of one mutant, or (None) of the tests without a fault."""

    mutant: Mutant | None
    tests: tuple[str, ...]
    verdict: Verdict
    seconds: float
    log: str

    def __str__(self) -> str:
        if self.mutant is None:
            return f"{self.verdict.value} {' '.join(self.tests)}\n{self.log}"
        place = f"{self.mutant.file}: {self.mutant.new!r}"
        if self.verdict is Verdict.SURVIVED:
            return f"{self.verdict.value} {self.mutant.fault} ({place}); tests: {' '.join(self.tests)}"
        return f"{self.verdict.value} {self.mutant.fault} ({place})\n{self.log}"
