"""Adds, changes and deletes a file each."""

from pathlib import Path

import perago
from e2e_tasks.shapes import Answer, Numbers, rest


@perago.task(name="e2e-writable", owner_email="tests@example.com", workspace=perago.WorkspaceSpec())
def body(workspace: Path, params: Numbers) -> Answer:
    """Rest, then change the tree."""
    rest(params)
    (workspace / "out").mkdir(exist_ok=True)
    (workspace / "out/added.txt").write_text(params.text)
    (workspace / "changed.txt").write_text(params.text)
    (workspace / "deleted.txt").unlink(missing_ok=True)
    return Answer(text=params.text, files=3)
