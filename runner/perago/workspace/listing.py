"""A listing of a repository, object by object in its order, against what one directory tree can hold.

Pure, and it keeps no more than the first problems and the objects that the current one may be below.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from perago.errors import TaskInputError
from perago.guards import StrPath, posix_text
from perago.models import WorkspaceSpec
from perago.workspace.paths import is_folder_marker, workspace_local_path

MOST_NAMED: Final = 10
"""Problems that a message names; the others are counted."""


@dataclass(frozen=True)
class Place:
    """Where an object belongs, relative to the workspace: the file that it becomes, or the folder that it marks."""

    path: str
    is_folder: bool = False


class Listing:
    """Takes the objects sorted by path, as lakeFS lists them, and collects what keeps them from being a workspace."""

    def __init__(self, spec: WorkspaceSpec) -> None:
        self._spec = spec
        self._above: list[str] = []
        """The objects whose paths begin the latest one, shortest first."""
        self._named: list[str] = []
        self.problems = 0

    def place(self, object_path: str, size: int = 0) -> Place | None:
        """Where the next object belongs; None where it has no place: outside the prefix, the marker, or a problem."""
        try:
            place = self._place(object_path, size)
        except TaskInputError as error:
            self._add(str(error))
            return None
        file = self._file_above(object_path)
        if place is not None and not place.is_folder:
            self._above.append(object_path)
        if place is not None and file is not None:
            self._add(
                f"object path {object_path!r}: the repository also has an object {file!r}, "
                "and a file system cannot hold a file and a directory of one name"
            )
            return None
        return place

    def _place(self, object_path: str, size: int) -> Place | None:
        is_folder = is_folder_marker(object_path)
        if is_folder and size:
            raise TaskInputError(
                f"object path {object_path!r} cannot be kept in a workspace: "
                f"it is that of a folder, but the object has {size} bytes"
            )
        local = workspace_local_path(self._spec, object_path.removesuffix("/") if is_folder else object_path)
        return None if local is None else Place(local.as_posix(), is_folder)

    def _file_above(self, object_path: str) -> str | None:
        """The object that would have to be a folder of this one. Whatever begins with a path follows it at once."""
        while self._above and not object_path.startswith(self._above[-1]):
            self._above.pop()
        return next((path for path in reversed(self._above) if object_path.startswith(path + "/")), None)

    def _add(self, problem: str) -> None:
        self.problems += 1
        if self.problems <= MOST_NAMED:
            self._named.append(problem)

    def check(self, remedy: str = "") -> None:
        """Raise TaskInputError for all problems at once, and what to do about them; to be called at the end."""
        if self.problems:
            more = self.problems - len(self._named)
            text = "; ".join(self._named) + (f"; and {more} more" if more else "")
            raise TaskInputError(f"{text}. {remedy}" if remedy else text)


def workspace_local_paths(spec: WorkspaceSpec, object_paths: Iterable[StrPath]) -> dict[str, Path]:
    """Object path → relative file path, sorted, for a whole listing, without folder markers and objects outside.

    Raises TaskInputError naming every object that keeps one directory tree from holding them all: a path that
    `workspace_local_path` refuses, or both an object `a` and an object `a/b`.
    """
    listing = Listing(spec)
    places = {path: listing.place(path) for path in sorted(map(posix_text, object_paths))}
    listing.check()
    return {path: Path(place.path) for path, place in places.items() if place is not None and not place.is_folder}
