"""From a task's result to the outcome that is recorded. PURE.

It fits within an object's limits, survives a merge patch, and carries the precise reason.
"""

import re
from dataclasses import dataclass

from perago import wire
from perago.wire import JsonObject, Reason, policy
from perago.wire.faults import Fault
from perago.wire.policy import Failure, FailureResult, PolicyRule, class_names
from perago.wire.reasons import TASK_WORDS, WORDS

_WORD = re.compile(r"[A-Z][A-Za-z0-9]{0,99}")


class OutputTooLarge(ValueError):
    """The output exceeds what an object can hold; the text says by how much and what to do."""


@dataclass(frozen=True)
class Terms:
    """What the order says about outcomes of failures."""

    max_length: int = 500
    """Characters of a message."""
    policy: tuple[PolicyRule, ...] = ()


def failed(reason: Reason, message: str, terms: Terms) -> wire.Outcome:
    """The outcome of an attempt that the agent itself gave up."""
    return policy.failed(terms.policy, Failure(reason.value), cut(message, terms.max_length))


def completed(output: JsonObject, message: str | None = None) -> wire.Outcome:
    """The outcome of an attempt that completed with `output`; raises OutputTooLarge, wire.NotJson."""
    return wire.Outcome(status="COMPLETED", reason=Reason.COMPLETED.value, message=message, **_stored(output))


def not_completed(result: wire.Result, cause: Reason | None, terms: Terms) -> wire.Outcome:
    """The outcome of a failed attempt; `cause` is the agent's own reason, which is more precise than the task's.

    The body's exception, and its exit code, are not what failed where the agent knows another cause.
    """
    reason = cause.value if cause else reason_word(result.reason)
    own = Failure(reason, result.exit_code, class_names(result.exceptions))
    default: FailureResult = "FAILED" if result.status == "COMPLETED" else result.status
    message = cut(result.message or result.reason, terms.max_length)
    outcome = policy.failed(terms.policy, Failure(reason) if cause else own, message, default)
    blamed = outcome.failure_class if cause else _tasks_own(reason).failure_class
    return outcome.model_copy(update={"traceback": wire.last_lines(result.traceback) or None, "failure_class": blamed})


def _tasks_own(reason: str) -> Fault:
    """Whose fault it is that a task failed by its own account: never that of the infrastructure."""
    return Fault.CONFIGURATION if reason == Reason.INVALID_TASK else Fault.USER


def reason_word(reason: str) -> str:
    """The reason as a CamelCase word, and none of those that only agent and operator give; else TaskExecutionError."""
    allowed = _WORD.fullmatch(reason) and (reason in TASK_WORDS or reason not in WORDS)
    return reason if allowed else Reason.TASK_EXECUTION_ERROR.value


def cut(text: str, max_length: int) -> str:
    """At most `max_length` characters of a text."""
    return text if len(text) <= max_length else text[: max_length - 1] + "…"


def check_output(output: JsonObject) -> None:
    """Raises OutputTooLarge or wire.NotJson when `output` cannot be recorded; asked before anything is published."""
    _stored(output)


def _stored(output: JsonObject) -> JsonObject:
    try:
        return wire.stored_output(output)
    except wire.NotJson:
        raise
    except ValueError as error:
        raise OutputTooLarge(str(error)) from error
