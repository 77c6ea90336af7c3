"""The failure matrix: an exception of any class, at any step, and all that happens then, in order.

Steps that are no callbacks are recorded by the code that the author supplies (models, guardrails, body) and by
wrappers around the core's own functions.
"""

import errno
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError, model_validator

import perago
from perago.guards import Guardrail
from tests.unit.perago.kit import Params, World, run_attempt

WRITABLE = """
    make       : make
    download   : make download remove
    snapshot   : make download snapshot remove
    params     : make download snapshot params remove
    pre        : make download snapshot params pre remove
    body       : make download snapshot params pre body remove
    result     : make download snapshot params pre body result remove
    post       : make download snapshot params pre body result post remove
    compare    : make download snapshot params pre body result post compare remove
    fence 1    : make download snapshot params pre body result post compare fence remove
"""
CHANGED = f"""{WRITABLE}
    stage      : make download snapshot params pre body result post compare fence stage remove
    fence 2    : make download snapshot params pre body result post compare fence stage fence cleanup remove
    publish    : make download snapshot params pre body result post compare fence stage fence publish cleanup remove
    nothing    : make download snapshot params pre body result post compare fence stage fence publish cleanup remove
"""
UNCHANGED = f"""{WRITABLE}
    noop       : make download snapshot params pre body result post compare fence noop remove
    nothing    : make download snapshot params pre body result post compare fence noop remove
"""
READ_ONLY = """
    make       : make
    download   : make download remove
    params     : make download params remove
    pre        : make download params pre remove
    body       : make download params pre body remove
    result     : make download params pre body result remove
    post       : make download params pre body result post remove
    nothing    : make download params pre body result post remove
"""


class _OwnBaseError(BaseException):
    """A class that no `except Exception` sees."""


class _SilentError(Exception):
    """A class whose text cannot even be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def a_pydantic_error() -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Params.model_validate({"count": "x"})
    return caught.value


ERRORS = {
    "Exception": RuntimeError("broken"),
    "TaskFailed": perago.TaskFailed("not today"),
    "TaskTerminalError": perago.TaskTerminalError("never"),
    "PublishFenceError": perago.PublishFenceError("moved"),
    "pydantic": a_pydantic_error(),
    "disk full": OSError(errno.ENOSPC, "No space left on device"),
    "SystemExit": SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt(),
    "GeneratorExit": GeneratorExit(),
    "BaseException": _OwnBaseError("base"),
    "RecursionError": RecursionError("too deep"),
    "MemoryError": MemoryError(),
    "StopIteration": StopIteration(),
    "without text": _SilentError(),
}
EVERY_ERROR = pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS.keys())
NO_TEXT = {
    SystemExit: "SystemExit: 3",
    KeyboardInterrupt: "KeyboardInterrupt",
    GeneratorExit: "GeneratorExit",
    MemoryError: "MemoryError",
    StopIteration: "StopIteration",
    _SilentError: "_SilentError",
}


def assert_failed_with(result: perago.RuntimeTaskResult, error: BaseException, step: str = "") -> None:
    """The contract's result for this exception; a validator's ValueError is the input's or the result's fault."""
    terminal = isinstance(error, perago.TaskTerminalError)
    assert result.status == ("FAILED_WITH_TERMINAL_ERROR" if terminal else "FAILED")
    reason = str(result.reason_for_incompletion)
    if step in ("params", "result") and isinstance(error, ValueError):
        assert reason.startswith(f"task 'matrix': {step}")
    else:
        assert reason == (NO_TEXT.get(type(error)) or str(error))


@dataclass(frozen=True)
class _TracedGuardrail(Guardrail):
    world: World | None = None

    def violation(self, root: Path) -> str | None:
        assert self.world is not None
        self.world.step(self.path)
        return None


def traced_models(world: World) -> tuple[type[BaseModel], type[BaseModel]]:
    """Params and result whose validation is a step."""

    class TracedParams(BaseModel):
        @model_validator(mode="after")
        def record(self) -> "TracedParams":
            world.step("params")
            return self

    class TracedResult(BaseModel):
        @model_validator(mode="after")
        def record(self) -> "TracedResult":
            world.step("result")
            return self

    return TracedParams, TracedResult


def traced_task(world: World, *, changing: bool = True, read_only: bool = False) -> perago.TaskDefinition:
    """A task each of whose parts is a step."""

    def body(workspace, params):  # type: ignore[no-untyped-def]
        world.step("body")
        if changing:
            (workspace / "out.txt").write_text("new")
        return {}

    params, result = traced_models(world)
    body.__annotations__ = {"workspace": Path, "params": params, "return": result}
    pre, post = (_TracedGuardrail("require_file", phase, world=world) for phase in ("pre", "post"))
    spec = perago.WorkspaceSpec(pre=[pre], post=[post], read_only=read_only)
    declare: Any = perago.task(name="matrix", owner_email="a@example.org", workspace=spec)
    definition: perago.TaskDefinition = declare(body).__perago_task__
    return definition


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world that also records, and can fail at, the core's own steps."""
    world = World()

    def trace(place: str, step: str) -> None:
        module, _, name = place.rpartition(".")
        plain: Callable[..., object] = getattr(__import__(module, fromlist=[name]), name)

        def traced(*arguments: object) -> object:
            world.step(step)
            return plain(*arguments)

        monkeypatch.setattr(place, traced)

    trace("perago.workspace.directory.prepare_attempt_workspace", "make")
    trace("perago.run.take_snapshot", "snapshot")
    trace("perago.run.changes_since", "compare")
    trace("perago.workspace.directory.cleanup_attempt_workspace", "remove")
    return world


