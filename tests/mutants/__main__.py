"""`python -m tests.mutants [WORD…]`: all mutants, or those whose fault or file contains one of the words.

`python -m tests.mutants --part` is for CI: the mutants that are worth the most, and no other test.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.mutants import forking
from tests.mutants.lists import EVERY, PART
from tests.mutants.mutant import MisplacedError, Mutant
from tests.mutants.suite import Suite, Trial, Verdict, suites_of

AT_ONCE = os.cpu_count() or 1
SLOWEST = 3


def main(words: Sequence[str], every: Sequence[Mutant] = EVERY) -> int:
    """Try them; 0 when none survived. Without `--part`, the tests must also pass without a fault."""
    is_part = list(words) == ["--part"]
    mutants = [mutant for mutant in every if (mutant.file.startswith(PART) if is_part else _is_meant(mutant, words))]
    if problems := misplaced(mutants):
        print(*problems, f"mutants: {len(mutants)}, not applied: {len(problems)}", sep="\n")
        return 2
    began = time.monotonic()
    trials = list(_tried(suites_of(mutants, baseline=not is_part)))
    bad = [trial for trial in trials if trial.verdict is not Verdict.NOTICED]
    survived = sum(trial.verdict is Verdict.SURVIVED for trial in bad)
    _print_slowest(trials)
    print(f"{time.monotonic() - began:.0f} s")
    print(
        f"mutants: {len(mutants)}, survived: {survived}" + (f", unclear: {len(bad) - survived}" * (len(bad) > survived))
    )
    return 1 if bad or not mutants else 0


def misplaced(mutants: Sequence[Mutant]) -> list[str]:
    """A line for each mutant that does not fit the code any more."""

    def problem(mutant: Mutant) -> str | None:
        try:
            mutant.source()
        except MisplacedError as error:
            return f"NOT APPLIED {error}"
        return None

    return [text for mutant in mutants if (text := problem(mutant))]


def _is_meant(mutant: Mutant, words: Sequence[str]) -> bool:
    return not words or any(word in f"{mutant.file} {mutant.fault}" for word in words)


def _tried(suites: Sequence[Suite]) -> Iterator[Trial]:
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        forking.prepare(Path(folder) / "cache")
        for trial in _run(suites, Path(folder)):
            if trial.verdict is not Verdict.NOTICED:
                print(trial, flush=True)
            yield trial


def _run(suites: Sequence[Suite], folder: Path) -> Iterator[Trial]:
    """All suites, as many at once as there are processors."""
    waiting = list(enumerate(suites))
    running: dict[int, tuple[Suite, Path]] = {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            number, suite = waiting.pop(0)
            place = folder / str(number)
            running[forking.start(suite, place)] = suite, place
        pid, status = os.wait()
        yield from forking.trials_of(*running.pop(pid), os.waitstatus_to_exitcode(status))


def _print_slowest(trials: Sequence[Trial]) -> None:
    """A list stays fast when its slowest entries are looked at now and then."""
    for trial in sorted(trials, key=lambda trial: -trial.seconds)[:SLOWEST]:
        if trial.mutant is not None:
            print(f"slowest: {trial.seconds:.1f} s {trial.mutant.fault} ({trial.mutant.file})")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
