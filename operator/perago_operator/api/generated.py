"""Files that are generated from the models and committed: written, or checked against what is there."""

import sys
from collections.abc import Mapping


def written(files: Mapping[str, str], *, check: bool, remedy: str) -> int:
    """Write the files (path → text) that differ, or name them where they are only checked; returns the exit code."""
    different = {path: text for path, text in files.items() if _read(path) != text}
    if check:
        for path in different:
            sys.stderr.write(f"{path} differs from what it is generated from: {remedy}\n")
        return 1 if different else 0
    for path, text in different.items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return 0


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None
