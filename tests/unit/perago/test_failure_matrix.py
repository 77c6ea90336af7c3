"""The failure matrix: an exception of any class, at any step, and all that happens then, in order.

Steps that are no callbacks are recorded by the code that the author supplies (models, guardrails, body) and by
wrappers around the core's own functions.
"""

import errno
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from loguru import logger
from pydantic import BaseModel, ValidationError, model_validator

import perago
from perago.guards import Guardrail
from perago.workspace import active_workspace_owner_tokens
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
GOING_ON = (KeyboardInterrupt, GeneratorExit)
"""Not the attempt's to answer: they pass through it."""
NO_TEXT = {
    SystemExit: "SystemExit: 3",
    MemoryError: "MemoryError",
    StopIteration: "StopIteration",
    _SilentError: "_SilentError",
}


def assert_failed_with(result: perago.RuntimeTaskResult, error: BaseException, step: str = "") -> None:
    """The contract's result for this exception; a validator's ValueError is put into the words of the model."""
    terminal = isinstance(error, perago.TaskTerminalError)
    assert result.status == ("FAILED_WITH_TERMINAL_ERROR" if terminal else "FAILED")
    reason = str(result.reason_for_incompletion)
    if step in ("params", "result") and isinstance(error, ValueError):
        assert reason.startswith(f"Traced{step.capitalize()}")
    elif isinstance(error, ValidationError):
        assert reason.startswith("Params.count: Input should be a valid integer")
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
    result = result_unless_going_on(error, lambda: run_attempt(traced_task(world, **kind), root, world), step)
    assert world.calls == happens
    assert list(root.iterdir()) == []
    assert active_workspace_owner_tokens() == frozenset()
    if step == "nothing":
        assert result is not None
        assert result.status == "COMPLETED"
    elif result is not None:
        assert_failed_with(result, error, step)


def result_unless_going_on(
    error: BaseException, act: Callable[[], perago.RuntimeTaskResult], step: str = ""
) -> perago.RuntimeTaskResult | None:
    """The attempt's result; None when the exception is one that must come out of it, and does."""
    if step == "nothing" or not isinstance(error, GOING_ON):
        return act()
    with pytest.raises(type(error)) as caught:
        act()
    assert caught.value is error
    return None


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
    with loguru_records() as leaks:
        assert run_attempt(traced_task(world), tmp_path, world).status == "COMPLETED"
    assert world.calls[-3:] == ["publish", "cleanup", "remove"]
    logged = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert error in [*logged, *(leak["exception"].value for leak in leaks)]


def test_a_staging_branch_that_is_left_behind_is_logged_with_its_name(world: World, tmp_path: Path) -> None:
    """Repository, branch and commit are fields of one error record, which also has the exception."""
    world.fail_at["cleanup"] = OSError("no route to host")
    with loguru_records() as leaks:
        run_attempt(traced_task(world), tmp_path, world, execution_id="e1")
    (leak,) = leaks
    branch = "perago-staging-wf-1-build-seq-3-iteration-0-task-id-task-1-retry-0-exec-e1"
    fields = {"staging_repository": "repo", "staging_branch": branch, "staging_commit": "C"}
    assert (leak["level"].name, leak["extra"], leak["exception"].type) == ("ERROR", fields, OSError)
    assert branch in leak["message"]


@contextmanager
def loguru_records() -> Iterator[list[Any]]:
    """The records that loguru gets inside this block."""
    records: list[Any] = []
    sink = logger.add(lambda message: records.append(message.record), level=0, format="{message}")
    try:
        yield records
    finally:
        logger.remove(sink)


@EVERY_ERROR
@pytest.mark.parametrize("step", ["download", "body", "fence 2", "publish"])
def test_the_first_failure_survives_a_failing_clean_up(
    world: World, tmp_path: Path, step: str, error: BaseException
) -> None:
    """Also when every clean-up fails as well, the result is that of the step that failed first."""
    world.fail_at |= {step: RuntimeError("first"), "cleanup": error, "remove": error}
    assert run_attempt(traced_task(world), tmp_path, world).reason_for_incompletion == "first"
    assert world.calls[-1] == "remove"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit()], ids=["KeyboardInterrupt", "GeneratorExit"])
def test_an_interruption_goes_on_although_the_clean_up_fails(
    world: World, tmp_path: Path, error: BaseException
) -> None:
    """Every clean-up is tried, what goes wrong in it is logged, and the interruption comes out."""
    world.fail_at |= {"publish": error, "cleanup": RuntimeError("second"), "remove": RuntimeError("third")}
    assert result_unless_going_on(error, lambda: run_attempt(traced_task(world), tmp_path, world)) is None
    assert world.calls[-3:] == ["publish", "cleanup", "remove"]


class _BrokenHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError("the log is broken")


def _broken_sink(_message: object) -> None:
    raise RuntimeError("the log is broken")


@pytest.mark.parametrize(("step", "status"), [("body", "FAILED"), ("cleanup", "COMPLETED"), ("remove", "COMPLETED")])
def test_a_broken_log_changes_no_result(world: World, tmp_path: Path, step: str, status: str) -> None:
    """A log handler that raises, perhaps the body's own, does not fail the attempt."""
    log, handler = logging.getLogger("perago"), _BrokenHandler()
    log.addHandler(handler)
    sink = logger.add(_broken_sink, catch=False)
    world.fail_at[step] = KeyError("x")
    try:
        assert run_attempt(traced_task(world), tmp_path, world).status == status
    finally:
        log.removeHandler(handler)
        logger.remove(sink)
    assert world.calls[-1] == "remove"


@EVERY_ERROR
def test_a_failing_workspace_free_body_is_a_result(error: BaseException) -> None:
    """Without a workspace, too, whatever the body raises becomes the result."""

    @perago.task(name="matrix", owner_email="a@example.org")
    def body(params: Params) -> Params:
        raise error

    task = body.__perago_task__
    result = result_unless_going_on(error, lambda: perago.run_workspace_free_task_attempt(task, {"params": {}}))
    if result is not None:
        assert_failed_with(result, error)


class _Unreadable:
    """An attempt whose attributes raise, as a remote object's may."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __getattr__(self, name: str) -> object:
        raise self._error


@EVERY_ERROR
def test_an_attempt_that_cannot_be_read_is_a_result(world: World, tmp_path: Path, error: BaseException) -> None:
    """Once the task is of the right kind, no exception escapes: not even the attempt's own."""
    unreadable = _Unreadable(error)
    result = result_unless_going_on(error, lambda: run_attempt(traced_task(world), tmp_path, world, attempt=unreadable))
    if result is not None:
        assert_failed_with(result, error)
    assert world.calls == []


def test_a_root_that_is_no_path_is_a_result(world: World) -> None:
    """The caller's mistake in the workspace root, too, comes back as a failed attempt."""
    assert run_attempt(traced_task(world), None, world).status == "FAILED"  # type: ignore[arg-type]
