"""A whole workspace against a whole listing: what to upload, download and delete. Reads the local disk, no server."""

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import filterfalse
from pathlib import Path

from perago.errors import TaskInputError
from perago.exclusion import exclusion
from perago.guards import StrPath, posix_text
from perago.models import WorkspaceSpec
from perago.workspace.directory import scan
from perago.workspace.listing import workspace_local_paths
from perago.workspace.paths import is_folder_marker, some, workspace_local_path, workspace_object_path


@dataclass(frozen=True)
class WorkspaceUploadFile:
    """A file and the object that it becomes.

    Parameters
    ----------
    local_path : pathlib.Path
        The file.
    object_path : str
        The object's path in the repository.

    Examples
    --------
    >>> from pathlib import Path
    >>> import perago
    >>> perago.WorkspaceUploadFile(Path("/work/a.csv"), "data/a.csv").object_path
    'data/a.csv'
    """

    local_path: Path
    object_path: str


@dataclass(frozen=True)
class WorkspaceDownloadFile:
    """An object and the file that it becomes.

    Parameters
    ----------
    object_path : str
        The object's path in the repository.
    local_path : pathlib.Path
        The file, absolute.

    Examples
    --------
    >>> from pathlib import Path
    >>> import perago
    >>> perago.WorkspaceDownloadFile("data/a.csv", Path("/work/a.csv")).local_path.name
    'a.csv'
    """

    object_path: str
    local_path: Path


@dataclass(frozen=True)
class WorkspaceSyncPlan:
    """What makes the objects below the prefix equal to the workspace.

    Parameters
    ----------
    upload_files : list of WorkspaceUploadFile
        All files of the workspace, sorted by object path.
    delete_object_paths : list of str
        The objects without a file, sorted.

    Examples
    --------
    >>> import perago
    >>> perago.WorkspaceSyncPlan([], ["data/old.csv"]).changed_object_count
    1
    """

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
        what, they = ("is a symlink", "it") if len(links) == 1 else ("are symlinks", "them")
        remedy = f"remove {they}, or leave {they} out with WorkspaceSpec(exclude=[…])"
        raise TaskInputError(f"{some(links)} {what}; a workspace publishes regular files only: {remedy}")


def refuse_unreadable(root: Path, paths: Iterable[str]) -> None:
    """Raise TaskInputError naming those of these files whose modes keep their owner from reading them.

    Modes decide, not an attempt to open, so that the answer is the same for root, who may read everything.
    """
    closed = [repr(path) for path in paths if not (root / path).lstat().st_mode & stat.S_IRUSR]
    if closed:
        raise TaskInputError(f"{some(closed)} cannot be published: the mode does not let the owner read it")


def workspace_upload_files(workspace_dir: StrPath, spec: WorkspaceSpec) -> list[WorkspaceUploadFile]:
    """List the files of a workspace with the objects that they become.

    Parameters
    ----------
    workspace_dir : str or os.PathLike
        The workspace.
    spec : WorkspaceSpec
        Its declaration.

    Returns
    -------
    list of WorkspaceUploadFile
        All files but the attempt's marker and those that `spec.exclude` matches, sorted by object path; empty
        directories do not count.

    Raises
    ------
    TaskInputError
        There are symlinks, or files whose paths cannot be those of objects; the message names them.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import perago
    >>> with tempfile.TemporaryDirectory() as workspace:
    ...     _ = Path(workspace, "a.csv").write_text("1")
    ...     files = perago.workspace_upload_files(workspace, perago.WorkspaceSpec(prefix="data"))
    >>> [file.object_path for file in files]
    ['data/a.csv']
    """
    root = Path(workspace_dir)
    paths = sorted(filterfalse(exclusion(spec.exclude), scan(root.resolve())))
    refuse_symlinks(root, paths)
    files = [WorkspaceUploadFile(root / path, workspace_object_path(spec, path)) for path in paths]
    return sorted(files, key=lambda file: file.object_path)


