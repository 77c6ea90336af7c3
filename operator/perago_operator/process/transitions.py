"""The operator's log of what happens to attempts: one line for each transition, with the attempt, execution and step.

It is told from what the watch shows, so that the agent's steps are in it as well as the operator's phases. What is
there when a replica begins to lead has been told by the one before it.
"""

from loguru import logger

from perago.wire import LONGEST_LINE
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.conditions import condition
from perago_operator.api.reasons import ConditionType

State = tuple[str, str, int, str]


def tell(before: PeragoAttempt | None, after: PeragoAttempt) -> None:
    """Log the transition, if this change of an attempt is one."""
    if before is None or (now := state(after)) == state(before):
        return
    phase, step, execution, why = now
    attempt = str(after.metadata.key)
    words = ", ".join(part for part in (phase, step, why) if part)
    bound = logger.bind(attempt=attempt, execution=execution, phase=phase, step=step, reason=why)
    message = " ".join(_why(after)[1].split())[:LONGEST_LINE]  # its status has all of it
    bound.info("attempt {} execution {}: {}{}", attempt, execution, words, f": {message}" if message else "")


def state(attempt: PeragoAttempt) -> State:
    """Phase, step, execution, and the reason of its outcome or for which it waits."""
    status, (reason, _) = attempt.status, _why(attempt)
    return status.phase or "", status.step or "", status.executions or 0, reason


def _why(attempt: PeragoAttempt) -> tuple[str, str]:
    """Reason and message of its outcome, or of its wait."""
    if (outcome := attempt.status.outcome) is not None:
        return outcome.reason, outcome.message or ""
    ready = condition(attempt.status.conditions, ConditionType.POD_READY)
    return (ready.reason, ready.message) if ready and ready.status == "False" else ("", "")
