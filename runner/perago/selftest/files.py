"""A task that looks at its workspace and leaves it as it is."""

from pathlib import Path

from pydantic import BaseModel

import perago


class Nothing(BaseModel):
    """No params."""


class Seen(BaseModel):
    """What the task found."""

    files: int


@perago.task(name="perago_selftest_files", owner_email="nobody@example.com", workspace=perago.WorkspaceSpec())
def body(workspace: Path, params: Nothing) -> Seen:
    """Count the files."""
    return Seen(files=sum(1 for path in workspace.rglob("*") if path.is_file()))
