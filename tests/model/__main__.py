"""`python -m tests.model [EXAMPLES]`: the protocol in so many courses of events, each broken variant until it shows.

The choices of an example follow from its number, so every run tries the same ones. `python -m tests.model --show N`
prints the course of events number N of the protocol.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from multiprocessing import get_context
from os import cpu_count

from tests.model.choices import Seeded
from tests.model.story import Variant
from tests.model.trials import Trial, Trials, found, survived, tried
from tests.model.variants import BROKEN, REAL

EXAMPLES = 10_000
PORTION = 250
PATIENCE = 6_000
"""Examples within which a broken variant has to show."""
SHOWN = 3


def main(words: Sequence[str]) -> int:
    """Try everything; 0 when the protocol has survived and every broken variant was found."""
    if words[:1] == ["--show"]:
        return _print(int(words[1]), tried(REAL, Seeded(int(words[1]))))
    examples = int(words[0]) if words else EXAMPLES
    with get_context("fork").Pool(cpu_count()) as pool:
        portions = [range(begin, min(begin + PORTION, examples)) for begin in range(0, examples, PORTION)]
        failed, happened = 0, Counter[str]()
        for trials in pool.imap_unordered(_survived, portions):
            failed += _print_failures(trials, failed)
            happened += trials.happened
        _print_happenings(happened)
        results = pool.imap(_found, range(len(BROKEN)))
        shown = sum(_print_variant(variant, result) for variant, result in zip(BROKEN, results, strict=True))
    print(f"model: {examples} examples, broken variants found: {shown} of {len(BROKEN)}")
    return 0 if failed == 0 and shown == len(BROKEN) else 1


def _survived(seeds: range) -> Trials:
    return survived(REAL, seeds)


def _found(number: int) -> tuple[int, Trial] | None:
    return found(BROKEN[number], range(PATIENCE))


def _print_failures(trials: Trials, before: int) -> int:
    for seed, trial in list(trials.failed.items())[: max(SHOWN - before, 0)]:
        _print(seed, trial)
    return len(trials.failed)


def _print(seed: int, trial: Trial) -> int:
    print(f"example {seed}:", *(line for line in trial.trace), sep="\n")
    print(*(f"BROKEN: {promise}" for promise in trial.broken), sep="\n")
    return 1 if trial.broken else 0


def _print_happenings(happened: Counter[str]) -> None:
    print("in how many examples what happened:")
    for what, count in happened.most_common():
        print(f"{count:8d}  {what}")


def _print_variant(variant: Variant, shown: tuple[int, Trial] | None) -> bool:
    if shown is None:
        print(f"NOT FOUND  {variant.name}")
        return False
    seed, trial = shown
    print(f"found in example {seed}: {variant.name}: {trial.shows(variant.shows)}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
