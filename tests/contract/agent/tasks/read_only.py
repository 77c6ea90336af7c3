"""Reads everything, and adds a file to its own copy."""

from pathlib import Path

from pydantic import BaseModel

import perago


class Params(BaseModel):
    pass


class Listing(BaseModel):
    files: list[str]


@perago.task(name="read_only", owner_email="team@example.com", workspace=perago.WorkspaceSpec(read_only=True))
def read_only(workspace: Path, params: Params) -> Listing:
    files = sorted(path.relative_to(workspace).as_posix() for path in workspace.rglob("*") if path.is_file())
    (workspace / "added.txt").write_text("added")
    return Listing(files=files)
