"""The state folder of one environment, with its lock and the mark of a complete cluster."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perago_dev.environment import state_dir, states_root
from perago_dev.errors import EnvironmentProblem
from perago_dev.host import cache
from perago_dev.host.locks import exclusive

MARK = "cluster.json"
CACHE = "cache"
"""The file that names the cache in which podman keeps the environment's containers."""


@contextmanager
def hold(name: str) -> Iterator[Path]:
    """The state folder of the environment, locked against any other `up` or `down` of the same name.

    Raises EnvironmentProblem if the environment was begun with another cache, where its containers are.
    """
    folder = state_dir(name)
    with exclusive(states_root() / ".locks" / name, f"environment {name}"):
        _check_cache(folder)
        yield folder


def begin(folder: Path) -> None:
    """Make the folder before anything else exists, and record the cache."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / CACHE).write_text(str(cache.root()))


def _check_cache(folder: Path) -> None:
    recorded = (folder / CACHE).read_text() if (folder / CACHE).exists() else str(cache.root())
    if recorded != str(cache.root()):
        raise EnvironmentProblem(
            f"environment {folder.name!r} was brought up with PERAGO_CACHE={recorded}, which keeps its containers; "
            "set the same PERAGO_CACHE and try again"
        )


def mark(folder: Path) -> dict[str, Any] | None:
    """What was stored about the complete cluster; None while it is incomplete."""
    file = folder / MARK
    stored: dict[str, Any] | None = json.loads(file.read_text()) if file.exists() else None
    return stored


def finish(folder: Path, facts: dict[str, Any]) -> None:
    """Mark the cluster as complete, atomically."""
    unfinished = folder / f"{MARK}.unfinished"
    unfinished.write_text(json.dumps(facts))
    unfinished.rename(folder / MARK)
