"""What people read of a failure: the class and text of the exception, the author's line, the end of the traceback."""

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from perago.errors import PreGuardrailViolation, TaskFailed, TaskInputError, TaskTerminalError
from perago.result import failed_result, result_for_exception
from perago.run import Ended
from perago.taskside.run import result_of
from perago.wire import LONGEST_LINE, MOST_LINES
from perago.wire.policy import class_names


class Params(BaseModel):
    days: int


def caught(raises: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as info:
        raises()
    return info.value


def message(error: BaseException) -> str:
    """The message of an attempt that this exception ended."""
    return result_of(Ended(result_for_exception(error), error), None).message or ""


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (KeyError("b"), "KeyError: 'b'"),
        (ValueError("two\nlines"), "ValueError: two\nlines"),
        (MemoryError(), "MemoryError"),
        (SystemExit(3), "SystemExit: 3"),
        (TaskInputError("no such key"), "TaskInputError: no such key"),
        (PreGuardrailViolation("no a.csv"), "PreGuardrailViolation: no a.csv"),
        (TaskFailed("the report is not out yet"), "the report is not out yet"),
        (TaskTerminalError("not https"), "not https"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_message_begins_with_class_and_text(error: BaseException, says: str) -> None:
    """Except where the exception's only argument is the reason in the author's own words."""
    assert message(error) == says


def test_refused_params_are_named_with_the_class() -> None:
    """Perago and pydantic raised it, so there is no line of the author's to name."""
    error = caught(lambda: Params.model_validate({"days": "few"}))
    assert isinstance(error, ValidationError)
    assert message(error.with_traceback(None)).startswith("ValidationError: Params.days: ")


def test_the_message_ends_with_the_authors_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File and line of the innermost frame of their code, and the status has the lines of the traceback."""
    (tmp_path / "authors_body.py").write_text("import json\n\ndef body():\n    return json.loads('{')\n")
    monkeypatch.syspath_prepend(tmp_path)
    error = caught(importlib.import_module("authors_body").body)
    result = result_of(Ended(result_for_exception(error), error), None)
    assert (result.message or "").endswith(f" ({tmp_path}/authors_body.py:4)")
    assert f'  File "{tmp_path}/authors_body.py", line 4, in body' in result.traceback
    assert result.traceback[-1].startswith("json.decoder.JSONDecodeError: ")


def test_the_traceback_is_bounded() -> None:
    """An exception's text can have any size."""
    error = ValueError("\n".join("x" * 1000 for _ in range(1000)))
    traceback = result_of(Ended(failed_result("why"), error), None).traceback
    assert len(traceback) <= MOST_LINES
    assert max(map(len, traceback)) == LONGEST_LINE


class NoSuchStation(KeyError):
    pass


def test_the_classes_of_an_exception_cross() -> None:
    """Its own and those that it is derived from, with their modules; one in a function by its own name."""

    class Local(NoSuchStation):
        pass

    crossing = result_of(Ended(failed_result("why"), Local("x")), None).exceptions
    here = __name__
    bases = ("builtins.KeyError", "builtins.LookupError", "builtins.Exception", "builtins.BaseException")
    assert crossing == (f"{here}.Local", f"{here}.NoSuchStation", *bases)
    assert class_names(crossing) == crossing


@pytest.mark.parametrize(
    ("error", "code"),
    [(SystemExit(3), 3), (SystemExit(), 0), (SystemExit("no"), 1), (SystemExit(-1), 255), (ValueError("x"), None)],
)
def test_the_exit_code_is_that_of_a_process(error: BaseException, code: int | None) -> None:
    """As `python` would end with; an exception that is no exit has none."""
    assert result_of(Ended(failed_result("why"), error), None).exit_code == code
