"""The attempt: its phases, one function each, and the one function that calls them in order.

Asks the world through ports only. From the first phase on, every exception becomes a result; clean-up is best effort
and never replaces it.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from perago.attempt import Changes, TaskExecutionContext
from perago.body import invoke_workspace_free_task, invoke_workspace_task_body
from perago.models import WorkspaceSpec
from perago.payload import called, read_workspace
from perago.ports import AttemptFence, WorkspaceStore
from perago.reference import WorkspaceInput
from perago.result import JsonObject, RuntimeTaskResult, completed_result, result_for_exception
from perago.staging import StagedWorkspace
from perago.task import TaskDefinition
from perago.workspace import directory as local
from perago.workspace.manifest import Manifest
from perago.workspace.owner import (
    new_workspace_owner,
    register_active_workspace_owner,
    unregister_active_workspace_owner,
)
from perago.workspace.snapshot import changes_since, take_snapshot

_log = logging.getLogger("perago")


@dataclass(frozen=True)
class Ended:
    """How an attempt ended: its result, and the exception that a failure stands for."""

    result: RuntimeTaskResult
    error: BaseException | None = None


@dataclass
class Stopwatch:
    """Measures the body, with its guardrails and the validation of what goes in and comes out."""

    clock: Callable[[], float] = time.monotonic
    seconds: float | None = None
    """None until the body has ended."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """The body runs inside this block."""
        start = self.clock()
        try:
            yield
        finally:
            self.seconds = self.clock() - start


@dataclass(frozen=True)
class WorkspaceRun:
    """One execution of a workspace task, with all that its phases need."""

    task: TaskDefinition
    spec: WorkspaceSpec
    input_data: Mapping[str, Any]
    execution: TaskExecutionContext
    root: Path
    worker_id: str | None
    store: WorkspaceStore
    fence: AttemptFence
    stopwatch: Stopwatch = field(default_factory=Stopwatch)


def run_workspace(run: WorkspaceRun) -> JsonObject:
    """All phases in order; the output `{"workspace": …, "result": …}`. It leaves nothing of its own behind."""
    with ExitStack() as cleanup:
        workspace = read_workspace(run.task, run.input_data)
        directory = prepare(run, cleanup)
        manifest = download(run, workspace, directory)
        if run.spec.read_only:
            output = execute(run, directory)
            return completed_at(workspace, workspace.ref, output)
        before = take_snapshot(directory, manifest)
        output = execute(run, directory)
        changes = changes_since(before, directory, run.spec.exclude)
        run.fence.check()
        ref = publish(run, workspace, directory, changes, output, cleanup) if changes else keep(run, workspace, output)
        return completed_at(workspace, ref, output)


def prepare(run: WorkspaceRun, cleanup: ExitStack) -> Path:
    """Make the attempt's directory, marked as ours; both are undone at the end."""
    owner = new_workspace_owner(run.worker_id)
    register_active_workspace_owner(owner)
    cleanup.callback(unregister_active_workspace_owner, owner)
    directory = local.prepare_attempt_workspace(run.root, run.execution, owner)
    cleanup.callback(_best_effort, f"removing {directory}", local.cleanup_attempt_workspace, directory)
    return directory


def download(run: WorkspaceRun, workspace: WorkspaceInput, directory: Path) -> Manifest | None:
    """Fetch the input ref; the manifest of what was fetched, if the store keeps one."""
    return run.store.download(workspace, run.spec, directory)


def execute(run: WorkspaceRun, directory: Path) -> JsonObject:
    """Params, guardrails, the body, its result: `{"result": …}`."""
    with run.stopwatch.running():
        return invoke_workspace_task_body(run.task, run.input_data, directory)


def run_without_workspace(task: TaskDefinition, input_data: Mapping[str, Any], stopwatch: Stopwatch) -> JsonObject:
    """The only phase of a workspace-free task; the output `{"result": …}`."""
    with stopwatch.running():
        return invoke_workspace_free_task(task, input_data)


def keep(run: WorkspaceRun, workspace: WorkspaceInput, output: JsonObject) -> str:
    """Nothing changed: the ref that the target branch keeps."""
    return run.store.complete_noop(workspace, run.spec, replace(run.execution, changes=Changes(), output=output))


def publish(
    run: WorkspaceRun,
    workspace: WorkspaceInput,
    directory: Path,
    changes: Changes,
    output: JsonObject,
    cleanup: ExitStack,
) -> str:
    """Stage, prove once more that the attempt is current, publish; the new ref. The staging branch goes at the end."""
    execution = replace(run.execution, changes=changes)
    staged = run.store.stage(directory, workspace, run.spec, execution)
    cleanup.callback(_delete_staging, run.store, staged)
    run.fence.check()
    return run.store.publish(staged, workspace, run.spec, replace(execution, output=output))


def completed_at(workspace: WorkspaceInput, ref: str, output: JsonObject) -> JsonObject:
    """The attempt's output at the ref it ended on."""
    return {"workspace": workspace.published_output(ref).model_dump(), **output}


def ended(task: TaskDefinition, max_length: int, run: Callable[[], JsonObject]) -> Ended:
    """The attempt boundary: an output is COMPLETED, any exception a failure, logged here with its traceback.

    KeyboardInterrupt and GeneratorExit are not the attempt's and go on.
    """
    try:
        return Ended(completed_result(run()))
    except (KeyboardInterrupt, GeneratorExit):  # whoever runs the process, or the generator, ends it
        raise
    except BaseException as error:  # noqa: BLE001 - the boundary: sys.exit in a body, too, is a result
        _log_failure(f"an attempt of {called(task)}")
        return Ended(result_for_exception(error, max_length=max_length), error)


def _best_effort(what: str, act: Callable[..., object], *arguments: object) -> None:
    try:
        act(*arguments)
    except BaseException:  # noqa: BLE001 - clean-up never replaces the result, whatever its class
        _log_failure(what)


def _delete_staging(store: WorkspaceStore, staged: StagedWorkspace) -> None:
    try:
        store.cleanup_staging(staged)
    except BaseException as error:  # noqa: BLE001 - as in `_best_effort`
        with suppress(BaseException):
            _log_leak(staged, error)


def _log_leak(staged: StagedWorkspace, error: BaseException) -> None:
    """Say which branch is left behind, with fields that a log can be searched for."""
    from loguru import logger  # an import of its size is for those few attempts only

    fields = {f"staging_{name}": getattr(staged, name, None) for name in ("repository", "branch", "commit")}
    logger.bind(**fields).opt(exception=error).error(
        "deleting the staging branch failed, and it is left behind: {}", fields
    )


def _log_failure(what: str) -> None:
    with suppress(BaseException):  # a log handler of the body's must not change how its attempt ends
        _log.exception("%s failed", what)
