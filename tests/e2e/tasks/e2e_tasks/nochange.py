"""A writable task that changes nothing."""

from pathlib import Path

import perago
from e2e_tasks.shapes import Answer, Numbers


@perago.task(name="e2e-nochange", owner_email="tests@example.com", workspace=perago.WorkspaceSpec())
def body(workspace: Path, params: Numbers) -> Answer:
    """Rewrite a file with what it holds already."""
    kept = workspace / "changed.txt"
    kept.write_bytes(kept.read_bytes())
    return Answer(text=params.text)
