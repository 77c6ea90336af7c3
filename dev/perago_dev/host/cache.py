"""Artifacts kept outside the repository under the digest of what determines them.

An entry is either complete or absent, because it is built in a temporary folder and then renamed. The next build of the
same entry removes what an interrupted one left. This module does not know what the entries contain.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from perago_dev.host.locks import exclusive
from perago_dev.host.mounts import unmount_below

KEY_LENGTH = 16
IGNORED = ("__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache")


def root() -> Path:
    """`$PERAGO_CACHE`, else `$XDG_CACHE_HOME/perago`, else `~/.cache/perago`."""
    if chosen := os.environ.get("PERAGO_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "perago"


def key(*parts: str | bytes) -> str:
    """A short digest of the parts. Each is hashed with its length, so that different lists of parts do not collide."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(f"{len(raw)}:".encode() + raw)
    return digest.hexdigest()[:KEY_LENGTH]


def files_below(path: Path) -> list[Path]:
    """The file itself, or all files below a folder in a fixed order, without the caches of tools.

    Raises FileNotFoundError if it does not exist.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there")
    if path.is_file():
        return [path]
    files = (file for file in sorted(path.rglob("*")) if file.is_file())
    return [file for file in files if not any(part in IGNORED for part in file.parts)]


def tree_key(base: Path, paths: Iterable[Path]) -> str:
    """A digest of names (relative to `base`), executable bits and contents of all files below `paths`."""
    parts: list[str | bytes] = []
    for path in paths:
        for file in files_below(path):
            executable = "x" if os.access(file, os.X_OK) and file.stat().st_mode & 0o100 else "-"
            parts += [f"{file.relative_to(base)} {executable}", file.read_bytes()]
    return key(*parts)


def entry(kind: str, digest: str, make: Callable[[Path], None]) -> Path:
    """The folder of an artifact; if it does not exist yet, `make(folder)` fills an empty one."""
    final = root() / kind / digest
    if final.exists():
        return final
    with exclusive(root() / "locks" / f"{kind}-{digest}", f"{kind} {digest}"):
        if not final.exists():
            _make(final, make)
    return final


def _make(final: Path, make: Callable[[Path], None]) -> None:
    unfinished = final.with_name(f"{final.name}.unfinished")
    if unfinished.exists():
        unmount_below(unfinished)
        shutil.rmtree(unfinished)
    unfinished.mkdir(parents=True)
    make(unfinished)
    unfinished.rename(final)