def workspace_download_files(
    workspace_dir: StrPath, spec: WorkspaceSpec, object_paths: Iterable[StrPath]
) -> list[WorkspaceDownloadFile]:
    """List the objects below the prefix with the files that they become.

    Parameters
    ----------
    workspace_dir : str or os.PathLike
        The workspace.
    spec : WorkspaceSpec
        Its declaration.
    object_paths : iterable of str or os.PathLike
        A listing of the repository.

    Returns
    -------
    list of WorkspaceDownloadFile
        Sorted by object path, with absolute local paths. Objects outside the prefix, folder markers (`data/`) and the
        attempt's marker are left out.

    Raises
    ------
    TaskInputError
        One directory tree cannot hold all the objects; the message names those that are in the way.

    Examples
    --------
    >>> import perago
    >>> spec = perago.WorkspaceSpec(prefix="data")
    >>> files = perago.workspace_download_files("/work", spec, ["data/a.csv", "data2/b.csv"])
    >>> [(file.object_path, file.local_path.as_posix()) for file in files]
    [('data/a.csv', '/work/a.csv')]
    """
    root = Path(workspace_dir).absolute()
    local_paths = workspace_local_paths(spec, object_paths)
    return [WorkspaceDownloadFile(path, root / local) for path, local in local_paths.items()]


def workspace_delete_object_paths(
    spec: WorkspaceSpec, existing_object_paths: Iterable[StrPath], uploaded_files: Iterable[WorkspaceUploadFile]
) -> list[str]:
    """List the objects that a publication has to delete.

    Parameters
    ----------
    spec : WorkspaceSpec
        The workspace's declaration.
    existing_object_paths : iterable of str or os.PathLike
        A listing of the repository.
    uploaded_files : iterable of WorkspaceUploadFile
        What `workspace_upload_files` returned.

    Returns
    -------
    list of str
        The existing objects below the prefix that are not among the uploads, sorted; folder markers (`data/`) stay, and
        so does what `spec.exclude` matches.

    Raises
    ------
    TaskInputError
        An existing path is unsafe; the message names it.

    Examples
    --------
    >>> import perago
    >>> spec = perago.WorkspaceSpec(prefix="data")
    >>> perago.workspace_delete_object_paths(spec, ["data/old.csv", "data2/b.csv"], [])
    ['data/old.csv']
    """
    uploaded = {file.object_path for file in uploaded_files}
    existing = {path for path in map(posix_text, existing_object_paths) if not is_folder_marker(path)}
    excluded = exclusion(spec.exclude)
    local_paths = ((path, workspace_local_path(spec, path)) for path in existing - uploaded)
    return sorted(path for path, local in local_paths if local is not None and not excluded(local.as_posix()))


def build_workspace_sync_plan(
    workspace_dir: StrPath, spec: WorkspaceSpec, existing_object_paths: Iterable[StrPath]
) -> WorkspaceSyncPlan:
    """Plan the uploads and deletes that make the objects below the prefix equal to a workspace.

    Parameters
    ----------
    workspace_dir : str or os.PathLike
        The workspace.
    spec : WorkspaceSpec
        Its declaration.
    existing_object_paths : iterable of str or os.PathLike
        A listing of the repository.

    Returns
    -------
    WorkspaceSyncPlan
        The uploads and the deletes.

    Raises
    ------
    TaskInputError
        As `workspace_upload_files` and `workspace_delete_object_paths` do.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import perago
    >>> with tempfile.TemporaryDirectory() as workspace:
    ...     _ = Path(workspace, "new.csv").write_text("1,2")
    ...     plan = perago.build_workspace_sync_plan(workspace, perago.WorkspaceSpec(), ["old.csv"])
    ...     plan.changed_object_count, plan.upload_bytes, plan.delete_object_paths
    (2, 3, ['old.csv'])
    """
    uploads = workspace_upload_files(workspace_dir, spec)
    return WorkspaceSyncPlan(uploads, workspace_delete_object_paths(spec, existing_object_paths, uploads))
