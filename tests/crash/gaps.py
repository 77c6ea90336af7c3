"""What is known not to hold yet: named, counted, and printed with every sweep, so that nobody mistakes it for right.

A gap names the violations that it explains, and the calls at which the fault has to lie. A gap that explains nothing
any more fails the sweep: it is to be deleted here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.crash.faults import DEATHS, Fault


@dataclass(frozen=True)
class Gap:
    """A promise that is not kept after a fault at one of these calls."""

    name: str
    violation: str
    """A regular expression that describes the violation from its beginning."""
    calls: str
    """One for the text of the call, unless the fault was a death."""
    scenario: str = ".*"

    def explains(self, scenario: str, violation: str, faults: Sequence[Fault], met: Sequence[str]) -> bool:
        """Whether this is a known consequence of the faults that were met."""
        at = any(
            fault.kind in DEATHS or re.fullmatch(self.calls, call) for fault, call in zip(faults, met, strict=True)
        )
        return at and bool(re.match(self.violation, violation) and re.fullmatch(self.scenario, scenario))


GAPS: tuple[Gap, ...] = (
    Gap(
        "a report that lands after its task was rerun ends the rerun with the result of the first run",
        r"the agent of \S+ recorded",
        r"conductor\.report",
        "task rerun at once",
    ),
)


def gap_of(scenario: str, violation: str, faults: Sequence[Fault], met: Sequence[str]) -> Gap | None:
    """The gap that explains a violation, if one does."""
    return next((gap for gap in GAPS if gap.explains(scenario, violation, faults, met)), None)
