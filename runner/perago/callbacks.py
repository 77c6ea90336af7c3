"""The callables that an integrator hands to the attempt core: their types, and how they become the core's ports."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from perago.attempt import TaskExecutionContext, assert_current_attempt_snapshot
from perago.errors import TaskInputError
from perago.models import WorkspaceSpec
from perago.reference import WorkspaceInput
from perago.staging import StagedWorkspace
from perago.workspace.manifest import Manifest
from perago.workspace.snapshot import Snapshot

A = TypeVar("A")

DownloadWorkspace = Callable[[WorkspaceInput, WorkspaceSpec, Path], object]
LoadCurrentAttempt = Callable[[A], object]
StageWorkspace = Callable[[Path, WorkspaceInput, WorkspaceSpec, TaskExecutionContext], StagedWorkspace]
PublishWorkspace = Callable[[StagedWorkspace, WorkspaceInput, WorkspaceSpec, TaskExecutionContext], str]
CleanupStaging = Callable[[StagedWorkspace], object]
CompleteNoOpWorkspace = Callable[[WorkspaceInput, WorkspaceSpec, TaskExecutionContext], str]
WorkspaceSnapshot = Snapshot


@dataclass(frozen=True)
class CallableStore:
    """The callbacks as `perago.ports.WorkspaceStore`."""

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
        """What the callback returns is ignored."""
        self.delete_staging(staged)


@dataclass(frozen=True)
class LoadingFence(Generic[A]):
    """`load_current_attempt` as `perago.ports.AttemptFence`."""

    attempt: A
    load: LoadCurrentAttempt[A]

    def check(self) -> None:
        """Load the attempt as it is now, and compare."""
        assert_current_attempt_snapshot(self.attempt, self.load(self.attempt))


def no_noop(workspace: WorkspaceInput, _spec: WorkspaceSpec, _execution: TaskExecutionContext) -> str:
    """Stands in for a `complete_noop_workspace` that was not given."""
    raise TaskInputError(
        f"the body changed nothing in {workspace.repository}/{workspace.branch}, "
        "and there is no complete_noop_workspace to complete such an attempt"
    )
