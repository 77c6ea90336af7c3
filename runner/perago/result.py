"""How an attempt ended, as Conductor receives it. Pure."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from perago.config import DEFAULT_FAILURE_REASON_MAX_LENGTH
from perago.errors import PreGuardrailViolation, TaskTerminalError
from perago.refusal import refusal

JsonObject = dict[str, Any]
"""A JSON object whose content is somebody else's: it is passed on unread."""

ResultStatus = Literal["COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"]

TERMINAL_ERRORS = (TaskTerminalError, PreGuardrailViolation)
"""What no retry can help; every other exception is FAILED."""


@dataclass(frozen=True)
class RuntimeTaskResult:
    """COMPLETED with an output, or one of the two failures with a reason; anything else raises ValueError."""

    status: ResultStatus
    output: JsonObject | None = None
    reason_for_incompletion: str | None = None

    def __post_init__(self) -> None:
        completed = self.status == "COMPLETED"
        if not completed and self.status not in ("FAILED", "FAILED_WITH_TERMINAL_ERROR"):
            raise ValueError(f"status {self.status!r} is not a result: COMPLETED, FAILED or FAILED_WITH_TERMINAL_ERROR")
        if completed and (self.output is None or self.reason_for_incompletion is not None):
            raise ValueError("a COMPLETED result has an output and no reason")
        if not completed and (self.output is not None or not self.reason_for_incompletion):
            raise ValueError(f"a {self.status} result has a reason and no output")

    def conductor_payload(self) -> JsonObject:
        """`status`, and `output` or `reasonForIncompletion`."""
        if self.status == "COMPLETED":
            return {"status": self.status, "output": self.output}
        return {"status": self.status, "reasonForIncompletion": self.reason_for_incompletion}


def completed_result(output: JsonObject) -> RuntimeTaskResult:
    """The attempt did its work."""
    return RuntimeTaskResult("COMPLETED", output=output)


def failed_result(reason: str, *, max_length: int = DEFAULT_FAILURE_REASON_MAX_LENGTH) -> RuntimeTaskResult:
    """The attempt failed and may be retried; the reason is cut to `max_length` characters (ValueError below 1)."""
    return RuntimeTaskResult("FAILED", reason_for_incompletion=_cut(reason, max_length))


def terminal_failed_result(reason: str, *, max_length: int = DEFAULT_FAILURE_REASON_MAX_LENGTH) -> RuntimeTaskResult:
    """The attempt failed and no retry can help; the reason is cut as in `failed_result`."""
    return RuntimeTaskResult("FAILED_WITH_TERMINAL_ERROR", reason_for_incompletion=_cut(reason, max_length))


def result_for_exception(
    exc: BaseException, *, max_length: int = DEFAULT_FAILURE_REASON_MAX_LENGTH
) -> RuntimeTaskResult:
    """The failure that an exception stands for, its text as the reason."""
    failed = terminal_failed_result if isinstance(exc, TERMINAL_ERRORS) else failed_result
    return failed(_text(exc), max_length=max_length)


def checked_max_length(max_length: int) -> int:
    """The same number; raises ValueError when no reason would fit in it."""
    if max_length < 1:
        raise ValueError(f"max_length must be at least 1, not {max_length}")
    return max_length


def _cut(reason: str, max_length: int) -> str:
    """At most `max_length` characters, all of which JSON can carry: a file name need not be UTF-8."""
    shortened = reason[: checked_max_length(max_length)]
    return shortened.encode(errors="replace").decode()


def _text(exc: BaseException) -> str:
    """An exception's text; one that says nothing on its own (`SystemExit: 3`, `MemoryError`) is named."""
    try:
        if isinstance(exc, ValidationError):
            return refusal(exc)
        if isinstance(exc, SystemExit):
            return f"SystemExit: {0 if exc.code is None else exc.code}"
        return str(exc) or type(exc).__name__
    except BaseException:  # noqa: BLE001 - a body's own exception class may not even have a text
        return type(exc).__name__
