"""The contract's callables become ports and go to `run.py`: the only module with a wide signature."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from perago.attempt import TaskExecutionContext, assert_current_attempt_snapshot, execution_context
from perago.body import (
    build_workspace_free_task_output,
    build_workspace_task_output,
    invoke_workspace_free_task,
    invoke_workspace_task_body,
    refuse_workspace,
    workspace_spec,
)
from perago.config import DEFAULT_FAILURE_REASON_MAX_LENGTH
from perago.errors import TaskInputError
from perago.guards import StrPath
from perago.models import WorkspaceSpec
from perago.reference import WorkspaceInput
from perago.result import JsonObject, RuntimeTaskResult, checked_max_length
from perago.run import Stopwatch, WorkspaceRun, ended, run_without_workspace, run_workspace
from perago.staging import StagedWorkspace
from perago.task import TaskDefinition
from perago.workspace.manifest import Manifest
from perago.workspace.snapshot import Snapshot

__all__ = [
    "CleanupStaging",
    "CompleteNoOpWorkspace",
    "DownloadWorkspace",
    "LoadCurrentAttempt",
    "PublishWorkspace",
    "StageWorkspace",
    "StagedWorkspace",
    "TaskExecutionContext",
    "WorkspaceSnapshot",
    "build_workspace_free_task_output",
    "build_workspace_task_output",
    "invoke_workspace_free_task",
    "invoke_workspace_task_body",
    "run_workspace_free_task_attempt",
    "run_workspace_task_attempt",
]

A = TypeVar("A")

DownloadWorkspace = Callable[[WorkspaceInput, WorkspaceSpec, Path], object]
LoadCurrentAttempt = Callable[[A], object]
StageWorkspace = Callable[[Path, WorkspaceInput, WorkspaceSpec, TaskExecutionContext], StagedWorkspace]
PublishWorkspace = Callable[[StagedWorkspace, WorkspaceInput, WorkspaceSpec, TaskExecutionContext], str]
CleanupStaging = Callable[[StagedWorkspace], object]
CompleteNoOpWorkspace = Callable[[WorkspaceInput, WorkspaceSpec, TaskExecutionContext], str]
WorkspaceSnapshot = Snapshot


@dataclass(frozen=True)
class _CallableStore:
    fetch: DownloadWorkspace
    stage: StageWorkspace
    publish: PublishWorkspace
    delete_staging: CleanupStaging
    complete_noop: CompleteNoOpWorkspace

    def download(self, workspace: WorkspaceInput, spec: WorkspaceSpec, directory: Path) -> Manifest | None:
        """What the callback returns counts only when it is a manifest."""
        manifest = self.fetch(workspace, spec, directory)
        return manifest if isinstance(manifest, Manifest) else None

    def cleanup_staging(self, staged: StagedWorkspace) -> None:
        self.delete_staging(staged)


@dataclass(frozen=True)
class _LoadingFence(Generic[A]):
    attempt: A
    load: LoadCurrentAttempt[A]

    def check(self) -> None:
        assert_current_attempt_snapshot(self.attempt, self.load(self.attempt))


def _no_noop(workspace: WorkspaceInput, _spec: WorkspaceSpec, _execution: TaskExecutionContext) -> str:
    raise TaskInputError(
        f"the body changed nothing in {workspace.repository}/{workspace.branch}, "
        "and there is no complete_noop_workspace to complete such an attempt"
    )


def run_workspace_task_attempt(
    task: TaskDefinition,
    input_data: Mapping[str, Any],
    attempt: A,
    workspace_root: StrPath,
    *,
    download_workspace: DownloadWorkspace,
    load_current_attempt: LoadCurrentAttempt[A],
    stage_workspace: StageWorkspace,
    publish_workspace: PublishWorkspace,
    cleanup_staging: CleanupStaging,
    complete_noop_workspace: CompleteNoOpWorkspace | None = None,
    owner_worker_id: str | None = None,
    execution_id: str | None = None,
    failure_reason_max_length: int = DEFAULT_FAILURE_REASON_MAX_LENGTH,
) -> RuntimeTaskResult:
    """Run one attempt of a workspace task; whatever happens in it is in the result.

    Raises TaskInputError for a task without workspace, ValueError for a `failure_reason_max_length` below 1.
    """
    spec, max_length = workspace_spec(task), checked_max_length(failure_reason_max_length)
    store = _CallableStore(
        download_workspace, stage_workspace, publish_workspace, cleanup_staging, complete_noop_workspace or _no_noop
    )

    def run() -> JsonObject:
        return run_workspace(
            WorkspaceRun(
                task=task,
                spec=spec,
                input_data=input_data,
                execution=execution_context(attempt, execution_id),
                root=Path(workspace_root).absolute(),  # a body may change the working directory
                worker_id=owner_worker_id,
                store=store,
                fence=_LoadingFence(attempt, load_current_attempt),
            )
        )

    return ended(task, max_length, run).result


def run_workspace_free_task_attempt(
    task: TaskDefinition,
    input_data: Mapping[str, Any],
    *,
    failure_reason_max_length: int = DEFAULT_FAILURE_REASON_MAX_LENGTH,
) -> RuntimeTaskResult:
    """Run one attempt of a workspace-free task; whatever happens in it is in the result.

    Raises TaskInputError for a task with a workspace, ValueError for a `failure_reason_max_length` below 1.
    """
    refuse_workspace(task)
    max_length = checked_max_length(failure_reason_max_length)
    return ended(task, max_length, lambda: run_without_workspace(task, input_data, Stopwatch())).result
