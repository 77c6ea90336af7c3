"""The payload of an attempt: is it for this kind of task, has it the right keys, which workspace does it name?

Of a definition only what is asked for is read, so that any object may stand in for one. Calls nothing.
"""

from collections.abc import Collection, Mapping
from typing import Any

from perago.errors import TaskInputError
from perago.models import WorkspaceSpec
from perago.reference import WorkspaceInput
from perago.refusal import shown
from perago.task import TaskDefinition

WORKSPACE_KEYS = ("params", "workspace")
WORKSPACE_FREE_KEYS = ("params",)


def workspace_spec(task: TaskDefinition) -> WorkspaceSpec:
    """The workspace of a workspace task; raises TaskInputError for the other kind, and where there is none."""
    require_workspace(task)
    spec = getattr(task, "workspace", None)
    if spec is None:
        raise TaskInputError(f"{called(task)} says that it has a workspace, but its definition has no WorkspaceSpec")
    return spec  # type: ignore[no-any-return]


def require_workspace(task: TaskDefinition) -> None:
    """Raise TaskInputError for a workspace-free task."""
    if not task.has_workspace:
        raise TaskInputError(f"{called(task)} takes no workspace; it must be run as a workspace-free task")


def refuse_workspace(task: TaskDefinition) -> None:
    """Raise TaskInputError for a workspace task."""
    if task.has_workspace:
        raise TaskInputError(f"{called(task)} takes a workspace; it must be run as a workspace task")


def called(task: TaskDefinition) -> str:
    """The task as a message names it; any object may stand in for a definition, and not all have a name."""
    return f"task {getattr(task, 'name', None)!r}"


def check_keys(task: TaskDefinition, input_data: object, expected: Collection[str]) -> Mapping[str, Any]:
    """The payload; raises TaskInputError unless it is an object with exactly the expected keys."""
    if not isinstance(input_data, Mapping):
        raise TaskInputError(f"{called(task)}: the input must be an object, not {shown(input_data)}")
    if set(input_data) != set(expected):
        has, keys = ", ".join(sorted(map(str, input_data))) or "none", ", ".join(expected)
        raise TaskInputError(f"{called(task)}: the input's keys must be exactly {keys}; it has {has}")
    return input_data


def read_workspace(task: TaskDefinition, input_data: object) -> WorkspaceInput:
    """The payload's workspace; raises TaskInputError for a wrong set of keys, ValidationError for a wrong value."""
    payload = check_keys(task, input_data, WORKSPACE_KEYS)
    return WorkspaceInput.model_validate(payload["workspace"])
