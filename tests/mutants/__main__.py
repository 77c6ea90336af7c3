"""`python -m tests.mutants [WORD…]`: all mutants, or those whose fault or file contains one of the words."""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.mutants.mutant import MisplacedError, Mutant
from tests.mutants.trial import Trial, sources_on_path, start

AT_ONCE = 2
PASSED, FAILED = 0, 1
"""pytest's exit codes; any other (nothing collected, usage) is a fault of the list."""


def every_mutant() -> tuple[Mutant, ...]:
    """All lists."""
    from tests.mutants import lists

    return lists.EVERY


def main(words: Sequence[str]) -> int:
    """Run them; 0 when none survived and the tests pass without a fault."""
    mutants = [mutant for mutant in every_mutant() if _is_meant(mutant, words)]
    if problems := _misplaced(mutants):
        sys.stdout.write("\n".join([*problems, f"mutants: {len(mutants)}, not applied: {len(problems)}\n"]))
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="perago-mutants-") as folder:
        bad = list(_verdicts(mutants, Path(folder)))
    for line in bad:
        sys.stdout.write(f"{line}\n")
    survived = sum(line.startswith("SURVIVED") for line in bad)
    sys.stdout.write(f"{time.monotonic() - began:.0f} s\nmutants: {len(mutants)}, survived: {survived}\n")
    return 1 if bad or not mutants else 0


def _is_meant(mutant: Mutant, words: Sequence[str]) -> bool:
    return not words or any(word in f"{mutant.file} {mutant.fault}" for word in words)


def _misplaced(mutants: Sequence[Mutant]) -> list[str]:
    def problem(mutant: Mutant) -> str | None:
        try:
            mutant.source()
        except (MisplacedError, OSError) as error:
            return f"NOT APPLIED {error}"
        return None

    return [text for mutant in mutants if (text := problem(mutant))]


def _verdicts(mutants: Sequence[Mutant], folder: Path) -> Iterator[str]:
    """What is wrong: tests that fail without a fault, and mutants that no test noticed."""
    sources_on_path()
    suites = dict.fromkeys(mutant.tests for mutant in mutants)
    work: list[tuple[Mutant | None, tuple[str, ...]]] = [
        *((None, tests) for tests in suites),
        *((mutant, mutant.tests) for mutant in mutants),
    ]
    for trial, code, log in _run(work, folder):
        if trial.mutant is None and code != PASSED:
            yield f"FAILED WITHOUT A FAULT {' '.join(trial.tests)}\n{log.read_text()[-3000:]}"
        elif trial.mutant is not None and code == PASSED:
            yield f"SURVIVED {trial.mutant.fault} ({trial.mutant.file}: {trial.mutant.new!r})"
        elif trial.mutant is not None and code > FAILED:
            yield f"UNCLEAR (pytest ended with {code}) {trial.mutant.fault}\n{log.read_text()[-1500:]}"


def _run(work: Sequence[tuple[Mutant | None, tuple[str, ...]]], folder: Path) -> Iterator[tuple[Trial, int, Path]]:
    waiting = list(enumerate(work))
    running: dict[int, tuple[Trial, Path]] = {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            number, (mutant, tests) = waiting.pop(0)
            log = folder / f"{number}.log"
            running[number] = (start(mutant, tests, log), log)
        for number, (trial, log) in list(running.items()):
            code = trial.ended()
            if code is not None:
                del running[number]
                yield trial, code, log
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
