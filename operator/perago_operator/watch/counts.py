"""Attempts counted by what metrics ask for, with each change: a scrape must not look at all of them."""

from collections import Counter
from typing import TypeVar

from perago.wire.reasons import WORDS
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.conditions import condition
from perago_operator.api.reasons import ConditionType

Kind = TypeVar("Kind")

OTHER_REASON = "TaskException"
"""The reason of an outcome that is the class of an exception that the task raised."""
UNSEEN = "Unseen"
"""What an attempt waits for whose status says nothing yet."""


class Counts:
    """Kept by the store of attempts. A kind of which there is none is left out."""

    def __init__(self) -> None:
        self.phases: Counter[tuple[str, str]] = Counter()
        """By phase and result; '' where there is none yet."""
        self.waits: Counter[tuple[str, str, str]] = Counter()
        """Those without a running pod, by namespace, PeragoTask and reason."""
        self.unreported: set[str] = set()
        """Uids of those whose outcome Conductor has not accepted yet."""

    def changed(self, old: PeragoAttempt | None, new: PeragoAttempt | None) -> None:
        """An attempt as it was counted, and as it is now."""
        for attempt, step in ((old, -1), (new, 1)):
            if attempt is not None:
                self._count(attempt, step)

    def _count(self, attempt: PeragoAttempt, step: int) -> None:
        outcome, reporting = attempt.status.outcome, attempt.status.reporting
        _add(self.phases, (attempt.status.phase or "", outcome.status if outcome else ""), step)
        if (wait := wait_of(attempt)) is not None:
            _add(self.waits, (attempt.metadata.namespace, task_of(attempt), wait), step)
        if reporting is not None and reporting.state == "Pending":
            (self.unreported.add if step > 0 else self.unreported.discard)(attempt.metadata.uid)


def _add(counter: Counter[Kind], kind: Kind, step: int) -> None:
    counter[kind] += step
    if not counter[kind]:
        del counter[kind]


def wait_of(attempt: PeragoAttempt) -> str | None:
    """The reason for which it has no running pod; None where it has one, or an outcome."""
    ready = condition(attempt.status.conditions, ConditionType.POD_READY)
    if attempt.status.outcome is not None or (ready is not None and ready.status == "True"):
        return None
    return known_reason(ready.reason) if ready else UNSEEN


def task_of(attempt: PeragoAttempt) -> str:
    """The name of its PeragoTask; '' where it has none."""
    return attempt.spec.task_ref.name if attempt.spec.task_ref else ""


def known_reason(reason: str) -> str:
    """The reason, or `TaskException` for the name of an exception's class."""
    return reason if reason in WORDS else OTHER_REASON
