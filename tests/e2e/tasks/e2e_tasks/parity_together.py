"""Several bodies of `e2e_tasks.parity` in one attempt, each in a folder with its own name."""

from pathlib import Path

from pydantic import BaseModel, JsonValue

import perago
from e2e_tasks.parity import BODIES


class Which(BaseModel):
    """The names of the bodies, in the order in which they run."""

    names: list[str]


class Seen(BaseModel):
    """What one body saw, or why it failed."""

    facts: JsonValue = None
    failure: str = ""


class Facts(BaseModel):
    """What each body saw, by its name."""

    facts: dict[str, Seen]


@perago.task(name="e2e-parity-together", owner_email="tests@example.com", workspace=perago.WorkspaceSpec())
def task(workspace: Path, params: Which) -> Facts:
    """Run them one after another; a failure is that body's alone."""
    return Facts(facts={name: _seen(name, workspace / name) for name in params.names})


def _seen(name: str, folder: Path) -> Seen:
    try:
        return Seen(facts=BODIES[name].function(folder))
    except Exception as error:  # noqa: BLE001 - whatever the body raises is compared
        return Seen(failure=f"{type(error).__name__}: {error}")
