"""A read-only task with postponed annotations, helpers, constants and another name for its body."""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import BaseModel, ConfigDict

import perago
from perago import WorkspaceSpec, require_glob, task

log = logging.getLogger(__name__)
PATTERN = "**/*.txt"


class SurveyParams(BaseModel):
    model_config = ConfigDict(frozen=True)


class Entry(BaseModel):
    path: str
    lines: int


class Survey(BaseModel):
    entries: list[Entry]


def count(path: Path) -> int:
    return len(path.read_text().splitlines())


@task(name="survey", owner_email="a@example.org", workspace=WorkspaceSpec(read_only=True, pre=[require_glob(PATTERN)]))
def survey(workspace: Path, params: SurveyParams) -> Survey:
    texts = sorted(workspace.glob(PATTERN))
    if not texts:
        raise perago.TaskFailed("nothing to survey")
    (workspace / "scratch").write_text("its own copy is its own business")
    return Survey(entries=[Entry(path=path.relative_to(workspace).as_posix(), lines=count(path)) for path in texts])


main = survey
