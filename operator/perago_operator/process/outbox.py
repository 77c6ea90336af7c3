"""The outcomes that Conductor has not accepted yet: how many there are, and for how long the oldest has waited."""

from collections.abc import Callable, Iterable

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.ports import Gauge


class Outbox:
    """Time counts from the scrape that first saw an outcome, so it begins anew with each leader. `clock` never goes
    back."""

    def __init__(self, attempts: Iterable[PeragoAttempt], clock: Callable[[], float]) -> None:
        self._attempts = attempts
        self._clock = clock
        self._since: dict[str, float] = {}
        """By the attempt's uid."""

    def gauges(self) -> tuple[Gauge, ...]:
        """Numbers to read for each scrape."""
        oldest = "Time for which the oldest outcome has waited to be accepted"
        return (
            Gauge("perago_reports_pending", "Outcomes not accepted yet", (), lambda: [((), len(self._seen()))]),
            Gauge("perago_reports_oldest_seconds", oldest, (), lambda: [((), self._oldest())]),
        )

    def _seen(self) -> dict[str, float]:
        now = self._clock()
        pending = (
            attempt.metadata.uid
            for attempt in self._attempts
            if attempt.status.reporting and attempt.status.reporting.state == "Pending"
        )
        self._since = {uid: self._since.get(uid, now) for uid in pending}
        return self._since

    def _oldest(self) -> float:
        return self._clock() - min(self._seen().values(), default=self._clock())
