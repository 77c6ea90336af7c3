"""One task whose parameter names the body, so that one image and one module serve them all.

Each body returns facts that must be the same on the author's machine and in a pod.
"""

from pathlib import Path

from pydantic import BaseModel, JsonValue

import perago
from e2e_tasks import parity_files, parity_kinds, parity_packages, parity_world
from e2e_tasks.parity_body import BODIES

__all__ = ["BODIES", "task"]

MODULES = (parity_files, parity_kinds, parity_packages, parity_world)
"""Each registers its bodies when it is imported."""


class Which(BaseModel):
    """The name of the body."""

    name: str


class Facts(BaseModel):
    """What the body saw."""

    facts: JsonValue = None


@perago.task(name="e2e-parity", owner_email="tests@example.com", workspace=perago.WorkspaceSpec())
def task(workspace: Path, params: Which) -> Facts:
    """Run the body of that name."""
    return Facts(facts=BODIES[params.name].function(workspace))
