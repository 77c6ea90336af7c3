"""Where the model's choices come from: hypothesis, which shrinks a failing course of events, or a number."""

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Choices(Protocol):
    """One source of choices for one course of events."""

    def below(self, count: int) -> int:
        """A number from 0; 0 is the plainest course of events."""


class Drawn:
    """Choices that hypothesis draws."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def below(self, count: int) -> int:
        """See `Choices`."""
        return self._data.draw(_BELOW.setdefault(count, st.integers(0, count - 1)))


_BELOW: dict[int, st.SearchStrategy[int]] = {}


class Seeded:
    """Choices that follow from a number."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def below(self, count: int) -> int:
        """See `Choices`."""
        return self._random.randrange(count)


def one_of(choices: Choices, options: Sequence[T]) -> T:
    """One of the options; the first is the plainest."""
    return options[choices.below(len(options))]


def chance(choices: Choices, percent: int) -> bool:
    """True in so many of a hundred cases."""
    return choices.below(100) >= 100 - percent
