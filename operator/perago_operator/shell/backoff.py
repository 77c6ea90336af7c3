"""How long to wait before the next try: doubling, capped, jittered. Chance is passed in; nothing is waited for here."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits between `first` and `cap` seconds, each spread over the upper half of its length."""

    first: float = 0.2
    cap: float = 10.0

    def delay(self, failures: int, chance: Callable[[], float]) -> float:
        """Seconds to wait after this many failures in a row (from 1); `chance` gives numbers from 0 to 1."""
        whole = min(self.cap, self.first * 2.0 ** min(failures - 1, 30))
        return whole * (0.5 + chance() / 2)
