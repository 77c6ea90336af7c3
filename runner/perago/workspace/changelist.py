"""The list of an attempt's changes as a file, which the task writes and the agent reads: any number, in flat memory.

JSON lines: a header with the number of added, modified and deleted paths, then the paths, one a line, in this order.
The reader trusts none of it. It knows no socket and no lakeFS.
"""

import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from perago.attempt import Changes
from perago.errors import TaskInputError

VERSION: Final = 1
KINDS: Final = ("added", "modified", "deleted")
LONGEST_LINE_BYTES: Final = 1 << 20
"""Far more than any path that can be published, so that one that is too long is still refused by its name."""
MOST_PATHS: Final = 1 << 48
"""Of one kind; more than any file system holds."""


def write_changes(path: Path, changes: Changes) -> None:
    """Write the list to a new file that the agent can read, whatever umask the body has left."""
    with open(path, "xb", opener=_for_the_agent) as file:
        file.writelines(_lines(changes))


def _for_the_agent(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def _lines(changes: Changes) -> Iterator[bytes]:
    counts = {kind: len(getattr(changes, kind)) for kind in KINDS}
    yield _line({"version": VERSION, **counts})
    for kind in KINDS:
        yield from map(_line, getattr(changes, kind))


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


class ChangeList:
    """A list as it is read, more than once and by several threads; raises TaskInputError for whatever is not one."""

    def __init__(self, descriptor: int) -> None:
        """`descriptor` stays the caller's, and open while the list is read."""
        self._descriptor = descriptor
        lines = _Lines(descriptor, 0)
        header = lines.value()
        if not isinstance(header, dict) or header.keys() != {"version", *KINDS} or header["version"] != VERSION:
            raise _broken("its header is of another version")
        self.added, self.modified, self.deleted = (_count(header[kind]) for kind in KINDS)
        self._begin = self._deletions = lines.at

    def check(self, check_path: Callable[[str], object]) -> None:
        """Call `check_path` with every path; raises TaskInputError, too, when paths are missing or too many."""
        lines = _Lines(self._descriptor, self._begin)
        for path in lines.paths(self.added + self.modified):
            check_path(path)
        self._deletions = lines.at
        for path in lines.paths(self.deleted):
            check_path(path)
        lines.require_end()

    def uploads(self) -> Iterator[str]:
        """The paths whose content has to travel."""
        return _Lines(self._descriptor, self._begin).paths(self.added + self.modified)

    def deletions(self) -> Iterator[str]:
        """The paths that are gone; to be called after `check`."""
        return _Lines(self._descriptor, self._deletions).paths(self.deleted)


class _Lines:
    """The lines of a file from a place on; others may read the same descriptor elsewhere."""

    def __init__(self, descriptor: int, at: int) -> None:
        self._file = io.BufferedReader(_Window(descriptor, at))
        self.at = at
        """Where the next line begins."""

    def paths(self, count: int) -> Iterator[str]:
        """The next `count` lines, each of which must be a path."""
        for _ in range(count):
            path = self.value()
            if not isinstance(path, str):
                raise _broken("one of its lines is not a path")
            yield path

    def value(self) -> object:
        """The next line."""
        line = self._file.readline(LONGEST_LINE_BYTES)
        if not line.endswith(b"\n"):
            raise _broken("one of its lines is missing, or too long")
        self.at += len(line)
        try:
            value: object = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _broken(f"one of its lines is not JSON: {error}") from error
        return value

    def require_end(self) -> None:
        """Raises TaskInputError when there are further lines."""
        if self._file.read(1):
            raise _broken("it has more paths than its header says")


class _Window(io.RawIOBase):
    """A file from a place on, whose descriptor has a place of its own."""

    def __init__(self, descriptor: int, at: int) -> None:
        self._descriptor, self._at = descriptor, at

    def readable(self) -> bool:
        """See `io.IOBase`."""
        return True

    def readinto(self, buffer: Any) -> int:  # whatever memory can be written to
        """See `io.RawIOBase`."""
        count = os.preadv(self._descriptor, [buffer], self._at)
        self._at += count
        return count


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MOST_PATHS:
        raise _broken("its header has a number that is none")
    return value


def _broken(what: str) -> TaskInputError:
    return TaskInputError(f"the list of changed files cannot be used: {what}")
