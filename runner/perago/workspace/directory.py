"""The attempt's directory on the local disk: make, mark, walk, snapshot, remove. Knows no lakeFS and hashes nothing.

The marker file says whose a directory is and takes no part in the workspace's content.
"""

import json
import logging
import os
import shutil
import stat
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from perago.guards import StrPath
from perago.staging import safe_value
from perago.workspace.owner import WorkspaceOwner, new_workspace_owner
from perago.workspace.paths import ATTEMPT_WORKSPACE_MARKER
from perago.workspace.plan import Kind, Stat

_log = logging.getLogger("perago")


_lock = threading.Lock()
_own_directories: set[Path] = set()
"""The directories that this process made, which are known by that when a body has spoiled their markers."""


def attempt_workspace_dir(root: StrPath, attempt: object) -> Path:
    """Where the directory of one execution of an attempt belongs.

    Parameters
    ----------
    root : str or os.PathLike
        The folder of all attempts.
    attempt : object
        An attempt with `task_id` and `execution_id`, such as a `TaskExecutionContext`.

    Returns
    -------
    pathlib.Path
        `{root}/task_id={task_id}-exec={execution_id}`, both values made safe for a path.

    Raises
    ------
    AttributeError
        The attempt lacks one of the two.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from perago.workspace import attempt_workspace_dir
    >>> attempt_workspace_dir("/work", SimpleNamespace(task_id="t/1", execution_id="e1")).as_posix()
    '/work/task_id=t-1-exec=e1'
    """
    return Path(root) / f"task_id={safe_value(attempt, 'task_id')}-exec={safe_value(attempt, 'execution_id')}"


def prepare_attempt_workspace(root: StrPath, attempt: object, owner: WorkspaceOwner | None = None) -> Path:
    """Make the directory of one execution of an attempt, with the marker that says whose it is.

    Parameters
    ----------
    root : str or os.PathLike
        The folder of all attempts; it is made if necessary.
    attempt : object
        An attempt with `task_id` and `execution_id`. The marker also has `workflow_instance_id`, `task_def_name` and
        `retry_count`, or null where the attempt lacks them.
    owner : WorkspaceOwner, optional
        Who works there; a new owner of this process, if it is left out.

    Returns
    -------
    pathlib.Path
        The directory.

    Raises
    ------
    FileExistsError
        The directory is there already.

    Examples
    --------
    >>> import tempfile
    >>> from types import SimpleNamespace
    >>> from perago import workspace
    >>> with tempfile.TemporaryDirectory() as root:
    ...     directory = workspace.prepare_attempt_workspace(root, SimpleNamespace(task_id="t1", execution_id="e1"))
    ...     [path.name for path in directory.iterdir()]
    ['.perago-attempt.json']
    """
    directory = attempt_workspace_dir(root, attempt)
    marker = json.dumps(_marker(attempt, owner or new_workspace_owner()), indent=2, default=str)
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.mkdir()
    with _lock:
        _own_directories.add(directory)
    try:
        (directory / ATTEMPT_WORKSPACE_MARKER).write_text(marker + "\n")
    except BaseException:
        cleanup_attempt_workspace_safely(directory, attempt)
        raise
    return directory


_MARKED = ("workflow_instance_id", "task_def_name", "task_id", "retry_count", "execution_id")


def _marker(attempt: object, owner: WorkspaceOwner) -> dict[str, object]:
    """The marker's content; only the directory's name needs an attempt that has all of it."""
    return {name: getattr(attempt, name, None) for name in _MARKED} | {
        "owner_worker_id": owner.worker_id,
        "owner_pid": owner.pid,
        "owner_token": owner.token,
        "started_at": datetime.now(UTC).isoformat(),
    }


def cleanup_attempt_workspace(directory: StrPath) -> None:
    """Remove an attempt's directory with all that is in it.

    Parameters
    ----------
    directory : str or os.PathLike
        What `prepare_attempt_workspace` returned.

    Raises
    ------
    FileNotFoundError
        The directory is not there, or never was an attempt's.

    Examples
    --------
    >>> import tempfile
    >>> from perago.workspace import cleanup_attempt_workspace
    >>> with tempfile.TemporaryDirectory() as elsewhere:
    ...     cleanup_attempt_workspace(elsewhere)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FileNotFoundError: ... is not an attempt's directory: it has no .perago-attempt.json
    """
    path = Path(directory)
    there = os.path.lexists(path)
    with _lock:
        ours = there and path in _own_directories
    if not ours and not (path / ATTEMPT_WORKSPACE_MARKER).is_file():
        raise FileNotFoundError(f"{path} is not an attempt's directory: it has no {ATTEMPT_WORKSPACE_MARKER}")
    _remove(path)
    with _lock:
        _own_directories.discard(path)


