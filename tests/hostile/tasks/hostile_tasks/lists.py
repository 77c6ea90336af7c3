"""Says what its workspace holds, and what lies beside it."""

import os
from pathlib import Path

from pydantic import BaseModel

import perago


class Nothing(BaseModel):
    """No parameters."""


class Listed(BaseModel):
    """Paths in the workspace, and of the whole volume."""

    inside: list[str]
    beside: list[str]


@perago.task(name="hostile-lists", owner_email="tests@example.com", workspace=perago.WorkspaceSpec(read_only=True))
def body(workspace: Path, params: Nothing) -> Listed:
    """Look."""
    inside = [Path(folder, name).relative_to(workspace) for folder, _, names in os.walk(workspace) for name in names]
    beside = [path.name for path in Path("/workspace").iterdir() if path != workspace]
    own = [name for name in beside if not name.startswith(".perago-")]
    return Listed(inside=sorted(map(str, inside)), beside=sorted(own))
