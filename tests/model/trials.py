"""Courses of events one after another: whether the promises hold in each, and when they do not, what happened."""

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from loguru import logger

from tests.model.choices import Choices, Seeded
from tests.model.invariants import violations
from tests.model.story import Story, Variant

MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Trial:
    """One course of events."""

    broken: tuple[str, ...]
    """The promises that did not hold."""
    trace: tuple[str, ...]

    def shows(self, words: str) -> str | None:
        """A promise with these words that did not hold."""
        return next((promise for promise in self.broken if words in promise), None)


@dataclass
class Trials:
    """What came of many."""

    failed: dict[int, Trial] = field(default_factory=dict)
    """By the number that the choices follow from."""
    happened: Counter[str] = field(default_factory=Counter)


def tried(variant: Variant, choices: Choices) -> Trial:
    """Let one course of events happen."""
    with _quiet(), _disk() as disk:
        story = Story(choices, disk, variant)
        try:
            story.run()
            broken = tuple(violations(story))
        except AssertionError as error:
            broken = (str(error),)
    return Trial(broken, tuple(story.scheduler.trace))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without log lines, and with the same jitter of pauses each time; whatever else runs here keeps both."""
    state = random.getstate()
    logger.disable("perago")
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(state)
        logger.enable("perago")


def survived(variant: Variant, seeds: Iterable[int]) -> Trials:
    """Try all of the numbers."""
    trials = Trials()
    for seed in seeds:
        trial = tried(variant, Seeded(seed))
        trials.happened.update(set(_happenings(trial)))
        if trial.broken:
            trials.failed[seed] = trial
    return trials


def found(variant: Variant, seeds: Iterable[int]) -> tuple[int, Trial] | None:
    """The first number with which a broken variant shows; None when it never does."""
    trials = ((seed, tried(variant, Seeded(seed))) for seed in seeds)
    return next(((seed, trial) for seed, trial in trials if trial.shows(variant.shows)), None)


def _happenings(trial: Trial) -> Iterator[str]:
    """What is worth counting: calls that went wrong, calls that few courses have, and events."""
    for line in trial.trace:
        what = line.split(": ", 1)[-1].strip()
        if "(passed)" not in what or what.startswith(("squash_merge", "hard_reset", "history")):
            yield what


@contextmanager
def _disk() -> Iterator[Path]:
    """A disk for the volumes of one course of events, in memory where there is one."""
    folder = Path(tempfile.mkdtemp(prefix="perago-model-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
