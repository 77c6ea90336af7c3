"""The other attempts of one logical task: which came before, which after, and which may still publish. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.core.staging import own_staging


class Rank(NamedTuple):
    """Attempts of a logical task come one after the other by creation, and within a second by retry."""

    created: datetime
    retry_count: int


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another attempt of the same logical task."""

    name: str
    retry_count: int
    settled: bool
    """It can no longer publish: it has an outcome or no pod that may run, and no staging branch."""
    created: datetime | None = None
    """In whole seconds; None where it is not known."""
    ended: bool = False
    """It has an outcome, and gets no other execution."""

    @classmethod
    def of(cls, attempt: PeragoAttempt, *, has_pods: bool) -> "Sibling":
        """The attempt as its siblings see it. One that never had a pod gets none any more: a later one exists."""
        status = attempt.status
        never_started = status.pod_name is None and not has_pods
        staging = own_staging(attempt)
        staged = staging is not None and staging.state != "Deleted"
        ended = status.outcome_that_counts is not None and status.recoverable is None
        settled = not staged and (ended or never_started)
        return cls(attempt.metadata.name, retry_count(attempt), settled, attempt.metadata.creation_timestamp, ended)

    def rank(self, unknown: datetime) -> Rank:
        """Where it stands, taken as created at `unknown` where that is not known."""
        return Rank(self.created or unknown, self.retry_count)


def retry_count(attempt: PeragoAttempt) -> int:
    """The attempt's retry; 0 for one that was applied by hand."""
    return attempt.spec.conductor.retry_count if attempt.spec.conductor else 0


def later(siblings: Sequence[Sibling], mine: Rank) -> Sibling | None:
    """One that came after this attempt, and has not ended; else Conductor is asked."""
    # A workflow that is restarted counts its retries from 0 again: a higher count alone says nothing.
    retries = (sibling for sibling in siblings if sibling.retry_count > mine.retry_count)
    return next((sibling for sibling in retries if not sibling.ended and mine < sibling.rank(mine.created)), None)


def unsettled_earlier(siblings: Sequence[Sibling], mine: Rank) -> Sibling | None:
    """One that came before this attempt and may still publish."""
    earlier = (sibling for sibling in siblings if mine > sibling.rank(mine.created))
    return next((sibling for sibling in earlier if not sibling.settled or _may_start(sibling, mine)), None)


def _may_start(sibling: Sibling, mine: Rank) -> bool:
    """One of an earlier run of the workflow is not superseded by this attempt: Conductor has to end it."""
    return sibling.retry_count >= mine.retry_count and not sibling.ended
