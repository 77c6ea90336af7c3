"""Faults happen at their time, are counted when they did, and are undone in any case."""

import pytest

from perago_dev.errors import CommandFailed
from tests.chaos.__main__ import ended
from tests.chaos.faults import Fault
from tests.chaos.plan import Happening, Kind
from tests.chaos.running import Running
from tests.chaos.stage import Stage


class Doing:
    """A fault that notes what happens to it, and refuses at a word."""

    def __init__(self, *, refuses: bool = False, stays: bool = False) -> None:
        self.done: list[str] = []
        self._refuses, self._stays = refuses, stays

    def start(self, stage: Stage, choice: int) -> None:
        """See `Fault`."""
        self.done.append(f"start {choice}")
        if self._refuses:
            raise CommandFailed("no such node")

    def stop(self, stage: Stage, choice: int) -> None:
        """See `Fault`."""
        self.done.append(f"stop {choice}")
        if self._stays:
            raise RuntimeError("the node does not come back")

    @property
    def row(self) -> Fault:
        """A row of the table."""
        return Fault(Kind(0.0, "node"), self.start, self.stop)


def ran(stage: Stage, doing: Doing) -> Running:
    """A run with this fault alone, which is over."""
    running = Running(stage, {"fault": doing.row}, [Happening(0.0, 0.0, "fault", 5)])
    running.start()
    running.join()
    return running


def test_a_fault_happens_and_is_undone(stage: Stage) -> None:
    """With the same number both times, so that it undoes what it did."""
    doing = Doing()
    assert ran(stage, doing).happened == 1
    assert doing.done == ["start 5", "stop 5"]


def test_a_fault_that_could_not_be_brought_about_does_not_count(stage: Stage) -> None:
    """It is undone all the same, because a part of it may have happened."""
    doing = Doing(refuses=True)
    assert ran(stage, doing).happened == 0
    assert doing.done == ["start 5", "stop 5"]


def test_a_fault_that_stays_is_told(stage: Stage) -> None:
    """With a node missing, what the auditor finds has to be read with care."""
    (failure,) = ran(stage, Doing(stays=True)).failures
    assert failure == "fault: RuntimeError: the node does not come back"
    assert f"could not be undone: {failure}" in (stage.env.state_dir / "journal.txt").read_text()


@pytest.mark.parametrize(
    ("code", "attempts", "doing", "want"),
    [
        (0, 1, Doing(), 0),
        (1, 1, Doing(), 1),
        (0, 0, Doing(), 2),
        (0, 1, Doing(refuses=True), 2),
        (0, 1, Doing(stays=True), 2),
        (1, 1, Doing(stays=True), 2),
    ],
)
def test_a_run_in_which_nothing_was_put_to_the_test_fails(
    stage: Stage, code: int, attempts: int, doing: Doing, want: int
) -> None:
    """The auditor finds nothing wrong where no attempt ran, or where no fault happened."""
    assert ended(code, attempts, ran(stage, doing)) == want
