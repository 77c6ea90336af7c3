"""What has happened so far: each step is announced, timed, and becomes a row of the closing table."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

from perago_dev.demo.checks import CheckFailed
from perago_dev.demo.table import Row
from perago_dev.host import progress

LOOK_SECONDS = 0.3


@dataclass
class Story:
    """The rows of the steps that succeeded."""

    rows: list[Row] = field(default_factory=list)

    @contextmanager
    def step(self, what: str, *, tells: bool = False) -> Iterator[list[str]]:
        """One step; what the block appends to the list is shown as the step's outcome.

        A step that `tells` what it is doing is only announced; for any other, the elapsed time is shown.
        """
        begun = time.monotonic()
        outcome: list[str] = []
        if tells:
            progress.say(f"{what} …")
        with nullcontext() if tells else progress.step(what):
            yield outcome
        self.rows.append(Row(what, time.monotonic() - begun, ", ".join(outcome)))


def agreed(check: Callable[[], None], seconds: float) -> None:
    """Return once the check passes. If it does not pass in time, raises its last error."""
    end = time.monotonic() + seconds
    while True:
        try:
            return check()
        except CheckFailed:
            if time.monotonic() > end:
                raise
        time.sleep(LOOK_SECONDS)
