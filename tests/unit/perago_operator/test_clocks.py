"""Our own clock is never set, and the time of day is the API server's."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago_operator.clocks import Clock, TimeOfDay
from tests import builders as b


class Machine:
    """Seconds that go on, a time of day that may be set, and a server whose clock is off by some seconds."""

    def __init__(self, *, server_ahead: float = 0.0) -> None:
        self.seconds = 0.0
        self.set_by = 0.0
        self.server_ahead = server_ahead
        self.time_of_day = TimeOfDay(lambda: self.seconds, lambda: b.at(self.seconds + self.set_by))

    def asks(self, seconds: float = 0.01) -> None:
        """A request that is answered at once by the server's clock, and whose answer takes so long."""
        sent, date = self.seconds, b.at(self.seconds + self.server_ahead).replace(microsecond=0)
        self.seconds += seconds
        self.time_of_day.heard(format_datetime(date.astimezone(UTC), usegmt=True), sent)

    def error(self) -> float:
        """Seconds by which the time of day is off the server's."""
        return (self.time_of_day() - b.at(self.seconds + self.server_ahead)).total_seconds()


def test_without_an_answer_it_is_the_machines() -> None:
    """Nothing else is known."""
    machine = Machine()
    machine.set_by = 300.0
    assert machine.time_of_day() == b.at(300.0)


def test_a_clock_that_agrees_with_the_server_is_believed_to_its_last_digit() -> None:
    """Answers tell whole seconds only."""
    machine = Machine()
    machine.seconds = 7.25
    machine.asks()
    assert machine.error() == 0


def test_an_answer_that_took_long_contradicts_no_clock_that_is_right() -> None:
    """The server may have said the time at any moment in between."""
    machine = Machine()
    machine.asks(10.0)
    assert machine.error() == 0


@pytest.mark.parametrize("set_by", [-600.0, 300.0])
def test_a_clock_that_was_set_is_not(set_by: float) -> None:
    """The server's answers contradict it, before the step or after it."""
    machine = Machine()
    machine.asks()
    machine.set_by = set_by
    assert abs(machine.error()) <= 1.01
    machine.seconds += 100
    machine.asks()
    assert abs(machine.error()) <= 1.01


def test_each_answer_narrows_the_limits() -> None:
    """They lie anywhere in a second of the server's."""
    machine = Machine(server_ahead=100.0)
    for pause in (0.3, 0.6, 0.45, 0.97):
        machine.seconds += pause
        machine.asks(0.0)
    assert abs(machine.error()) < 0.35


@pytest.mark.parametrize("ahead", [-600.0, 600.0])
def test_a_server_whose_clock_is_set_is_followed(ahead: float) -> None:
    """What it writes into objects from then on is in its new time."""
    machine = Machine()
    machine.asks()
    machine.server_ahead = ahead
    machine.asks()
    assert abs(machine.error()) <= 1.01


@pytest.mark.parametrize("date", [None, "", "yesterday"])
def test_an_answer_without_a_date_tells_nothing(date: str | None) -> None:
    """Something on the way may have taken it out."""
    machine = Machine()
    machine.time_of_day.heard(date, 0.0)
    assert machine.error() == 0


@given(st.floats(-1e6, 1e6), st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 10)), min_size=1), st.floats(-1e6, 1e6))
def test_the_error_is_never_more_than_an_answers_second_and_its_way(
    server_ahead: float, answers: list[tuple[float, float]], set_by: float
) -> None:
    """Whatever the machine's clock says and however answers come."""
    machine = Machine(server_ahead=server_ahead)
    machine.set_by = set_by
    for pause, way in answers:
        machine.seconds += pause
        machine.asks(way)
        assert abs(machine.error()) <= 1.001 + way


def test_our_own_clock_goes_on_whatever_is_set() -> None:
    """It shows the time of day at which it was made; the difference is told apart."""
    seconds, day = 5.0, datetime(2026, 1, 1, tzinfo=UTC)
    clock = Clock(lambda: seconds, lambda: day)
    assert clock.now() == day
    seconds, later = 8.0, day + timedelta(seconds=3)
    day -= timedelta(minutes=10)
    assert clock.now() == later
    assert clock.instant() == (later, 8.0, day - later)
    assert clock.instant().time_of_day == clock.time_of_day() == day
