"""What the attempt core needs from the world, as the core would like to ask for it. Protocols only."""

from pathlib import Path
from typing import Protocol

from perago.attempt import TaskExecutionContext
from perago.models import WorkspaceSpec
from perago.reference import WorkspaceInput
from perago.staging import StagedWorkspace
from perago.workspace.manifest import Manifest


class WorkspaceStore(Protocol):
    """Where workspaces come from and go to."""

    def download(self, workspace: WorkspaceInput, spec: WorkspaceSpec, directory: Path) -> Manifest | None:
        """Put the input ref's objects below the prefix into the directory; the manifest of them, when there is one."""

    def stage(
        self, directory: Path, workspace: WorkspaceInput, spec: WorkspaceSpec, execution: TaskExecutionContext
    ) -> StagedWorkspace:
        """Put `execution.changes` on a new staging branch made from the input ref, and commit them."""

    def publish(
        self, staged: StagedWorkspace, workspace: WorkspaceInput, spec: WorkspaceSpec, execution: TaskExecutionContext
    ) -> str:
        """Advance the target branch to the staged commit, past the publish fence; the new ref."""

    def complete_noop(self, workspace: WorkspaceInput, spec: WorkspaceSpec, execution: TaskExecutionContext) -> str:
        """Make the input ref the target's head again where that is needed, past the publish fence; the ref."""

    def cleanup_staging(self, staged: StagedWorkspace) -> None:
        """Delete the staging branch."""


class AttemptFence(Protocol):
    """The proof that the attempt is still the current one."""

    def check(self) -> None:
        """Raise StaleAttemptError unless the attempt is current; to be called right before a side effect."""
