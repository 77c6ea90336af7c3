"""A whole workspace against a whole listing: what to upload, download and delete. Reads the local disk, no server."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from perago.errors import TaskInputError
from perago.models import WorkspaceSpec
from perago.workspace.directory import scan
from perago.workspace.paths import workspace_local_path, workspace_local_paths, workspace_object_path


@dataclass(frozen=True)
class WorkspaceUploadFile:
    """A file and the object that it becomes."""

    local_path: Path
    object_path: str


@dataclass(frozen=True)
class WorkspaceDownloadFile:
    """An object and the file that it becomes."""

    object_path: str
    local_path: Path


@dataclass(frozen=True)
class WorkspaceSyncPlan:
    """What makes the repository equal to the workspace; both lists sorted by object path."""

    upload_files: list[WorkspaceUploadFile]
    delete_object_paths: list[str]

    @property
    def changed_object_count(self) -> int:
        """Uploads and deletes together."""
        return len(self.upload_files) + len(self.delete_object_paths)

    @property
    def upload_bytes(self) -> int:
        """Bytes to upload, from the files' sizes now."""
        return sum(file.local_path.stat().st_size for file in self.upload_files)


def refuse_symlinks(root: Path, paths: Iterable[str]) -> None:
    """Raise TaskInputError naming the first of these workspace-relative paths that is a symlink."""
    for path in paths:
        if (root / path).is_symlink():
            raise TaskInputError(f"{path!r} is a symlink; a workspace publishes regular files only")


def workspace_upload_files(spec: WorkspaceSpec, root: Path) -> list[WorkspaceUploadFile]:
    """Every file of the workspace with its object path; raises TaskInputError that names a symlink among them."""
    paths = sorted(scan(root.resolve()))
    refuse_symlinks(root, paths)
    files = [WorkspaceUploadFile(root / path, workspace_object_path(spec, path)) for path in paths]
    return sorted(files, key=lambda file: file.object_path)


def workspace_download_files(
    spec: WorkspaceSpec, root: Path, object_paths: Iterable[str]
) -> list[WorkspaceDownloadFile]:
    """Every object under the prefix with the file it becomes; raises TaskInputError as `workspace_local_paths` does."""
    local_paths = workspace_local_paths(spec, object_paths)
    return [WorkspaceDownloadFile(path, root / local) for path, local in local_paths.items()]


def workspace_delete_object_paths(spec: WorkspaceSpec, root: Path, object_paths: Iterable[str]) -> list[str]:
    """The objects under the prefix that are files of the workspace no longer."""
    present = {workspace_object_path(spec, path) for path in scan(root.resolve())}
    gone = set(object_paths) - present
    return sorted(path for path in gone if workspace_local_path(spec, path) is not None)


def build_workspace_sync_plan(spec: WorkspaceSpec, root: Path, object_paths: Iterable[str]) -> WorkspaceSyncPlan:
    """All uploads and deletes that make the objects under the prefix equal to the workspace."""
    return WorkspaceSyncPlan(
        workspace_upload_files(spec, root), workspace_delete_object_paths(spec, root, object_paths)
    )
