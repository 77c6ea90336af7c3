"""Object paths of a repository and file paths of a workspace: a bijection between what both can hold.

Pure: looks at names only, never at a disk or a server. A path is refused before anything is written.
"""

import re
from pathlib import Path

from perago.errors import TaskInputError
from perago.guards import MARKER, StrPath, posix_text
from perago.models import WorkspaceSpec

ATTEMPT_WORKSPACE_MARKER = MARKER
"""JSON that says whose an attempt directory is; counts at the workspace root only."""

LONGEST_NAME_BYTES = 255
"""Of one name: NAME_MAX of the file systems that Linux uses for volumes."""
LONGEST_PATH_BYTES = 3840
"""Of a path below the workspace root: PATH_MAX (4096 with its NUL) less 255 for the attempt directory."""

_DRIVE = re.compile(r"^[A-Za-z]:")


def workspace_object_prefix(spec: WorkspaceSpec) -> str:
    """The prefix as object paths begin with it.

    Parameters
    ----------
    spec : WorkspaceSpec
        The workspace's declaration.

    Returns
    -------
    str
        The prefix without a trailing `/`, or "" for the whole repository.

    Examples
    --------
    >>> import perago
    >>> from perago.workspace import workspace_object_prefix
    >>> workspace_object_prefix(perago.WorkspaceSpec(prefix="/audio/")), workspace_object_prefix(perago.WorkspaceSpec())
    ('audio', '')
    """
    return "" if spec.prefix == "/" else spec.prefix


def workspace_object_path(spec: WorkspaceSpec, workspace_path: StrPath) -> str:
    """The object that a file of the workspace becomes.

    Parameters
    ----------
    spec : WorkspaceSpec
        The workspace's declaration.
    workspace_path : str or os.PathLike
        The file, relative to the workspace.

    Returns
    -------
    str
        The object's path in the repository.

    Raises
    ------
    TaskInputError
        The path is absolute, empty or too long, or contains `.`, `..`, empty, drive or backslash parts.

    Examples
    --------
    >>> import perago
    >>> from perago.workspace import workspace_object_path
    >>> workspace_object_path(perago.WorkspaceSpec(prefix="audio"), "raw/1.wav")
    'audio/raw/1.wav'
    """
    relative = posix_text(workspace_path)
    _refuse("file path", relative, _unsafe(relative) or _too_long(relative))
    prefix = workspace_object_prefix(spec)
    return f"{prefix}/{relative}" if prefix else relative


def workspace_local_path(spec: WorkspaceSpec, object_path: StrPath) -> Path | None:
    """The file of the workspace that an object becomes.

    Parameters
    ----------
    spec : WorkspaceSpec
        The workspace's declaration.
    object_path : str or os.PathLike
        The object's path in the repository.

    Returns
    -------
    pathlib.Path or None
        The file, relative to the workspace; None if the object lies outside the prefix, or would be the marker.

    Raises
    ------
    TaskInputError
        No file can have this path: it is absolute, empty, not UTF-8 or too long, or contains `.`, `..`, empty, drive or
        backslash parts.

    Examples
    --------
    >>> import perago
    >>> spec = perago.WorkspaceSpec(prefix="data")
    >>> perago.workspace_local_path(spec, "data/a.csv").as_posix()
    'a.csv'
    >>> perago.workspace_local_path(spec, "data2/a.csv") is None
    True
    """
    path = posix_text(object_path)
    _refuse("object path", path, _unsafe(path))
    prefix = workspace_object_prefix(spec)
    if prefix and not path.startswith(prefix + "/"):
        return None
    relative = path[len(prefix) + 1 :] if prefix else path
    _refuse("object path", path, _too_long(relative))
    return None if relative == ATTEMPT_WORKSPACE_MARKER else Path(relative)


def is_folder_marker(object_path: str) -> bool:
    """Whether the path is that of a folder marker, an object `data/` as Spark and the consoles of object stores make.

    A workspace shows it as a folder, so it is neither downloaded as a file nor deleted.
    """
    return object_path.endswith("/") and _unsafe(object_path[:-1]) is None


def some(problems: list[str], limit: int = 10) -> str:
    """The first problems as one text, and how many there are beyond them."""
    more = f"; and {len(problems) - limit} more" if len(problems) > limit else ""
    return "; ".join(problems[:limit]) + more


def _refuse(kind: str, path: str, problem: str | None) -> None:
    if problem:
        raise TaskInputError(f"{kind} {_shown(path)} cannot be kept in a workspace: {problem}")


def _unsafe(path: str) -> str | None:
    if not path or path.startswith("/"):
        return "it is empty or absolute"
    if "\\" in path or "\0" in path:
        return "it contains a backslash or a NUL"
    try:
        path.encode()
    except UnicodeEncodeError:
        return "it is not valid UTF-8"
    return next((problem for part in path.split("/") if (problem := _unsafe_part(part))), None)


def _unsafe_part(part: str) -> str | None:
    if part in ("", ".", ".."):
        return f"it has a part {part!r}"
    return f"its part {part[:60]!r} names a drive" if _DRIVE.match(part) else None


def _too_long(relative: str) -> str | None:
    """What counts is the path below the workspace root, as the file system will have it."""
    length = len(relative.encode())
    if length > LONGEST_PATH_BYTES:
        return f"it is {length} bytes long below the prefix, over {LONGEST_PATH_BYTES}"
    if length <= LONGEST_NAME_BYTES:
        return None
    long = next((part for part in relative.split("/") if len(part.encode()) > LONGEST_NAME_BYTES), None)
    return long and f"its part {long[:60]!r}… is over {LONGEST_NAME_BYTES} bytes"


def _shown(path: str, limit: int = 200) -> str:
    return repr(path) if len(path) <= limit else f"{path[:limit]!r}…"
