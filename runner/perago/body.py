"""Calling a task body: payload in, validated params, guardrails, the call, validated JSON out. Knows no attempt.

What a model refuses is pydantic's ValidationError; `perago.result` makes people's words of it.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from perago.errors import TaskExecutionError, TaskInputError
from perago.guards import StrPath, check_guardrails
from perago.models import WorkspaceSpec
from perago.reference import WorkspaceInput
from perago.refusal import shown
from perago.result import JsonObject
from perago.task import TaskDefinition

WORKSPACE_KEYS = ("params", "workspace")
WORKSPACE_FREE_KEYS = ("params",)

Model = TypeVar("Model", bound=BaseModel)


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


def invoke_workspace_task_body(
    task: TaskDefinition, input_data: Mapping[str, Any], workspace_dir: StrPath
) -> JsonObject:
    """Validate workspace and params, check `pre`, call the body, validate what it returns, check `post`.

    Returns `{"result": …}`. Raises TaskInputError, ValidationError, GuardrailViolation, and whatever the body raises.
    """
    spec, directory = workspace_spec(task), Path(workspace_dir)
    read_workspace(task, input_data)
    params = task.params_model.model_validate(input_data["params"], extra="forbid")
    check_guardrails(directory, spec.pre, "pre")
    output = _output(task, task.fn(directory, params))
    check_guardrails(directory, spec.post, "post")
    return output


def invoke_workspace_free_task(task: TaskDefinition, input_data: Mapping[str, Any]) -> JsonObject:
    """Validate params, call the body, validate what it returns: `{"result": …}`; raises as the workspace form does."""
    refuse_workspace(task)
    payload = check_keys(task, input_data, WORKSPACE_FREE_KEYS)
    return _output(task, task.fn(task.params_model.model_validate(payload["params"], extra="forbid")))


def build_workspace_free_task_output(task: TaskDefinition, raw_result: object) -> JsonObject:
    """`{"result": …}` as JSON; raises TaskInputError for a workspace task, ValidationError for a refused value."""
    refuse_workspace(task)
    return _output(task, raw_result)


def build_workspace_task_output(
    task: TaskDefinition, input_workspace: WorkspaceInput | Mapping[str, Any], published_ref: str, raw_result: object
) -> JsonObject:
    """`{"workspace": …, "result": …}`: the input workspace at the published ref, and the validated result.

    Raises TaskInputError for a workspace-free task, ValidationError for a refused value.
    """
    require_workspace(task)
    workspace = WorkspaceInput.model_validate(input_workspace)
    return {"workspace": workspace.published_output(published_ref).model_dump(), **_output(task, raw_result)}


def _output(task: TaskDefinition, raw: object) -> JsonObject:
    return {"result": _as_json(task, _validated(task, task.output_model, raw))}


def _validated(task: TaskDefinition, model: type[Model], raw: object) -> Model:
    """The result as its model takes it; an instance, of whatever class, is judged by its values as they are now."""
    if not isinstance(raw, BaseModel):
        value = model.model_validate(raw, extra="forbid")
        return _validated(task, model, value) if _holds_model(raw) else value
    of_this_model = isinstance(raw, model)
    return model.model_validate(_dumped(task, raw), extra="forbid", by_name=True, by_alias=not of_this_model)


def _dumped(task: TaskDefinition, raw: BaseModel) -> object:
    try:
        return _values(raw)
    except (ValueError, RecursionError) as error:
        raise _not_json(task, error) from error


def _values(raw: BaseModel) -> object:
    """The instance's values by field name, without what its class computes from them."""
    try:
        return raw.model_dump(round_trip=True, by_alias=False, warnings=False)
    except TypeError:  # a set of models has no dump in Python, because a dict is not hashable; JSON has lists for sets
        return raw.model_dump(mode="json", round_trip=True, by_alias=False, warnings=False)


def _holds_model(value: object) -> bool:
    """Whether a model is somewhere in a value that is not one; pydantic takes such a model without a look."""
    pending, seen = [value], set[int]()
    while pending:
        item = pending.pop()
        if isinstance(item, BaseModel):
            return True
        if isinstance(item, (Mapping, list, tuple, set, frozenset)) and id(item) not in seen:
            seen.add(id(item))
            pending += item.values() if isinstance(item, Mapping) else item
    return False


def _as_json(task: TaskDefinition, value: BaseModel) -> JsonObject:
    try:
        result: JsonObject = value.model_dump(mode="json", by_alias=False, warnings="error")
        json.dumps(result, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise _not_json(task, error) from error
    return result


def _not_json(task: TaskDefinition, error: Exception) -> TaskExecutionError:
    return TaskExecutionError(f"{called(task)}: result cannot be written as JSON: {error}")
