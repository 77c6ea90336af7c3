"""The operator's log of what happens to attempts: one line for each transition, with the attempt, execution and step.

It is told from what the watch shows, so that the agent's steps are in it as well as the operator's phases. What is
there when a replica begins to lead has been told by the one before it.
"""

from loguru import logger

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.conditions import condition
from perago_operator.api.reasons import ConditionType

LONGEST_MESSAGE = 300
"""Characters of what an outcome or a wait says: its status has all of it."""

State = tuple[str, str, int, str]


def tell(before: PeragoAttempt | None, after: PeragoAttempt) -> None:
    """Log the transition, if this change of an attempt is one."""
    if before is None or (now := state(after)) == state(before):
        return
    phase, step, execution, why = now
    attempt = str(after.metadata.key)
    words = ", ".join(part for part in (phase, step, why) if part)
    bound = logger.bind(attempt=attempt, execution=execution, phase=phase, step=step, reason=why)
    message = _message(after)
    bound.info("attempt {} execution {}: {}{}", attempt, execution, words, f": {message}" if message else "")


def state(attempt: PeragoAttempt) -> State:
    """Phase, step, execution, and the reason of its outcome or for which it waits."""
    status = attempt.status
    return status.phase or "", status.step or "", status.executions or 0, _reason(attempt)


def _reason(attempt: PeragoAttempt) -> str:
    if (outcome := attempt.status.outcome) is not None:
        return outcome.reason
    ready = condition(attempt.status.conditions, ConditionType.POD_READY)
    return ready.reason if ready and ready.status == "False" else ""


def _message(attempt: PeragoAttempt) -> str:
    outcome, ready = attempt.status.outcome, condition(attempt.status.conditions, ConditionType.POD_READY)
    text = (outcome.message or "") if outcome else (ready.message if ready and ready.status == "False" else "")
    return " ".join(text.split())[:LONGEST_MESSAGE]
