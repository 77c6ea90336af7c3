"""Adds a file of its own, at a moment that several attempts can share."""

import time
from pathlib import Path

from pydantic import BaseModel

import perago


class Moment(BaseModel):
    """Which file, and when (seconds since 1970; 0: at once)."""

    name: str
    at: float = 0


@perago.task(name="e2e-adds", owner_email="tests@example.com", workspace=perago.WorkspaceSpec())
def body(workspace: Path, params: Moment) -> Moment:
    """Wait for the moment, then write."""
    time.sleep(max(0.0, params.at - time.time()))
    (workspace / params.name).write_text(params.name)
    return params
