"""A local folder in place of lakeFS: copies it, and shows or applies what would be published."""

import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from perago.agent.outcome import check_output
from perago.attempt import Attempt, Changes, TaskExecutionContext
from perago.cli.difference import difference
from perago.cli.output import tell
from perago.errors import TaskExecutionError, TaskInputError
from perago.models import WorkspaceSpec
from perago.reference import WorkspaceInput
from perago.staging import StagedWorkspace
from perago.wire import IN_PROGRESS, CurrentAttempt
from perago.workspace import ATTEMPT_WORKSPACE_MARKER, refuse_symlinks, refuse_unreadable, workspace_object_path

NEW_REF = "local-published"


def local_attempt(task_type: str) -> CurrentAttempt:
    """An attempt without competitors."""
    return CurrentAttempt(
        task_type=task_type,
        workflow_instance_id="local",
        task_id="local",
        reference_task_name="local",
        seq=0,
        status=IN_PROGRESS,
    )


@dataclass
class Folder:
    """The attempt core's callbacks on a folder; keeps what would be published and when each step ended."""

    path: Path
    in_place: bool = False
    changes: Changes | None = None
    """None until the body has ended and its changes are known."""
    diff: list[str] = field(default_factory=list)
    applying: bool = False
    applied: bool = False
    marks: dict[str, float] = field(default_factory=dict)

    def download(self, _workspace: WorkspaceInput, _spec: WorkspaceSpec, directory: Path) -> None:
        """Copy the folder; symlinks in it are copied as such."""
        self.mark("started")
        left_out = {str(self.path / ATTEMPT_WORKSPACE_MARKER), str(directory.parent)}
        try:
            shutil.copytree(
                self.path,
                directory,
                symlinks=True,
                ignore=lambda folder, names: [name for name in names if os.path.join(folder, name) in left_out],  # noqa: PTH118 - as copytree has them
                dirs_exist_ok=True,
            )
        except shutil.Error as error:
            reasons = "; ".join(f"{source}: {reason}" for source, _, reason in error.args[0][:5])
            raise TaskInputError(f"the workspace {self.path} cannot be copied: {reasons}") from error
        self.mark("downloading")

    def load(self, attempt: Attempt) -> Attempt:
        """The attempt is always current. This is first called when the body has ended and its changes are known."""
        if "executing" not in self.marks:
            self.mark("executing")
        return attempt

    def stage(
        self, directory: Path, _workspace: WorkspaceInput, spec: WorkspaceSpec, execution: TaskExecutionContext
    ) -> StagedWorkspace:
        """Check that every change can be published, and keep it."""
        self.changes = execution.changes or Changes()
        refuse_symlinks(directory, self.changes.uploads)
        refuse_unreadable(directory, self.changes.uploads)
        for path in self.changes.uploads:
            workspace_object_path(spec, path)
        self.diff = difference(self.path, directory, sorted((*self.changes.uploads, *self.changes.deleted)))
        self.mark("staging")
        return StagedWorkspace("local", str(directory), NEW_REF)

    def publish(
        self,
        staged: StagedWorkspace,
        workspace: WorkspaceInput,
        _spec: WorkspaceSpec,
        execution: TaskExecutionContext,
    ) -> str:
        """Apply the changes to the folder if requested, and if the output can be recorded."""
        check_output({"workspace": workspace.published_output(NEW_REF).model_dump(), **(execution.output or {})})
        if self.in_place:
            self._apply_or_say(Path(staged.branch))
        self.mark("publishing")
        return NEW_REF

    def complete_noop(self, workspace: WorkspaceInput, _spec: WorkspaceSpec, execution: TaskExecutionContext) -> str:
        """Record that nothing changed."""
        self.changes = execution.changes or Changes()
        return workspace.ref

    def cleanup(self, _staged: StagedWorkspace) -> None:
        """Nothing to do: the attempt's directory is removed by the core."""

    def mark(self, name: str) -> None:
        """Remember when a step ended."""
        self.marks[name] = time.perf_counter()

    def _apply_or_say(self, directory: Path) -> None:
        self.applying = True
        partly = f"{self.path} may contain part of the changes"
        try:
            apply(self.changes or Changes(), directory, self.path)
        except OSError as error:
            raise TaskExecutionError(f"{error.filename} cannot be changed: {error.strerror}; {partly}") from error
        except BaseException:
            tell(partly)
            raise
        self.applied = True


def apply(changes: Changes, directory: Path, folder: Path) -> None:
    """Give the folder the content that the branch would have; deletions go first: a file may replace a folder."""
    for path in changes.deleted:
        (folder / path).unlink()
        _remove_empty(folder, (folder / path).parent)
    for path in changes.uploads:
        target = folder / path
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(directory / path, target)


def _remove_empty(root: Path, folder: Path) -> None:
    while folder != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
