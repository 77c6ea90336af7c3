"""Sees `data` only, and adds a file to it."""

from pathlib import Path

from pydantic import BaseModel

import perago


class Params(BaseModel):
    pass


class Listing(BaseModel):
    files: list[str]


@perago.task(name="prefixed", owner_email="team@example.com", workspace=perago.WorkspaceSpec(prefix="/data"))
def prefixed(workspace: Path, params: Params) -> Listing:
    files = sorted(path.relative_to(workspace).as_posix() for path in workspace.rglob("*") if path.is_file())
    (workspace / "added.txt").write_text("added")
    return Listing(files=files)
