"""From a task's result to the outcome that is recorded. PURE.

It fits within an object's limits, survives a merge patch, and carries the precise reason.
"""

import re

from perago import wire
from perago.wire import JsonObject, Reason
from perago.wire.reasons import TASK_WORDS, WORDS

_WORD = re.compile(r"[A-Z][A-Za-z0-9]{0,99}")


class OutputTooLarge(ValueError):
    """The output exceeds what an object can hold; the text says by how much and what to do."""


def failed(reason: Reason, message: str, max_length: int) -> wire.Outcome:
    """The outcome of an attempt that the agent itself gave up."""
    return wire.Outcome(status="FAILED", reason=reason.value, message=cut(message, max_length))


def completed(output: JsonObject, message: str | None = None) -> wire.Outcome:
    """The outcome of an attempt that completed with `output`; raises OutputTooLarge, wire.NotJson."""
    return wire.Outcome(status="COMPLETED", reason=Reason.COMPLETED.value, message=message, **_stored(output))


def not_completed(result: wire.Result, cause: Reason | None, max_length: int) -> wire.Outcome:
    """The outcome of a failed attempt; `cause` is the agent's own reason, which is more precise than the task's."""
    message = cut(result.message or result.reason, max_length)
    reason = cause.value if cause else reason_word(result.reason)
    traceback = wire.last_lines(result.traceback) or None
    return wire.Outcome(status=result.status, reason=reason, message=message, traceback=traceback)


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
