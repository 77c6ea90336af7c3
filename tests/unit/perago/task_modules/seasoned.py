"""A task that takes each name from the module where 0.4 had it, and says its options by position where it can."""

import pathlib

import pydantic

from perago.errors import TaskFailed
from perago.guards import forbid_glob, require_file
from perago.models import (
    DEFAULT_TIMEOUT_RESPONSE_SECONDS,
    ExecutionLimits,
    RetryPolicy,
    TaskControls,
    TimeoutPolicy,
    WorkspaceSpec,
)
from perago.task import TaskDefinition, task

CONTROLS = TaskControls(
    RetryPolicy(2, "LINEAR_BACKOFF"),
    TimeoutPolicy("ALERT_ONLY", 0, 2 * DEFAULT_TIMEOUT_RESPONSE_SECONDS),
    ExecutionLimits(1),
)


class Tidy(pydantic.BaseModel):
    keep: set[str] = set()


class Tidied(pydantic.BaseModel):
    removed: tuple[str, ...]


@task(
    name="tidy",
    owner_email="a@example.org",
    workspace=WorkspaceSpec("/", [require_file("keep.txt")], [forbid_glob("junk*")]),
    controls=CONTROLS,
)
def tidy(workspace: pathlib.Path, params: Tidy) -> Tidied:
    """Removes everything that is not to be kept."""
    removed = [
        path
        for path in sorted(workspace.iterdir())
        if path.is_file() and path.name[0] != "." and path.name not in params.keep
    ]
    for path in removed:
        path.unlink()
    if "keep.txt" not in params.keep:
        raise TaskFailed("keep.txt is gone")
    return Tidied(removed=tuple(path.name for path in removed))


DEFINITION: TaskDefinition = tidy.__perago_task__
