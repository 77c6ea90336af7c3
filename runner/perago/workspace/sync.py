"""A whole workspace against a whole listing: what to upload, download and delete. Reads the local disk, no server."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from perago.errors import TaskInputError
from perago.guards import StrPath, posix_text
from perago.models import WorkspaceSpec
from perago.workspace.directory import scan
from perago.workspace.paths import (
    is_folder_marker,
    some,
    workspace_local_path,
    workspace_local_paths,
    workspace_object_path,
)


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
    """Raise TaskInputError naming those of these workspace-relative paths that are symlinks."""
    links = [repr(path) for path in paths if (root / path).is_symlink()]
    if links:
        what = "is a symlink" if len(links) == 1 else "are symlinks"
        raise TaskInputError(f"{some(links)} {what}; a workspace publishes regular files only")


def workspace_upload_files(workspace_dir: StrPath, spec: WorkspaceSpec) -> list[WorkspaceUploadFile]:
    """Every file of the workspace with its object path; raises TaskInputError that names the symlinks among them."""
    root = Path(workspace_dir)
    paths = sorted(scan(root.resolve()))
    refuse_symlinks(root, paths)
    files = [WorkspaceUploadFile(root / path, workspace_object_path(spec, path)) for path in paths]
    return sorted(files, key=lambda file: file.object_path)


def workspace_download_files(
    workspace_dir: StrPath, spec: WorkspaceSpec, object_paths: Iterable[StrPath]
) -> list[WorkspaceDownloadFile]:
    """Every object under the prefix with the file it becomes; raises TaskInputError as `workspace_local_paths` does."""
    root = Path(workspace_dir).absolute()
    local_paths = workspace_local_paths(spec, object_paths)
    return [WorkspaceDownloadFile(path, root / local) for path, local in local_paths.items()]


def workspace_delete_object_paths(
    spec: WorkspaceSpec, existing_object_paths: Iterable[StrPath], uploaded_files: Iterable[WorkspaceUploadFile]
) -> list[str]:
    """The existing objects under the prefix that are not among the uploaded files."""
    uploaded = {file.object_path for file in uploaded_files}
    existing = {path for path in map(posix_text, existing_object_paths) if not is_folder_marker(path)}
    return sorted(path for path in existing - uploaded if workspace_local_path(spec, path) is not None)


def build_workspace_sync_plan(
    workspace_dir: StrPath, spec: WorkspaceSpec, existing_object_paths: Iterable[StrPath]
) -> WorkspaceSyncPlan:
    """All uploads and deletes that make the objects under the prefix equal to the workspace."""
    uploads = workspace_upload_files(workspace_dir, spec)
    return WorkspaceSyncPlan(uploads, workspace_delete_object_paths(spec, existing_object_paths, uploads))
