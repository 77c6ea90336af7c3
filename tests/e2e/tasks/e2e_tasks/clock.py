"""Tells when its body began and ended."""

import time
from pathlib import Path

import perago
from e2e_tasks.shapes import Answer, Numbers, rest


@perago.task(name="e2e-clock", owner_email="tests@example.com", workspace=perago.WorkspaceSpec())
def body(workspace: Path, params: Numbers) -> Answer:
    """Two times of the machine, in seconds since the epoch, and a small change to publish."""
    began = time.time()
    (workspace / "clock.txt").write_text(repr(began))
    rest(params)
    return Answer(text=f"{began!r} {time.time()!r}")
