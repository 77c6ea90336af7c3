"""Samples of an endless run as a curve of text, and whether they are flat. PURE."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 60
GROWTH = 0.10
"""The share by which a flat series may grow from the second quarter of a run to its last: in the first it warms up."""
FEW = 8
"""Fewer samples than these say nothing."""


@dataclass(frozen=True)
class Series:
    """What was sampled, in the order of time."""

    name: str
    values: Sequence[float]
    slack: float
    """Growth that is allowed in any case, in the unit of the values."""

    def line(self) -> str:
        """The curve in one line, from its least value to its greatest."""
        low, high = min(self.values), max(self.values)
        shown = "".join(BARS[round((value - low) / ((high - low) or 1) * (len(BARS) - 1))] for value in self._thinned())
        return f"{self.name:24} {low:8.1f} {shown} {high:.1f}"

    def _thinned(self) -> Sequence[float]:
        """At most WIDTH values: the greatest of each stretch, so that no peak is hidden."""
        if len(self.values) <= WIDTH:
            return self.values
        edges = [round(place * len(self.values) / WIDTH) for place in range(WIDTH + 1)]
        return [max(self.values[begin:end]) for begin, end in pairwise(edges)]

    @property
    def growth(self) -> float:
        """From the median of the second quarter to that of the last."""
        quarter = max(len(self.values) // 4, 1)
        early, late = self.values[quarter : 2 * quarter], self.values[-quarter:]
        return statistics.median(late) - statistics.median(early)

    @property
    def is_flat(self) -> bool:
        """Whether it stays where it was. A run that is too short is not flat: it has shown nothing."""
        if len(self.values) < FEW:
            return False
        quarter = len(self.values) // 4
        before = statistics.median(self.values[quarter : 2 * quarter])
        return self.growth <= max(self.slack, GROWTH * before)