def rows(table: str) -> pytest.MarkDecorator:
    """A table's rows as parameters: the step that fails, and all that happens."""
    lines = [line.split(":") for line in table.split("\n") if line.strip()]
    cases = [pytest.param(step.strip(), happens.split(), id=step.strip()) for step, happens in lines]
    return pytest.mark.parametrize(("step", "happens"), cases)


def check_row(world: World, root: Path, step: str, happens: list[str], error: BaseException, **kind: bool) -> None:
    """One row: exactly these steps in this order, the result of the exception, and nothing left on the disk."""
    world.fail_at[step] = error
    result = run_attempt(traced_task(world, **kind), root, world)
    assert world.calls == happens
    assert list(root.iterdir()) == []
    if step == "nothing":
        assert result.status == "COMPLETED"
    else:
        assert_failed_with(result, error, step)


@EVERY_ERROR
@rows(CHANGED)
def test_a_failure_on_the_way_to_publication(
    world: World, tmp_path: Path, step: str, happens: list[str], error: BaseException
) -> None:
    """Nothing follows the step that failed but the clean-up of what was made until then."""
    check_row(world, tmp_path, step, happens, error)


@EVERY_ERROR
@rows(UNCHANGED)
def test_a_failure_on_the_way_to_keeping_the_target(
    world: World, tmp_path: Path, step: str, happens: list[str], error: BaseException
) -> None:
    """The same where nothing changed: one fence, no staging branch."""
    check_row(world, tmp_path, step, happens, error, changing=False)


@EVERY_ERROR
@rows(READ_ONLY)
def test_a_failure_of_a_read_only_attempt(
    world: World, tmp_path: Path, step: str, happens: list[str], error: BaseException
) -> None:
    """The same without snapshot, fence or any call to lakeFS."""
    check_row(world, tmp_path, step, happens, error, read_only=True)


@EVERY_ERROR
@pytest.mark.parametrize("step", ["cleanup", "remove"])
def test_a_failing_clean_up_is_logged_and_replaces_nothing(
    world: World, tmp_path: Path, step: str, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong there, the attempt stays completed, and the other clean-up is still done."""
    world.fail_at[step] = error
    assert run_attempt(traced_task(world), tmp_path, world).status == "COMPLETED"
    assert world.calls[-3:] == ["publish", "cleanup", "remove"]
    assert any(record.exc_info and record.exc_info[1] is error for record in caplog.records)


@EVERY_ERROR
@pytest.mark.parametrize("step", ["download", "body", "fence 2", "publish"])
def test_the_first_failure_survives_a_failing_clean_up(
    world: World, tmp_path: Path, step: str, error: BaseException
) -> None:
    """Also when every clean-up fails as well, the result is that of the step that failed first."""
    world.fail_at |= {step: RuntimeError("first"), "cleanup": error, "remove": error}
    assert run_attempt(traced_task(world), tmp_path, world).reason_for_incompletion == "first"
    assert world.calls[-1] == "remove"


class _BrokenHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError("the log is broken")


@pytest.mark.parametrize(("step", "status"), [("body", "FAILED"), ("cleanup", "COMPLETED"), ("remove", "COMPLETED")])
def test_a_broken_log_changes_no_result(world: World, tmp_path: Path, step: str, status: str) -> None:
    """A log handler that raises, perhaps the body's own, does not fail the attempt."""
    logger, handler = logging.getLogger("perago"), _BrokenHandler()
    logger.addHandler(handler)
    world.fail_at[step] = KeyError("x")
    try:
        assert run_attempt(traced_task(world), tmp_path, world).status == status
    finally:
        logger.removeHandler(handler)
    assert world.calls[-1] == "remove"


@EVERY_ERROR
def test_a_failing_workspace_free_body_is_a_result(error: BaseException) -> None:
    """Without a workspace, too, whatever the body raises becomes the result."""

    @perago.task(name="matrix", owner_email="a@example.org")
    def body(params: Params) -> Params:
        raise error

    assert_failed_with(perago.run_workspace_free_task_attempt(body.__perago_task__, {"params": {}}), error)


class _Unreadable:
    """An attempt whose attributes raise, as a remote object's may."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __getattr__(self, name: str) -> object:
        raise self._error


@EVERY_ERROR
def test_an_attempt_that_cannot_be_read_is_a_result(world: World, tmp_path: Path, error: BaseException) -> None:
    """Once the task is of the right kind, no exception escapes: not even the attempt's own."""
    assert_failed_with(run_attempt(traced_task(world), tmp_path, world, attempt=_Unreadable(error)), error)
    assert world.calls == []


def test_a_root_that_is_no_path_is_a_result(world: World) -> None:
    """The caller's mistake in the workspace root, too, comes back as a failed attempt."""
    assert run_attempt(traced_task(world), None, world).status == "FAILED"  # type: ignore[arg-type]
