"""A local folder in place of lakeFS: gives a copy, and shows or applies what would be published."""

import difflib
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from perago.attempt import Attempt, TaskExecutionContext
from perago.models import WorkspaceSpec
from perago.reference import WorkspaceInput
from perago.staging import StagedWorkspace
from perago.workspace import ATTEMPT_WORKSPACE_MARKER, refuse_symlinks, workspace_object_path
from perago.workspace.plan import Changes

LONGEST_DIFF_BYTES = 64 * 1024
"""Of a text file whose difference is shown line by line."""

NEW_REF = "local-published"


@dataclass(frozen=True)
class LocalAttempt:
    """An attempt that nobody else works on."""

    task_def_name: str
    status: str = "IN_PROGRESS"
    workflow_instance_id: str = "local"
    task_id: str = "local"
    retry_count: int = 0
    reference_task_name: str = "local"
    seq: int = 0
    iteration: int = 0


@dataclass
class Folder:
    """The attempt core's callbacks on a folder; keeps what would be published, and when each step ended."""

    path: Path
    in_place: bool = False
    changes: Changes = field(default_factory=Changes)
    diff: list[str] = field(default_factory=list)
    marks: dict[str, float] = field(default_factory=dict)

    def download(self, _workspace: WorkspaceInput, _spec: WorkspaceSpec, directory: Path) -> None:
        """Copy the folder; symlinks in it are copied as such."""
        self._mark("started")
        ignored = shutil.ignore_patterns(ATTEMPT_WORKSPACE_MARKER)
        shutil.copytree(self.path, directory, symlinks=True, ignore=ignored, dirs_exist_ok=True)
        self._mark("downloading")

    def load(self, attempt: Attempt) -> Attempt:
        """The attempt is always current; called first when the body has ended and its changes are known."""
        self.marks.setdefault("executing", time.perf_counter())
        return attempt

    def stage(
        self, directory: Path, _workspace: WorkspaceInput, spec: WorkspaceSpec, execution: TaskExecutionContext
    ) -> StagedWorkspace:
        """Check that every change can be published, and keep it."""
        self.changes = execution.changes or Changes()
        refuse_symlinks(directory, self.changes.uploads)
        for path in self.changes.uploads:
            workspace_object_path(spec, path)
        self.diff = [line for path in self._touched() for line in _file_diff(self.path / path, directory / path, path)]
        self._mark("staging")
        return StagedWorkspace("local", str(directory), NEW_REF)

    def publish(
        self,
        staged: StagedWorkspace,
        _workspace: WorkspaceInput,
        _spec: WorkspaceSpec,
        _execution: TaskExecutionContext,
    ) -> str:
        """Apply the changes to the folder when that is wanted."""
        if self.in_place:
            self._apply(Path(staged.branch))
        self._mark("publishing")
        return NEW_REF

    def complete_noop(self, workspace: WorkspaceInput, _spec: WorkspaceSpec, _execution: TaskExecutionContext) -> str:
        """Nothing to do."""
        return workspace.ref

    def cleanup(self, _staged: StagedWorkspace) -> None:
        """Nothing to do: the attempt's directory is removed by the core."""

    def _touched(self) -> list[str]:
        return sorted((*self.changes.uploads, *self.changes.deleted))

    def _apply(self, directory: Path) -> None:
        for path in self.changes.deleted:
            (self.path / path).unlink()
            _remove_empty(self.path, (self.path / path).parent)
        for path in self.changes.uploads:
            (self.path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(directory / path, self.path / path)

    def _mark(self, name: str) -> None:
        self.marks[name] = time.perf_counter()


def _remove_empty(root: Path, folder: Path) -> None:
    while folder != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _file_diff(before: Path, after: Path, name: str) -> list[str]:
    old, new = _lines(before), _lines(after)
    if old is None or new is None:
        return []
    return list(difflib.unified_diff(old, new, f"before/{name}", f"after/{name}", lineterm=""))


def _lines(path: Path) -> list[str] | None:
    """A text file's lines, none for a file that is not there; None when it is not text or too long to show."""
    if not path.is_file():
        return []
    if path.stat().st_size > LONGEST_DIFF_BYTES:
        return None
    try:
        return path.read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        return None
