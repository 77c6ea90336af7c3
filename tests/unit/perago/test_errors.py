"""The tree of errors, and how one crosses a process boundary by name."""

import copy
import pickle

import pytest

import perago
from perago.errors import error_named


@pytest.mark.parametrize("error", [perago.TaskDefinitionError, perago.RuntimeConfigError, perago.TaskInputError])
def test_wrong_declarations_settings_and_inputs_are_value_errors(error: type[Exception]) -> None:
    """Who catches ValueError catches all three."""
    assert issubclass(error, ValueError)


def test_a_bodys_two_failures_are_execution_errors_and_guardrails_have_their_own_tree() -> None:
    """TaskFailed and TaskTerminalError are TaskExecutionErrors; both guardrail errors are GuardrailViolations."""
    assert issubclass(perago.TaskFailed, perago.TaskExecutionError)
    assert issubclass(perago.TaskTerminalError, perago.TaskExecutionError)
    assert issubclass(perago.PreGuardrailViolation, perago.GuardrailViolation)
    assert issubclass(perago.PostGuardrailViolation, perago.GuardrailViolation)
    assert not issubclass(perago.TaskExecutionError, ValueError)


@pytest.mark.parametrize("error", [perago.TaskFailed, perago.TaskTerminalError])
def test_a_bodys_failure_takes_one_reason_that_is_text(error: type[Exception]) -> None:
    """Nothing, something else than text, or two reasons are a TypeError."""
    assert str(error("no data yet")) == "no data yet"
    assert error("why").reason == "why"  # type: ignore[attr-defined]
    for arguments in ((), (1,), (None,), (ValueError("x"),), ("a", "b")):
        with pytest.raises(TypeError):
            error(*arguments)


def test_a_stale_attempt_names_its_task() -> None:
    """StaleAttemptError is made from a task id, keeps it, and says it."""
    error = perago.StaleAttemptError("task-9")
    assert error.task_id == "task-9"
    assert "task-9" in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(copy.copy(error)) == str(error)


@pytest.mark.parametrize("name", ["TaskInputError", "PublishFenceError", "TaskFailed", "StaleAttemptError"])
def test_an_error_is_rebuilt_from_name_and_message(name: str) -> None:
    """An error of this package crosses a socket as its class name and its text."""
    error = error_named(name, "the text")
    assert (type(error).__name__, str(error)) == (name, "the text")


@pytest.mark.parametrize("name", ["Unauthorized", "annotations", "__doc__"])
def test_an_unknown_name_becomes_an_execution_error(name: str) -> None:
    """Any other name is a TaskExecutionError whose text keeps the name."""
    error = error_named(name, "no")
    assert (type(error), str(error)) == (perago.TaskExecutionError, f"{name}: no")
