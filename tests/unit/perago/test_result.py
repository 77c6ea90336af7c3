"""Results: which combinations exist, and what an exception becomes."""

from typing import Any

import pytest

import perago
from perago.config import DEFAULT_FAILURE_REASON_MAX_LENGTH


def test_a_completed_result_has_its_output() -> None:
    """The payload for Conductor carries status and output."""
    result = perago.completed_result({"result": {}})
    assert result.conductor_payload() == {"status": "COMPLETED", "output": {"result": {}}}


def test_failures_have_their_reason() -> None:
    """Both failures carry status and reasonForIncompletion."""
    assert perago.failed_result("why", max_length=10).conductor_payload() == {
        "status": "FAILED",
        "reasonForIncompletion": "why",
    }
    assert perago.terminal_failed_result("why", max_length=10).status == "FAILED_WITH_TERMINAL_ERROR"


@pytest.mark.parametrize(
    "parts",
    [
        ("COMPLETED", None, None),
        ("COMPLETED", {}, "why"),
        ("FAILED", None, None),
        ("FAILED", None, ""),
        ("FAILED", {}, "why"),
        ("FAILED_WITH_TERMINAL_ERROR", {}, None),
        ("CANCELED", None, "why"),
    ],
)
def test_other_combinations_do_not_exist(parts: tuple[Any, Any, Any]) -> None:
    """COMPLETED needs output and no reason, the others a reason and no output."""
    with pytest.raises(ValueError, match="result"):
        perago.RuntimeTaskResult(*parts)


def test_a_reason_is_cut_to_its_length() -> None:
    """The default is 500 characters; anything from 1 on will do; below is a ValueError."""
    assert perago.failed_result("abcdef", max_length=3).reason_for_incompletion == "abc"
    assert perago.failed_result("x" * 999).reason_for_incompletion == "x" * DEFAULT_FAILURE_REASON_MAX_LENGTH
    assert DEFAULT_FAILURE_REASON_MAX_LENGTH == 500
    for max_length in (0, -1):
        with pytest.raises(ValueError, match="max_length"):
            perago.failed_result("abc", max_length=max_length)


@pytest.mark.parametrize("error", [perago.TaskTerminalError("x"), perago.PreGuardrailViolation("x")])
def test_two_exceptions_are_terminal(error: Exception) -> None:
    """What no retry can help is FAILED_WITH_TERMINAL_ERROR."""
    assert perago.result_for_exception(error, max_length=9).status == "FAILED_WITH_TERMINAL_ERROR"


@pytest.mark.parametrize(
    "error",
    [
        perago.TaskFailed("x"),
        perago.PostGuardrailViolation("x"),
        perago.TaskInputError("x"),
        perago.PublishFenceError("x"),
        perago.StaleAttemptError("x"),
        KeyError("x"),
        SystemExit("x"),
    ],
)
def test_every_other_exception_is_failed(error: BaseException) -> None:
    """Anything else may be retried, and its text is the reason."""
    result = perago.result_for_exception(error, max_length=99)
    assert result.status == "FAILED"
    assert "x" in str(result.reason_for_incompletion)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SystemExit(3), "SystemExit: 3"),
        (SystemExit(), "SystemExit: 0"),
        (SystemExit("bye"), "SystemExit: bye"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (RuntimeError(), "RuntimeError"),
        (perago.TaskFailed(""), "TaskFailed"),
    ],
)
def test_an_exception_that_says_nothing_is_named(error: BaseException, reason: str) -> None:
    """A result always has a reason: the class's name where there is no text."""
    assert perago.result_for_exception(error, max_length=99).reason_for_incompletion == reason


def test_a_reason_can_always_be_sent() -> None:
    """A file name that is not UTF-8 is shown with marks in its place."""
    assert perago.failed_result("bad name \udcff", max_length=99).reason_for_incompletion == "bad name ?"
