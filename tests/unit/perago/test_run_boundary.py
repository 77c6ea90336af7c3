"""How an attempt ended, beyond what the contract's functions return: the exception, and the time of the body."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import perago
from perago.run import Stopwatch, WorkspaceRun, ended, run_workspace
from perago.workspace import directory
from perago.workspace.manifest import Manifest
from perago.workspace.snapshot import Snapshot, take_snapshot
from tests.unit.perago.kit import FakeAttempt, Outcome, Params, World, idle, payload, task_of, writing


@dataclass
class SlowWorld(World):
    """Each callback takes 100 seconds, the body 7."""

    now: float = 0

    def step(self, name: str) -> None:
        self.now += 100
        super().step(name)

    def body(self, workspace: Path, params: Params) -> Outcome:
        self.now += 7
        return writing(workspace, params)


@dataclass
class Ports:
    """The core's ports over a world."""

    world: SlowWorld
    download: Any = field(init=False)

    def __post_init__(self) -> None:
        self.download, self.stage, self.publish = self.world.download, self.world.stage, self.world.publish
        self.complete_noop, self.cleanup_staging = self.world.noop, self.world.cleanup

    def check(self) -> None:
        self.world.step("fence")


def test_the_stopwatch_measures_the_body_alone(tmp_path: Path) -> None:
    """Neither the download before it nor the comparison and the publication after it."""
    world = SlowWorld()
    task, ports, stopwatch = task_of(world.body), Ports(world), Stopwatch(lambda: world.now)
    assert task.workspace is not None
    execution = perago.TaskExecutionContext(FakeAttempt(), "e")
    run_workspace(WorkspaceRun(task, task.workspace, payload(), execution, tmp_path, None, ports, ports, stopwatch))
    assert world.calls == ["download", "fence", "stage", "fence", "publish", "cleanup"]
    assert stopwatch.seconds == 7


def test_a_body_that_fails_is_measured_too() -> None:
    """Until it has ended there is no time."""
    now = iter((10.0, 12.5))
    stopwatch = Stopwatch(lambda: next(now))
    assert stopwatch.seconds is None
    with pytest.raises(ZeroDivisionError), stopwatch.running():
        raise ZeroDivisionError
    assert stopwatch.seconds == 2.5


def test_how_an_attempt_ended_names_the_exception() -> None:
    """The exception itself, beside the result that it stands for."""
    error = perago.TaskFailed("why")

    def run() -> dict[str, Any]:
        raise error

    attempt = ended(task_of(idle), 500, run)
    assert (attempt.result.reason_for_incompletion, attempt.error) == ("why", error)
    assert ended(task_of(idle), 500, lambda: {"result": {}}).error is None


def leave(*_: object) -> dict[str, Any]:
    """What a body, or a library that it uses, may do."""
    raise SystemExit(0)


def test_a_body_that_leaves_the_process_has_failed() -> None:
    """sys.exit is no result."""
    assert ended(task_of(idle), 500, leave).result.status == "FAILED"


def test_a_clean_up_that_leaves_the_process_does_not_replace_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work is published."""
    monkeypatch.setattr(directory, "cleanup_attempt_workspace", leave)
    world = SlowWorld()
    task, ports = task_of(world.body), Ports(world)
    assert task.workspace is not None
    execution = perago.TaskExecutionContext(FakeAttempt(), "e")
    output = run_workspace(WorkspaceRun(task, task.workspace, payload(), execution, tmp_path, None, ports, ports))
    assert "result" in output


def test_a_log_handler_that_leaves_the_process_does_not_replace_the_result() -> None:
    """A body may have set it up."""

    class Leaving(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            leave()

    handler, log = Leaving(), logging.getLogger("perago")
    log.addHandler(handler)
    try:
        assert ended(task_of(idle), 500, leave).result.status == "FAILED"
    finally:
        log.removeHandler(handler)


def test_what_the_download_has_hashed_is_not_hashed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its manifest is the snapshot before the body."""
    world, downloaded, used = SlowWorld(), Manifest(), list[Manifest | None]()

    def snapshot(directory: Path, manifest: Manifest | None = None) -> Snapshot:
        used.append(manifest)
        return take_snapshot(directory)

    def download(*arguments: Any) -> Manifest:
        world.download(*arguments)
        return downloaded

    monkeypatch.setattr("perago.run.take_snapshot", snapshot)
    task, ports = task_of(world.body), Ports(world)
    assert task.workspace is not None
    ports.download = download
    execution = perago.TaskExecutionContext(FakeAttempt(), "e")
    run_workspace(WorkspaceRun(task, task.workspace, payload(), execution, tmp_path, None, ports, ports))
    assert len(used) == 1
    assert used[0] is downloaded


def test_an_unchanged_workspace_is_completed_with_the_output(tmp_path: Path) -> None:
    """The agent must know it before the task reports it: the task may not live to do so."""
    world = SlowWorld()
    task, ports = task_of(idle), Ports(world)
    assert task.workspace is not None
    execution = perago.TaskExecutionContext(FakeAttempt(), "e")
    output = run_workspace(WorkspaceRun(task, task.workspace, payload(), execution, tmp_path, None, ports, ports))
    assert world.executions[-1].output == {"result": output["result"]}
