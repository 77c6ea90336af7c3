"""Numbers that are read when Prometheus asks: attempts by phase, attempts being looked at, silence of the watches."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from perago_operator.shell.stores import Stores
from perago_operator.shell.work import Work

Samples = Iterable[tuple[tuple[str, ...], float]]


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number to read when asked: its name, help, label names, and a function that gives labelled values."""

    name: str
    help: str
    labels: tuple[str, ...]
    read: Callable[[], Samples]


def gauges(stores: Stores, work: Work, active: Callable[[], int]) -> tuple[Gauge, ...]:
    """The operator's gauges."""

    def by_phase() -> Samples:
        phases = Counter(attempt.status.phase or "Pending" for attempt in stores.attempts)
        return [((phase,), float(count)) for phase, count in sorted(phases.items())]

    def silence() -> Samples:
        watched = [((one.name,), one.silent_seconds()) for one in work.watches]
        return watched + [((f"audit of {one.name}",), one.silent_seconds()) for one in work.audits]

    return (
        Gauge("perago_attempts", "Attempts by phase", ("phase",), by_phase),
        Gauge("perago_active_attempts", "Attempts being looked at", (), lambda: [((), float(active()))]),
        Gauge("perago_leading", "1 while this replica leads and is at work", (), lambda: [((), float(work.working))]),
        Gauge("perago_silent_seconds", "Seconds since the API server was last heard", ("source",), silence),
    )
