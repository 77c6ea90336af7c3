"""The outcomes that Conductor has not accepted yet: how many there are, and for how long the oldest has waited."""

from collections.abc import Callable, Collection

from perago_operator.ports import Gauge


class Outbox:
    """Time counts from the scrape that first saw an outcome, so it begins anew with each leader. `clock` never goes
    back."""

    def __init__(self, unreported: Collection[str], clock: Callable[[], float]) -> None:
        """`unreported` are the uids of their attempts, at any time."""
        self._unreported = unreported
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
        self._since = {uid: self._since.get(uid, now) for uid in self._unreported}
        return self._since

    def _oldest(self) -> float:
        return self._clock() - min(self._seen().values(), default=self._clock())
