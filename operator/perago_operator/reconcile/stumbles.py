"""Looks at an attempt that raised: the second one at the same version is the attempt's end, not a loop. Makes no call.

What raises is a fault of ours, or a value that nobody foresaw; neither goes away by looking again.
"""

from perago.wire.policy import Failure, failed
from perago_operator.api.attempt import AttemptSpec, PeragoAttempt
from perago_operator.api.attempt_status import Timings
from perago_operator.api.base import JsonObject
from perago_operator.api.reasons import Reason
from perago_operator.api.shared import Key

LONGEST_ERROR = 500
"""Characters of the error that are told."""


class Stumbles:
    """By attempt, the version of the last look that raised; and attempts that were found to make every look raise."""

    def __init__(self) -> None:
        self._versions: dict[Key, str] = {}
        self._unbearable: dict[Key, str] = {}

    def again(self, attempt: PeragoAttempt) -> bool:
        """A look at the attempt has raised; returns whether one at this very version had done so before."""
        key, version = attempt.metadata.key, attempt.metadata.resource_version
        before = self._versions.get(key)
        self._versions[key] = version
        if before == version:
            self._unbearable[key] = attempt.metadata.uid
        return before == version

    def bearable(self, attempt: PeragoAttempt) -> PeragoAttempt:
        """The attempt as it can be looked at: once it has an outcome, with as much as it takes to finish it."""
        if attempt.status.outcome is None or self._unbearable.get(attempt.metadata.key) != attempt.metadata.uid:
            return attempt
        return bare(attempt)

    def forget(self, key: Key) -> None:
        """The attempt is gone."""
        self._versions.pop(key, None)
        self._unbearable.pop(key, None)


def bare(attempt: PeragoAttempt) -> PeragoAttempt:
    """The attempt without what its author chose, but for the task to report to, and without most timings."""
    timings = Timings(reporting=attempt.status.timings.reporting) if attempt.status.timings else None
    status = attempt.status.model_copy(update={"timings": timings})
    return attempt.model_copy(update={"spec": AttemptSpec(conductor=attempt.spec.conductor), "status": status})


def end_of(error: Exception) -> JsonObject:
    """The status of an attempt that cannot be looked at."""
    text = f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
    message = (
        f"Perago's operator cannot work on this attempt, because two looks at it failed: {text}. Correct the values of "
        "the attempt or of its PeragoTask that lead to this. If they are right, report the traceback in its log"
    )
    outcome = failed((), Failure(Reason.INVALID_TASK.value), message, "FAILED_WITH_TERMINAL_ERROR")
    return {"phase": "Finishing", "outcome": outcome.to_json()}
