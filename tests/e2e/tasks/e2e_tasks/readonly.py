"""Reads, and changes its own copy only."""

from pathlib import Path

import perago
from e2e_tasks.shapes import Answer, Numbers


@perago.task(name="e2e-readonly", owner_email="tests@example.com", workspace=perago.WorkspaceSpec(read_only=True))
def body(workspace: Path, params: Numbers) -> Answer:
    """Count the files of the workspace and leave a scratch file behind."""
    files = [path for path in workspace.rglob("*.txt") if path.is_file()]
    (workspace / "scratch.txt").write_text("not published")
    return Answer(text=(workspace / "changed.txt").read_text(), files=len(files))
