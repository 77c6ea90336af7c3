"""From a task's result to the outcome that is recorded. PURE.

It fits within an object's limits, survives a merge patch, and carries the precise reason.
"""

import re

from perago import wire
from perago.wire import JsonObject, Reason
from perago.wire.exact import fits_json, kept_in_merge_patch
from perago.wire.reasons import TASK_WORDS, WORDS

_WORD = re.compile(r"[A-Z][A-Za-z0-9]{0,99}")


class OutputTooLarge(ValueError):
    """The output exceeds what an object can hold; the text says by how much and what to do."""


class OutputNotJson(ValueError):
    """The output holds a value that JSON in UTF-8 cannot say; the attempt core sends none."""


def failed(reason: Reason, message: str, max_length: int) -> wire.Outcome:
    """The outcome of an attempt that the agent itself gave up."""
    return wire.Outcome(status="FAILED", reason=reason.value, message=cut(message, max_length))


def completed(output: JsonObject) -> wire.Outcome:
    """The outcome of an attempt that completed with `output`; raises OutputTooLarge, OutputNotJson."""
    return wire.Outcome(status="COMPLETED", reason=Reason.COMPLETED.value, **_stored(output))


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
    """Raises OutputTooLarge or OutputNotJson when `output` cannot be recorded; asked before anything is published."""
    _stored(output)


def _stored(output: JsonObject) -> JsonObject:
    if not fits_json(output):
        raise OutputNotJson(
            "the task's output has a NaN, an infinite number or half of a surrogate pair; JSON has none"
        )
    try:
        return wire.stored_output(output) if kept_in_merge_patch(output) else wire.packed_output(output)
    except ValueError as error:
        raise OutputTooLarge(str(error)) from error
