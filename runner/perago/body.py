"""Calling a task body: payload in, validated params, guardrails, the call, validated JSON out. Knows no attempt."""

import json
import reprlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError

from perago.errors import TaskExecutionError, TaskInputError
from perago.guards import check_guardrails
from perago.models import WorkspaceSpec
from perago.reference import WorkspaceInput
from perago.result import JsonObject
from perago.task import TaskDefinition

WORKSPACE_KEYS = ("params", "workspace")
WORKSPACE_FREE_KEYS = ("params",)


def workspace_spec(task: TaskDefinition) -> WorkspaceSpec:
    """The workspace of a workspace task; raises TaskInputError for the other kind."""
    if task.workspace is None:
        raise TaskInputError(f"task {task.name!r} takes no workspace; it must be run as a workspace-free task")
    return task.workspace


def refuse_workspace(task: TaskDefinition) -> None:
    """Raise TaskInputError for a workspace task."""
    if task.workspace is not None:
        raise TaskInputError(f"task {task.name!r} takes a workspace; it must be run as a workspace task")


def check_keys(task: TaskDefinition, input_data: object, expected: Collection[str]) -> Mapping[str, Any]:
    """The payload; raises TaskInputError unless it is an object with exactly the expected keys."""
    if not isinstance(input_data, Mapping):
        raise TaskInputError(f"task {task.name!r}: the input must be an object, not {_shown(input_data)}")
    if set(input_data) != set(expected):
        has, wanted = ", ".join(sorted(map(str, input_data))) or "none", ", ".join(expected)
        raise TaskInputError(f"task {task.name!r}: the input's keys must be exactly {wanted}; it has {has}")
    return input_data


def read_workspace(task: TaskDefinition, input_data: object) -> WorkspaceInput:
    """The payload's workspace; raises TaskInputError naming each key that is wrong."""
    payload = check_keys(task, input_data, WORKSPACE_KEYS)
    try:
        return WorkspaceInput.model_validate(payload["workspace"])
    except ValidationError as error:
        raise TaskInputError(_problems(task, "workspace", error)) from error


def invoke_workspace_task_body(task: TaskDefinition, input_data: JsonObject, workspace_dir: Path) -> JsonObject:
    """Validate params, check `pre`, call the body, validate what it returns, check `post`: `{"result": …}`.

    Raises TaskInputError for params, TaskExecutionError for a result that does not match the output model,
    GuardrailViolation, and whatever the body raises.
    """
    spec = workspace_spec(task)
    params = _params(task, check_keys(task, input_data, WORKSPACE_KEYS))
    check_guardrails(workspace_dir, spec.pre, "pre")
    output = build_workspace_free_task_output(task, task.fn(workspace_dir, params))
    check_guardrails(workspace_dir, spec.post, "post")
    return output


def invoke_workspace_free_task(task: TaskDefinition, input_data: JsonObject) -> JsonObject:
    """Validate params, call the body, validate what it returns: `{"result": …}`; raises as the workspace form does."""
    refuse_workspace(task)
    params = _params(task, check_keys(task, input_data, WORKSPACE_FREE_KEYS))
    return build_workspace_free_task_output(task, task.fn(params))


def build_workspace_free_task_output(task: TaskDefinition, raw_result: object) -> JsonObject:
    """`{"result": …}` as JSON; raises TaskExecutionError when the value does not match the output model."""
    value = _result(task, raw_result)
    result = _as_json(task, value)
    _refuse_unknown(task, value)
    return {"result": result}


def build_workspace_task_output(
    task: TaskDefinition, input_workspace: WorkspaceInput, published_ref: str, raw_result: object
) -> JsonObject:
    """`{"workspace": …, "result": …}`: the input workspace at the published ref, and the validated result."""
    output = build_workspace_free_task_output(task, raw_result)
    return {"workspace": input_workspace.published_output(published_ref).model_dump(), **output}


def _params(task: TaskDefinition, payload: Mapping[str, Any]) -> BaseModel:
    try:
        return task.params_model.model_validate(payload["params"], extra="forbid")
    except ValidationError as error:
        raise TaskInputError(_problems(task, "params", error)) from error


def _result(task: TaskDefinition, raw: object) -> BaseModel:
    if isinstance(raw, task.output_model):
        return raw
    try:
        return task.output_model.model_validate(raw, extra="forbid")
    except ValidationError as error:
        raise TaskExecutionError(_problems(task, "result", error)) from error


def _refuse_unknown(task: TaskDefinition, result: BaseModel) -> None:
    """An instance is not validated again, so it may carry what its model, or the declared one, does not have."""
    unknown = {*type(result).model_fields} - {*task.output_model.model_fields} | {*_extras(result)}
    if unknown:
        raise TaskExecutionError(f"task {task.name!r}: result: unknown keys {', '.join(sorted(unknown))}")


def _extras(value: object, place: str = "") -> Iterator[str]:
    """The places of keys that a model in `value`, at any depth, carries beside its fields."""
    if isinstance(value, BaseModel):
        yield from (f"{place}{key}" for key in value.model_extra or ())
        inner = ((name, getattr(value, name, None)) for name in type(value).model_fields)
    elif isinstance(value, Mapping):
        inner = ((str(key), item) for key, item in value.items())
    elif isinstance(value, (list, tuple, set, frozenset)):
        inner = ((str(number), item) for number, item in enumerate(value))
    else:
        return
    for name, item in inner:
        yield from _extras(item, f"{place}{name}.")


def _as_json(task: TaskDefinition, value: BaseModel) -> JsonObject:
    try:
        result: JsonObject = value.model_dump(mode="json", by_alias=True, warnings="error")
        json.dumps(result, allow_nan=False, ensure_ascii=False).encode()
    except (PydanticSerializationError, ValueError) as error:
        raise TaskExecutionError(f"task {task.name!r}: result cannot be written as JSON: {error}") from error
    return result


def _problems(task: TaskDefinition, root: str, error: ValidationError) -> str:
    """Every problem with its field and value, sorted by field, so that the order of keys does not show."""
    found = sorted(
        f"{'.'.join([root, *map(str, problem['loc'])])}: {problem['msg']} (got {_shown(problem['input'])})"
        for problem in error.errors(include_url=False)
    )
    return f"task {task.name!r}: {'; '.join(found)}"


_values = reprlib.Repr()  # sorts keys, survives any depth and any __repr__, and never writes out a whole large value
_values.maxstring = _values.maxother = _values.maxlong = 80


def _shown(value: object, limit: int = 80) -> str:
    text = _values.repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…"
