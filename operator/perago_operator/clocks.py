"""The two clocks that decisions need: our own, which is never set, and the time of day that objects carry.

A machine's time of day may be set at any moment, and that of the API server, which is in every object, may differ from
ours. So whatever we measure ourselves is measured with a clock that only grows; and the time of day is the API
server's, which the `Date` of each of its answers tells within a second.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple

SECOND = 1.0
"""A `Date` leaves out the fraction of its second."""


class TimeOfDay:
    """The time of day by our own clock, as far as the API server's answers bear it out; never more than they allow.

    `seconds` counts and never goes back; `wall` may be set. Each answer says between which limits the server's time is
    at any of our seconds. Limits that contradict earlier ones replace them, since a clock was set, or does not run like
    the other. Call it for the time.
    """

    def __init__(self, seconds: Callable[[], float], wall: Callable[[], datetime]) -> None:
        self._seconds = seconds
        self._wall = wall
        self._least = float("-inf")
        self._most = float("inf")

    def heard(self, date: str | None, sent: float) -> None:
        """An answer has come with this `Date`, to a request that was sent at this second; another text is ignored."""
        try:
            said = _seconds_of(date or "")
        except ValueError:
            return
        least, most = said - self._seconds(), said + SECOND - sent
        if least > self._most or most < self._least:
            self._least, self._most = least, most
        self._least, self._most = max(self._least, least), min(self._most, most)

    def __call__(self) -> datetime:
        now = self._seconds()
        ahead = min(max(self._wall().timestamp() - now, self._least), self._most)
        return datetime.fromtimestamp(now + ahead, UTC)


@lru_cache(4)
def _seconds_of(date: str) -> float:
    """Many answers come within one second. Raises ValueError for another text."""
    return parsedate_to_datetime(date).timestamp()


class Instant(NamedTuple):
    """One moment, on both clocks."""

    now: datetime
    """On our own clock."""
    seconds: float
    """The same as a number."""
    offset: timedelta
    """How much later the time of day is than `now`."""

    @property
    def time_of_day(self) -> datetime:
        """What an object carries that is written now."""
        return self.now + self.offset


class Clock:
    """Both clocks. Our own shows the time of day at which it was made, and goes on from there, never set."""

    def __init__(self, seconds: Callable[[], float], time_of_day: Callable[[], datetime]) -> None:
        self.seconds = seconds
        self.time_of_day = time_of_day
        self._began = time_of_day() - timedelta(seconds=seconds())

    def now(self) -> datetime:
        """The time on our own clock."""
        return self._began + timedelta(seconds=self.seconds())

    def instant(self) -> Instant:
        """This moment."""
        seconds = self.seconds()
        now = self._began + timedelta(seconds=seconds)
        return Instant(now, seconds, self.time_of_day() - now)
