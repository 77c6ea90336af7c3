"""Conductor's TaskDef of a task. Pure, but for `write_taskdef`. Guardrails, prefix and budget stay out of it."""

import json
import warnings
from pathlib import Path

from pydantic import BaseModel, RootModel
from pydantic.json_schema import JsonSchemaMode

from perago.errors import TaskDefinitionError
from perago.reference import WorkspaceInput, WorkspaceOutput
from perago.result import JsonObject
from perago.schema import closed_schema
from perago.task import TaskDefinition

TASKDEF_SCHEMA_VERSION = 1
TASKDEF_SCHEMA_TYPE = "JSON"


def schema_for_model(model: type[BaseModel]) -> JsonObject:
    """The model's JSON schema: closed at every level, references inlined, without titles and without what the model
    says about itself; field descriptions and defaults are kept.

    It is the schema of what the model takes. Raises TaskDefinitionError for a RootModel and for a model that contains
    itself.
    """
    return _schema_of(model, "validation")


def _schema_of(model: type[BaseModel], mode: JsonSchemaMode) -> JsonObject:
    if issubclass(model, RootModel):
        raise TaskDefinitionError(f"{model.__name__} is a RootModel; params and results must be objects with fields")
    return closed_schema(model, mode)


def build_taskdef(task: TaskDefinition) -> JsonObject:
    """The TaskDef, its keys in the order of the contract.

    A UserWarning says when Conductor would give up on a writable task before its publish budget is used.
    """
    _warn_of_short_timeout(task)
    described = {} if task.description is None else {"description": task.description}
    return {"name": task.name, "ownerEmail": task.owner_email, **described} | _controls(task) | _schemas(task)


def write_taskdef(task: TaskDefinition, path: Path) -> Path:
    """Write the TaskDef as JSON, parent folders included; TaskDefinitionError unless `path` is a .json file's."""
    path = Path(path)
    if path.suffix != ".json" or path.is_dir():
        raise TaskDefinitionError(f"task {task.name!r}: the TaskDef goes to a .json file, not to {str(path)!r}")
    text = json.dumps(build_taskdef(task), indent=2, ensure_ascii=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _controls(task: TaskDefinition) -> JsonObject:
    retry, timeout, limits = task.controls.retry, task.controls.timeout, task.controls.limits
    optional = {
        "concurrentExecLimit": limits.concurrent_exec_limit,
        "rateLimitFrequencyInSeconds": limits.rate_limit_frequency_in_seconds,
        "rateLimitPerFrequency": limits.rate_limit_per_frequency,
    }
    return {
        "retryCount": retry.count,
        "retryLogic": retry.logic,
        "retryDelaySeconds": retry.delay_seconds,
        "maxRetryDelaySeconds": retry.max_delay_seconds,
        "backoffJitterMs": retry.jitter_ms,
        "totalTimeoutSeconds": timeout.total_seconds,
        "timeoutPolicy": timeout.policy,
        "timeoutSeconds": timeout.seconds,
        "responseTimeoutSeconds": timeout.response_seconds,
        "pollTimeoutSeconds": timeout.poll_seconds,
    } | {key: value for key, value in optional.items() if value is not None}


def _schemas(task: TaskDefinition) -> JsonObject:
    inputs = {"params": schema_for_model(task.params_model)}
    outputs = {"result": _schema_of(task.output_model, "serialization")}
    if task.has_workspace:
        inputs = {"workspace": closed_schema(WorkspaceInput), **inputs}
        outputs = {"workspace": closed_schema(WorkspaceOutput), **outputs}
    return {
        "inputKeys": list(inputs),
        "outputKeys": list(outputs),
        "inputSchema": _schema(f"{task.name}.input", inputs),
        "outputSchema": _schema(f"{task.name}.output", outputs),
    }


def _schema(name: str, properties: JsonObject) -> JsonObject:
    data = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"name": name, "version": TASKDEF_SCHEMA_VERSION, "type": TASKDEF_SCHEMA_TYPE, "data": data}


def _warn_of_short_timeout(task: TaskDefinition) -> None:
    budget, response = task.controls.publish_budget, task.controls.response_timeout_seconds
    writable = task.workspace is not None and not task.workspace.read_only
    if writable and budget is not None and response < budget.response_timeout_seconds:
        warnings.warn(
            f"task {task.name!r}: Conductor gives up after timeout.response_seconds={response}, "
            f"but its publish budget needs {budget.response_timeout_seconds}",
            UserWarning,
            stacklevel=3,
        )
