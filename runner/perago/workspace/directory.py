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
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from perago import config
from perago.guards import StrPath
from perago.staging import safe_value
from perago.workspace.paths import ATTEMPT_WORKSPACE_MARKER
from perago.workspace.plan import Kind, Stat

_log = logging.getLogger("perago")


@dataclass(frozen=True)
class WorkspaceOwner:
    """Who works in an attempt directory: worker id, process id, and a token that no other owner has."""

    worker_id: str
    pid: int
    token: str


def new_workspace_owner(worker_id: str | None = None) -> WorkspaceOwner:
    """An owner for this process; without an id, `PERAGO_WORKER_ID`, else `pid-<pid>`."""
    pid = os.getpid()
    return WorkspaceOwner(config.worker_id(os.environ, pid, worker_id), pid, uuid.uuid4().hex)


class _Registry:
    """What this process has under way: owners' tokens, and the directories that it made."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tokens: set[str] = set()
        self.directories: set[Path] = set()


_registry = _Registry()


def register_active_workspace_owner(owner: WorkspaceOwner) -> None:
    """Say that `owner` is working, so that nobody takes its directory for an abandoned one."""
    with _registry.lock:
        _registry.tokens.add(owner.token)


def unregister_active_workspace_owner(owner: WorkspaceOwner) -> None:
    """Say that `owner` has ended; saying it twice is harmless."""
    with _registry.lock:
        _registry.tokens.discard(owner.token)


def active_workspace_owner_tokens() -> frozenset[str]:
    """The tokens of the owners at work in this process."""
    with _registry.lock:
        return frozenset(_registry.tokens)


def attempt_workspace_dir(root: StrPath, attempt: object) -> Path:
    """`{root}/task_id={task_id}-exec={execution_id}`, both made safe for a path; a missing attribute is named."""
    return Path(root) / f"task_id={safe_value(attempt, 'task_id')}-exec={safe_value(attempt, 'execution_id')}"


def prepare_attempt_workspace(root: StrPath, attempt: object, owner: WorkspaceOwner | None = None) -> Path:
    """Make the attempt's directory with its marker; raises FileExistsError when it is there already."""
    directory = attempt_workspace_dir(root, attempt)
    marker = json.dumps(_marker(attempt, owner or new_workspace_owner()), indent=2, default=str)
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.mkdir()
    with _registry.lock:
        _registry.directories.add(directory)
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
    """Remove an attempt's directory; raises FileNotFoundError for one that is not there or never was an attempt's."""
    path = Path(directory)
    there = os.path.lexists(path)
    with _registry.lock:
        ours = there and path in _registry.directories
    if not ours and not (path / ATTEMPT_WORKSPACE_MARKER).is_file():
        raise FileNotFoundError(f"{path} is not an attempt's directory: it has no {ATTEMPT_WORKSPACE_MARKER}")
    _remove(path)
    with _registry.lock:
        _registry.directories.discard(path)


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
    """Remove an attempt's directory and say whether it is gone; whatever goes wrong is logged, not raised."""
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
