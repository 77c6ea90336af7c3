"""The differences between a folder and a workspace, line by line, for people. Reads files and changes none."""

import difflib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

LONGEST_TEXT_BYTES = 64 * 1024
"""The size up to which a file's difference is shown line by line."""

MOST_LINES = 500
"""The limit for all differences together: nobody reads more."""


def difference(before: Path, after: Path, paths: Iterable[str]) -> list[str]:
    """The unified difference of these files, cut to MOST_LINES; for files that are not short texts, their sizes."""
    every = (line for path in paths for line in _file_difference(before / path, after / path, path))
    lines = list(islice(every, MOST_LINES + 1))
    return lines if len(lines) <= MOST_LINES else [*lines[:MOST_LINES], "… the rest of the difference is not shown"]


def _file_difference(before: Path, after: Path, name: str) -> Iterator[str]:
    old, new = _lines(before), _lines(after)
    if old is None or new is None:
        yield f"{name}: {_size(before)} before, {_size(after)} after; not shown: not a text file, or over 64 KiB"
    else:
        yield from difflib.unified_diff(old, new, f"before/{name}", f"after/{name}", lineterm="")


def _lines(path: Path) -> list[str] | None:
    """The lines of a text, or no lines if it is not a file; None if it cannot be shown."""
    if path.is_symlink() or not path.is_file():
        return []
    if path.stat().st_size > LONGEST_TEXT_BYTES:
        return None
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text.splitlines()


def _size(path: Path) -> str:
    return f"{path.stat().st_size} bytes" if path.is_file() else "absent"
