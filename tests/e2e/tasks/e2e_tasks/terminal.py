"""Ends with an error that no retry can mend."""

from pathlib import Path

import perago
from e2e_tasks.shapes import Answer, Numbers


@perago.task(name="e2e-terminal", owner_email="tests@example.com", workspace=perago.WorkspaceSpec())
def body(workspace: Path, params: Numbers) -> Answer:
    """Write, then give up for good."""
    (workspace / "half.txt").write_text(params.text)
    raise perago.TaskTerminalError("the data can not be used")
