"""Tells when its body began."""

import time
from pathlib import Path

import perago
from e2e_tasks.shapes import Answer, Numbers


@perago.task(name="e2e-clock", owner_email="tests@example.com", workspace=perago.WorkspaceSpec())
def body(workspace: Path, params: Numbers) -> Answer:
    """The time of the machine, in seconds since the epoch, and a small change to publish."""
    began = repr(time.time())
    (workspace / "clock.txt").write_text(began)
    return Answer(text=began)
