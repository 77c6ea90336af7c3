"""The attempt's tree on the shared volume, reached so that nothing in it can lead the agent astray.

The task owns the tree and may be hostile: it could put a symlink to the agent's keys, or a pipe, where a file is
expected. So every path is opened one part at a time below the volume's root, no symlink is followed, and only regular
files are read. Space is counted before and while writing. It knows neither lakeFS nor a socket.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from perago.attempt import ExecutingAttempt
from perago.errors import TaskInputError
from perago.workspace.changelist import ChangeList
from perago.workspace.directory import attempt_workspace_dir

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class VolumeFull(Exception):
    """The workspace does not fit into the attempt's volume; the text has both sizes."""


class UnreadableFile(Exception):
    """A file of the workspace that the agent may not read; the text names it."""


class CorruptObject(Exception):
    """What arrived is not what the other side has: size or checksum differ."""


class Tree:
    """The files below one directory, by workspace-relative POSIX path."""

    def __init__(self, root: str) -> None:
        """`root` is opened without following a symlink in its last part."""
        try:
            self._root = os.open(root, _FOLDER)
        except OSError as error:
            raise TaskInputError(f"the attempt directory {root} cannot be used: {error.strerror}") from error

    def close(self) -> None:
        """Close the root's descriptor."""
        os.close(self._root)

    def create(self, path: str) -> int:
        """A descriptor for a new file, its folders made; raises TaskInputError where a file system cannot hold it."""
        with named(path), self._folder_of(path, make=True) as (folder, name):
            return os.open(name, _CREATE, 0o666, dir_fd=folder)

    def open_folder(self, path: str) -> int:
        """A descriptor of a folder, made with those above it; the root itself for an empty path."""
        if not path:
            return os.dup(self._root)
        with self._folder_of(path, make=True) as (above, name):
            return _step(above, name, make=True)

    def make_folder(self, path: str) -> None:
        """Make a folder, and those above it; raises TaskInputError where there is a file in its place."""
        with named(path), self._folder_of(path, make=True) as (above, name):
            os.close(_step(above, name, make=True))

    def open_for_reading(self, path: str) -> int:
        """A descriptor of a regular file; raises TaskInputError (symlink, …), UnreadableFile."""
        with named(path), self._folder_of(path, make=False) as (folder, name):
            descriptor = os.open(name, _READ, dir_fd=folder)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise TaskInputError(f"{path!r} is not a regular file and cannot be published")
        return descriptor

    @contextmanager
    def _folder_of(self, path: str, *, make: bool) -> Iterator[tuple[int, str]]:
        *folders, name = PurePosixPath(path).parts
        current = os.dup(self._root)
        try:
            for folder in folders:
                below = _step(current, folder, make)
                os.close(current)
                current = below
            yield current, name
        finally:
            os.close(current)


class NewFiles:
    """Makes files one after another. The folder of the last one stays open: a listing is sorted."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._path: str | None = None
        self._folder = -1

    def create(self, path: str) -> int:
        """As `Tree.create` does."""
        above, _, name = path.rpartition("/")
        with named(path):
            if above != self._path:
                self._leave()
                self._folder, self._path = self._tree.open_folder(above), above
            return os.open(name, _CREATE, 0o666, dir_fd=self._folder)

    def _leave(self) -> None:
        if self._path is not None:
            os.close(self._folder)
            self._path = None

    def __enter__(self) -> "NewFiles":
        return self

    def __exit__(self, *_error: object) -> None:
        self._leave()


def _step(current: int, folder: str, make: bool) -> int:
    try:
        return os.open(folder, _FOLDER, dir_fd=current)
    except FileNotFoundError:
        if not make:
            raise
    _make_folder(current, folder)
    return os.open(folder, _FOLDER, dir_fd=current)


def _make_folder(current: int, folder: str) -> None:
    """Make a folder; another download may have made it in the meantime."""
    try:
        os.mkdir(folder, 0o777, dir_fd=current)
    except FileExistsError:
        return


@contextmanager
def named(path: str) -> Iterator[None]:
    """Say of an OSError what it means for this file."""
    try:
        yield
    except OSError as error:
        raise _meaning(error, path) from error


def _meaning(error: OSError, path: str) -> Exception:
    if error.errno in (errno.EACCES, errno.EPERM):
        return UnreadableFile(f"{path!r} cannot be published: the mode does not let the owner read it")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return VolumeFull(f"no space is left on the volume for {path!r}")
    if error.errno in (errno.ELOOP, errno.EMLINK):
        return TaskInputError(f"{path!r} is a symlink, which cannot be published")
    if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        return TaskInputError(f"{path!r} is both a file and a folder, or is behind a symlink: {error.strerror}")
    return TaskInputError(f"{path!r} cannot be a file of the workspace: {error.strerror}")


class Space:
    """How much may still be written: the volume's declared size (0: unknown) and what the file system has free."""

    def __init__(self, limit: int, free: int) -> None:
        self._limit = limit
        self._free = free
        self._planned = 0

    def plan(self, size: int, path: str) -> None:
        """Count an object that is about to be written; raises VolumeFull when it no longer fits."""
        self._planned += size
        if self._limit and self._planned > self._limit:
            raise VolumeFull(f"the input needs more than the volume's {self._limit} bytes (at {path!r})")
        if self._planned > self._free:
            raise VolumeFull(f"the input needs more than the {self._free} bytes that are free (at {path!r})")


class AttemptVolume:
    """An attempt's part of the volume: the directory of its task, and beside it what the agent notes down."""

    def __init__(self, root: Path, execution: ExecutingAttempt, limit_bytes: int) -> None:
        self._root = root
        self._directory = attempt_workspace_dir(root, execution)
        self._limit_bytes = limit_bytes
        self.manifest = root / f".perago-manifest-{execution.execution_id}.jsonl"
        """Outside the attempt's directory, so that it is not part of the workspace."""
        self.changes = root / f".perago-changes-{execution.execution_id}.jsonl"
        """Beside the manifest; written by the task, and therefore opened like its files."""

    @contextmanager
    def tree(self) -> Iterator[Tree]:
        """The files of the attempt's directory, which the task has made before."""
        tree = Tree(str(self._directory))
        try:
            yield tree
        finally:
            tree.close()

    @contextmanager
    def change_list(self) -> Iterator[ChangeList]:
        """What the task has listed of its changes; raises TaskInputError unless it is a list in a regular file."""
        root = Tree(str(self._root))
        try:
            descriptor = root.open_for_reading(self.changes.name)
        finally:
            root.close()
        try:
            yield ChangeList(descriptor)
        finally:
            os.close(descriptor)

    def space(self) -> Space:
        """What may be written, as the file system reports it now."""
        free = os.statvfs(self._root)
        return Space(self._limit_bytes, free.f_bavail * free.f_frsize)


def write_all(descriptor: int, view: memoryview, path: str) -> None:
    """Write all of `view`; raises VolumeFull when the file system is full."""
    with named(path):
        while view:
            view = view[os.write(descriptor, view) :]


def write_at(descriptor: int, view: memoryview, offset: int, path: str) -> None:
    """Write all of `view` at `offset`; raises VolumeFull when the file system is full."""
    with named(path):
        while view:
            count = os.pwrite(descriptor, view, offset)
            view, offset = view[count:], offset + count
