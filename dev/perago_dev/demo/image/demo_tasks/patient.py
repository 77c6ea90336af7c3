"""A task that waits in the middle of its work until it is released, so that a fault can be caused meanwhile."""

import time
from pathlib import Path
from uuid import uuid4

from pydantic import BaseModel

import perago

GO_ON = Path("/tmp/go-on")
"""The body waits until this file exists in the task's container."""
LOOK_SECONDS = 0.05
CONTROLS = perago.TaskControls(
    retry=perago.RetryPolicy(count=1, delay_seconds=0), timeout=perago.TimeoutPolicy(response_seconds=60)
)
"""One retry without delay, so that the demo does not wait for it."""


class Nothing(BaseModel):
    """The task has no parameters."""


class Run(BaseModel):
    """The id of this run of the body; no other run has the same, not even one of the same attempt."""

    run: str


@perago.task(name="demo_patient", owner_email="demo@perago.dev", workspace=perago.WorkspaceSpec(), controls=CONTROLS)
def patient(workspace: Path, params: Nothing) -> Run:
    """Write the run's id to `run.txt` and return it."""
    run = uuid4().hex
    while not GO_ON.exists():
        time.sleep(LOOK_SECONDS)
    (workspace / "run.txt").write_text(run)
    return Run(run=run)