def _remove(directory: Path) -> None:
    if directory.is_symlink() or not directory.is_dir():
        directory.unlink()
        return
    try:
        shutil.rmtree(directory)
    except (OSError, RecursionError):
        _remove_flattened(directory)


def _remove_flattened(top: Path) -> None:
    """Remove what defeats `rmtree`: folders without rights, and a tree too deep for the stack or for a path.

    Each folder is moved up to the top and emptied there, so that no path grows.
    """
    top.chmod(stat.S_IRWXU)
    pending = _folders_left_in(top)
    while pending:
        folder = pending.pop()
        pending += [deeper.rename(top / uuid.uuid4().hex) for deeper in _folders_left_in(folder)]
        folder.rmdir()
    top.rmdir()


def _folders_left_in(folder: Path) -> list[Path]:
    """Remove all files and links in an unlocked folder; the folders that remain, unlocked as well."""
    folders = []
    for path in list(folder.iterdir()):
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        else:
            path.chmod(stat.S_IRWXU)
            folders.append(path)
    return folders


def cleanup_attempt_workspace_safely(directory: StrPath, attempt: object) -> bool:
    """Remove an attempt's directory if that is possible, and say whether it was.

    Parameters
    ----------
    directory : str or os.PathLike
        What `prepare_attempt_workspace` returned.
    attempt : object
        The attempt, whose `task_id` is logged.

    Returns
    -------
    bool
        Whether it was removed. Whatever goes wrong, of any class, is logged and not raised.

    Examples
    --------
    >>> import tempfile
    >>> from types import SimpleNamespace
    >>> from perago import workspace
    >>> attempt = SimpleNamespace(task_id="t1", execution_id="e1")
    >>> with tempfile.TemporaryDirectory() as root:
    ...     directory = workspace.prepare_attempt_workspace(root, attempt)
    ...     workspace.cleanup_attempt_workspace_safely(directory, attempt)
    True
    """
    try:
        cleanup_attempt_workspace(directory)
    except BaseException:  # noqa: BLE001 - best effort by contract, whatever the class
        of = getattr(attempt, "task_id", "?")
        _log.exception("the directory %s of attempt %s could not be removed", directory, of)
        return False
    return True


def scan(root: Path) -> dict[str, Stat]:
    """Every regular file and symlink below `root` with its stat, by workspace-relative path; the marker is left out.

    Nothing is opened but directories, and no symlink followed: `root` itself must not be one (OSError). Sockets, pipes
    and devices do not count.
    """
    stats: dict[str, Stat] = {}
    pending = [""]
    while pending:
        base = pending.pop()
        for entry in _entries(f"{root}/{base}".rstrip("/")):
            if entry.is_file(follow_symlinks=False):
                stats[base + entry.name] = _facts(entry, "file")
            elif entry.is_dir(follow_symlinks=False):
                pending.append(f"{base}{entry.name}/")
            elif entry.is_symlink():
                stats[base + entry.name] = _facts(entry, "symlink")
    stats.pop(ATTEMPT_WORKSPACE_MARKER, None)
    return stats


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """A folder's entries, opened by descriptor: their stats then look up one name, not the whole path again.

    A symlink in the folder's place is an OSError: a body may have put one there.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        with os.scandir(descriptor) as entries:
            yield from entries
    finally:
        os.close(descriptor)


def _facts(entry: os.DirEntry[str], kind: Kind) -> Stat:
    facts = entry.stat(follow_symlinks=False)
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino, kind


def clock_of(directory: Path) -> int:
    """The file system's clock as it would stamp a file now, in nanoseconds; the directory itself is the probe.

    Asked of the file system because its clock is coarser than the process's (a tick of 4 ms, on some a second or two).
    """
    os.utime(directory)
    return directory.stat().st_ctime_ns
