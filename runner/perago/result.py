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
    """How an attempt ended: completed with an output, or failed with a reason.

    Parameters
    ----------
    status : {"COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"}
        FAILED may be retried, FAILED_WITH_TERMINAL_ERROR may not.
    output : dict, optional
        Of a completed attempt, and of no other: `{"workspace": …, "result": …}` or `{"result": …}`.
    reason_for_incompletion : str, optional
        Of a failed attempt, and of no other.

    Raises
    ------
    ValueError
        Status, output and reason do not belong together.

    Examples
    --------
    >>> import perago
    >>> perago.RuntimeTaskResult("FAILED", reason_for_incompletion="no data").conductor_payload()
    {'status': 'FAILED', 'reasonForIncompletion': 'no data'}
    """

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
    """The result of an attempt that did its work.

    Parameters
    ----------
    output : dict
        What `build_workspace_task_output` or `build_workspace_free_task_output` returned.

    Returns
    -------
    RuntimeTaskResult
        COMPLETED, with this output.

    Examples
    --------
    >>> import perago
    >>> perago.completed_result({"result": {"n": 1}}).conductor_payload()
    {'status': 'COMPLETED', 'output': {'result': {'n': 1}}}
    """
    return RuntimeTaskResult("COMPLETED", output=output)


def failed_result(reason: str, *, max_length: int = DEFAULT_FAILURE_REASON_MAX_LENGTH) -> RuntimeTaskResult:
    """The result of an attempt that failed and may be retried.

    Parameters
    ----------
    reason : str
        What people read in Conductor.
    max_length : int
        The characters after which the reason is cut.

    Returns
    -------
    RuntimeTaskResult
        FAILED, with the reason.

    Raises
    ------
    ValueError
        `max_length` is below 1, or the reason is empty.

    Examples
    --------
    >>> import perago
    >>> perago.failed_result("the server is down", max_length=10).reason_for_incompletion
    'the server'
    """
    return RuntimeTaskResult("FAILED", reason_for_incompletion=_cut(reason, max_length))


def terminal_failed_result(reason: str, *, max_length: int = DEFAULT_FAILURE_REASON_MAX_LENGTH) -> RuntimeTaskResult:
    """The result of an attempt that failed and that no retry can help.

    Parameters
    ----------
    reason : str
        What people read in Conductor.
    max_length : int
        The characters after which the reason is cut.

    Returns
    -------
    RuntimeTaskResult
        FAILED_WITH_TERMINAL_ERROR, with the reason.

    Raises
    ------
    ValueError
        `max_length` is below 1, or the reason is empty.

    Examples
    --------
    >>> import perago
    >>> perago.terminal_failed_result("no such station").status
    'FAILED_WITH_TERMINAL_ERROR'
    """
    return RuntimeTaskResult("FAILED_WITH_TERMINAL_ERROR", reason_for_incompletion=_cut(reason, max_length))


def result_for_exception(
    exc: BaseException, *, max_length: int = DEFAULT_FAILURE_REASON_MAX_LENGTH
) -> RuntimeTaskResult:
    """The result of an attempt that an exception ended.

    Parameters
    ----------
    exc : BaseException
        The exception. `TaskTerminalError` and `PreGuardrailViolation` are terminal; every other one is FAILED.
    max_length : int
        The characters after which the reason is cut.

    Returns
    -------
    RuntimeTaskResult
        The failure. The reason is the exception's text, or the name of its class where it has none. For a
        `pydantic.ValidationError` it is one line per problem: `Model.field: what is wrong (got …)`.

    Raises
    ------
    ValueError
        `max_length` is below 1.

    Examples
    --------
    >>> import perago
    >>> from pydantic import BaseModel, ValidationError
    >>> class Params(BaseModel):
    ...     days: int
    >>> try:
    ...     Params(days="few")
    ... except ValidationError as error:
    ...     print(perago.result_for_exception(error).reason_for_incompletion)
    Params.days: Input should be a valid integer, unable to parse string as an integer (got 'few')
    """
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
