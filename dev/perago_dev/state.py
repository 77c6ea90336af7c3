"""The state folder of one environment, with its lock and the mark of a complete cluster."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perago_dev.environment import state_dir, states_root
from perago_dev.host.locks import exclusive

MARK = "cluster.json"


@contextmanager
def hold(name: str) -> Iterator[Path]:
    """The state folder of the environment, locked against any other `up` or `down` of the same name."""
    folder = state_dir(name)
    with exclusive(states_root() / ".locks" / name, f"environment {name}"):
        yield folder


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
