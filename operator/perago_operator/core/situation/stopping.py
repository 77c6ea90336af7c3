"""Why an attempt must stop: people, Conductor, its deadline, an attempt that came after it, or its own spec. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from perago_operator.api.reasons import Reason
from perago_operator.api.shared import FailureResult
from perago_operator.core import siblings
from perago_operator.core.answers import Standing
from perago_operator.core.siblings import Rank, Sibling
from perago_operator.core.situation.executions import Executions


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the attempt must stop."""

    reason: Reason
    message: str
    result: FailureResult = "FAILED"


@dataclass(frozen=True)
class Stopping(Executions):
    """Executions, and what puts an end to them."""

    @cached_property
    def stop(self) -> Stop | None:
        """Why the attempt must stop: it is deleted, canceled, superseded, out of time, or its spec cannot be read."""
        if self.deleting:
            return Stop(Reason.ATTEMPT_DELETED, "attempt deleted")
        if self.attempt.spec.cancel:
            return Stop(Reason.CANCELED, "the attempt was canceled (spec.cancel)")
        if self.superseded:
            return Stop(Reason.SUPERSEDED, self.superseded)
        if self._out_of_time:
            limit = self.resolved.active_deadline_seconds
            return Stop(Reason.DEADLINE_EXCEEDED, f"the attempt exceeded its deadline of {limit} s")
        if problem := self.attempt.problem:
            return Stop(Reason.INVALID_SPEC, f"the attempt cannot be read: {problem}", "FAILED_WITH_TERMINAL_ERROR")
        return None

    @cached_property
    def superseded(self) -> str | None:
        """Why Conductor no longer waits for this attempt, in words; None while it does."""
        reporting, verdict = self.status.reporting, self.memory.verdict
        if reporting and reporting.state == "Superseded":
            return reporting.last_error or "Conductor no longer waits for this attempt"
        if verdict and verdict.standing is Standing.SUPERSEDED and not (reporting and reporting.state == "Accepted"):
            return verdict.detail
        if self.later_sibling and self.status.outcome_that_counts is None:
            return f"attempt {self.later_sibling.name} is a later attempt of the same task"
        return None

    @property
    def later_sibling(self) -> Sibling | None:
        """An attempt of the same logical task that came after this one, and has not ended."""
        return siblings.later(self.siblings, self._rank)

    @property
    def unsettled_earlier(self) -> Sibling | None:
        """An attempt of the same logical task that came before this one and may still publish."""
        return siblings.unsettled_earlier(self.siblings, self._rank)

    @property
    def _rank(self) -> Rank:
        created = self.attempt.metadata.creation_timestamp or self.time_of_day
        return Rank(created, siblings.retry_count(self.attempt))

    @cached_property
    def deadline_at(self) -> datetime | None:
        """When the attempt's time is over; None when it has no deadline or has not started."""
        limit = self.resolved.active_deadline_seconds
        return self._started_at + timedelta(seconds=limit) if limit and self._started_at else None

    @cached_property
    def _started_at(self) -> datetime | None:
        """When the first pod was created; None before."""
        timings = self.status.timings
        if timings and timings.queued is not None:
            return self.created + timedelta(seconds=timings.queued)
        created = self.pod.metadata.creation_timestamp if self.pod else None
        return self.memory.created_at or (self.moment(created) if created else None)

    @cached_property
    def _out_of_time(self) -> bool:
        """The deadline is over, and the pod had not ended before it; end times have whole-second precision."""
        if self.deadline_at is None or self.now < self.deadline_at:
            return False
        ended_at = self.ended_at(self.pod) if self.pod and self.pod.ended else None
        return ended_at is None or ended_at + timedelta(seconds=1) > self.deadline_at
