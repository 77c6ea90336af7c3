"""What the task side reports: the exception's class as the reason, and for modules that are not a task, the place."""

import socket
import subprocess
import sys
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest

from perago import wire
from perago.errors import StaleAttemptError, TaskDefinitionError, TaskInputError
from perago.result import completed_result, failed_result
from perago.run import Ended
from perago.task import load_module_task
from perago.taskside.client import AgentClient
from perago.taskside.invalid import invalid_task
from perago.taskside.run import AgentFence, result_of
from tests.unit.perago.taskside.scripted import ok, serve


def test_the_exceptions_class_is_the_reason() -> None:
    """Not what failed before or after it, and not what was logged."""
    attempt = Ended(failed_result("'body'"), KeyError("body"))
    assert result_of(attempt, 1.5).to_json() == {
        "call": "result", "status": "FAILED", "reason": "KeyError", "message": "KeyError: 'body'",
        "traceback": ["KeyError: 'body'"], "executingSeconds": 1.5,
        "exceptions": [f"builtins.{name}" for name in ("KeyError", "LookupError", "Exception", "BaseException")],
    }  # fmt: skip


@pytest.mark.parametrize("word", ["Canceled", "Superseded", "DeadlineExceeded", "InvalidTask", "TaskInputError"])
def test_a_class_with_the_name_of_a_reason_chooses_none(word: str) -> None:
    """The author's exception is an ordinary failure, whatever its name means to Perago."""
    attempt = Ended(failed_result("why"), type(word, (Exception,), {})())
    assert result_of(attempt, None).reason == "TaskExecutionError"


def test_own_exceptions_are_reasons() -> None:
    """Their names are published."""
    assert result_of(Ended(failed_result("why"), TaskInputError("why")), None).reason == "TaskInputError"


@pytest.mark.parametrize("agent", ["is not there", "hangs up"])
def test_a_task_without_its_agent_gives_up(tmp_path: Path, agent: str) -> None:
    """Exit code 75: the pod shows that its end was not the task's doing."""
    path = str(tmp_path / "agent.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        if agent == "hangs up":
            listener.listen()
        code = "import sys; from perago.taskside import __main__ as task, client; client.connect.__defaults__ = (0.0,)"
        command = [sys.executable, "-c", f"{code}; sys.exit(task.main({path!r}))"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        if agent == "hangs up":
            listener.accept()[0].close()
        assert process.wait(20) == wire.GAVE_UP_EXIT == 75


def test_a_completed_result_has_the_reason_completed() -> None:
    """And the output."""
    result = result_of(Ended(completed_result({"result": {}})), None)
    assert (result.reason, result.output) == ("Completed", {"result": {}})


@pytest.mark.parametrize(
    ("changes", "current"),
    [({}, True), ({"status": "TIMED_OUT"}, False), ({"retry_count": 1}, False), ({"task_id": "t2"}, False)],
)
def test_the_fence_compares_what_the_agent_has_read(changes: dict[str, object], current: bool) -> None:
    """The agent answers with the attempt as it is now; the core decides what follows from it."""
    attempt = wire.CurrentAttempt(
        status="IN_PROGRESS", task_type="t", workflow_instance_id="w", task_id="t1", reference_task_name="r", seq=1
    )
    ours, theirs = socket.socketpair()
    fresh = ok(attempt.model_copy(update=changes))
    agent = threading.Thread(target=serve, args=(theirs, fresh, []))
    agent.start()
    with ours, pytest.raises(StaleAttemptError) if not current else nullcontext():
        AgentFence(attempt, AgentClient(ours)).check()
    agent.join()


def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: str) -> TaskDefinitionError:
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(TaskDefinitionError) as caught:
        load_module_task(name)
    return caught.value


def test_a_module_that_raises_is_told_with_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own line, not the importing machinery's."""
    error = load(tmp_path, monkeypatch, "raises_at_import", "\n\n1 / 0\n")
    message = invalid_task(error).message or ""
    assert "ZeroDivisionError" in message
    assert f"{tmp_path}/raises_at_import.py:3" in message


def test_the_log_of_a_module_that_raises_shows_its_own_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not those that imported it."""
    invalid_task(load(tmp_path, monkeypatch, "raises_below", "def fail():\n    1 / 0\n\n\nfail()\n"))
    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    frames = [line for line in lines if line.startswith("File ")]
    assert [frame.split(", ")[-1] for frame in frames][:2] == ["in <module>", "in fail"]
    assert not any("/perago/task.py" in frame or "importlib" in frame for frame in frames)
    assert "ZeroDivisionError: division by zero" in lines


def test_a_syntax_error_is_told_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own text names the line."""
    error = load(tmp_path, monkeypatch, "wrong_syntax", "x = = 1\n")
    assert "wrong_syntax.py, line 1" in (invalid_task(error).message or "")


def test_a_missing_module_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no place to report."""
    with pytest.raises(TaskDefinitionError) as caught:
        load_module_task("no_such_module")
    result = invalid_task(caught.value)
    assert result.status == "FAILED_WITH_TERMINAL_ERROR"
    assert result.reason == "InvalidTask"
    assert (result.message or "").endswith("'no_such_module'")


def test_the_task_side_loads_no_client_library() -> None:
    """Standard library and pydantic only, before the user's module, and nothing that only failures need."""
    code = "import perago.taskside.__main__, sys; print('\\n'.join(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {
        "aiohttp",
        "loguru",
        "kopf",
        "kubernetes",
        "lakefs_sdk",
        "conductor",
        "requests",
        "asyncio",
        "perago.agent",
        "perago.traces",
    }
    assert heavy.isdisjoint(found)


def test_the_agent_loads_no_sdk() -> None:
    """Its own small clients serve."""
    code = "import perago.agent.run, sys; print('\\n'.join(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"kopf", "kubernetes", "lakefs_sdk", "lakefs", "conductor"}.isdisjoint(found)
