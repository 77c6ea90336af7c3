"""What is known not to hold yet: named, counted, and printed with every sweep, so that nobody mistakes it for right.

A gap names the violations that it explains, and the calls at which the fault has to lie. A gap that explains nothing
any more fails the sweep: it is to be deleted here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Gap:
    """A promise that is not kept after a fault at one of these calls."""

    name: str
    violation: str
    """A regular expression that describes the violation from its beginning."""
    calls: str
    """One for the text of the call."""

    def explains(self, violation: str, met: Sequence[str]) -> bool:
        """Whether this is a known consequence of the faults that were met."""
        return bool(re.match(self.violation, violation)) and any(re.fullmatch(self.calls, call) for call in met)


GAPS: tuple[Gap, ...] = ()


def gap_of(violation: str, met: Sequence[str]) -> Gap | None:
    """The gap that explains a violation, if one does."""
    return next((gap for gap in GAPS if gap.explains(violation, met)), None)
