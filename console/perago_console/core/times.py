"""Moments and lengths of time as people read them. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Final

_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_TWO_UNITS_BELOW: Final = {"d": 8, "h": 8, "m": 10, "s": 0}
"""Below so many of a unit, the next smaller one is shown, too: 3m12s, but 45m."""


def length(seconds: float) -> str:
    """A length of time in one or two units, as kubectl writes ages: 45s, 3m12s, 20h, 2d5h."""
    whole = max(int(seconds), 0)
    for position, (unit, size) in enumerate(_UNITS):
        count, rest = divmod(whole, size)
        if count == 0 and size > 1:
            continue
        if count >= _TWO_UNITS_BELOW[unit] or position + 1 == len(_UNITS):
            return f"{count}{unit}"
        smaller, smaller_size = _UNITS[position + 1]
        return f"{count}{unit}{rest // smaller_size}{smaller}" if rest >= smaller_size else f"{count}{unit}"
    return "0s"


def exact_length(seconds: float) -> str:
    """A short length with a tenth of a second, a long one as `length` writes it."""
    return f"{seconds:.1f}s" if 0 <= seconds < 60 else length(seconds)


def age(since: datetime | None, now: datetime) -> str:
    """How long ago something was."""
    return "-" if since is None else length((now - since).total_seconds())


def moment(time: datetime, now: datetime) -> str:
    """A time of day in UTC, with the date where that is not today's."""
    at = time.astimezone(UTC)
    today = at.date() == now.astimezone(UTC).date()
    return at.strftime("%H:%M:%SZ" if today else "%Y-%m-%d %H:%M:%SZ")


def moment_and_age(time: datetime, now: datetime) -> str:
    """A moment, and how far from now it is."""
    distance = (now - time).total_seconds()
    words = f"{length(distance)} ago" if distance >= 0 else f"in {length(-distance)}"
    return f"{moment(time, now)} ({words})"


def since_moment(time: datetime | None, seconds: float | None) -> datetime | None:
    """So many seconds after a moment; None where either is unknown."""
    return None if time is None or seconds is None else time + timedelta(seconds=seconds)


class InvalidLength(ValueError):
    """A text is no length of time."""


def seconds_of(text: str) -> float:
    """The seconds of a length as people type it: 90s, 30m, 24h, 7d."""
    sizes = dict(_UNITS)
    number, unit = text[:-1], text[-1:]
    if unit not in sizes or not number.isdecimal():
        raise InvalidLength(f"{text!r} is not a length of time such as 90s, 30m, 24h or 7d")
    return float(number) * sizes[unit]
