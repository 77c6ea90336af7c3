"""Conductor's TaskDef of a task. Pure, but for `write_taskdef`. Guardrails, prefix and budget stay out of it."""

import json
import warnings
from pathlib import Path

from pydantic import BaseModel, RootModel
from pydantic.json_schema import JsonSchemaMode

from perago.controls import TaskControls
from perago.errors import TaskDefinitionError
from perago.guards import StrPath
from perago.reference import WorkspaceInput, WorkspaceOutput
from perago.result import JsonObject
from perago.schema import closed_schema
from perago.task import TaskDefinition

TASKDEF_SCHEMA_VERSION = 1
TASKDEF_SCHEMA_TYPE = "JSON"


def schema_for_model(model: type[BaseModel]) -> JsonObject:
    """Describe what a model takes, as a TaskDef does.

    Parameters
    ----------
    model : type of pydantic.BaseModel
        The model.

    Returns
    -------
    dict
        A JSON schema that is closed at every level and has its references inlined. Titles and all that the model says
        about itself are left out; descriptions and defaults of fields are kept.

    Raises
    ------
    TaskDefinitionError
        The model is a RootModel, contains itself, or has a field whose values have no JSON schema.

    Examples
    --------
    >>> from perago.taskdef import schema_for_model
    >>> from pydantic import BaseModel, Field
    >>> class Params(BaseModel):
    ...     least: int = Field(1, description="rarer words are left out")
    >>> schema_for_model(Params)["properties"]
    {'least': {'default': 1, 'description': 'rarer words are left out', 'type': 'integer'}}
    """
    return _schema_of(model, "validation")


def _schema_of(model: type[BaseModel], mode: JsonSchemaMode) -> JsonObject:
    if issubclass(model, RootModel):
        raise TaskDefinitionError(f"{model.__name__} is a RootModel; params and results must be objects with fields")
    return closed_schema(model, mode)


def build_taskdef(task: TaskDefinition) -> JsonObject:
    """Build the TaskDef that Conductor needs for a task.

    Parameters
    ----------
    task : TaskDefinition
        The task.

    Returns
    -------
    dict
        The TaskDef, with `inputSchema` for what the params model takes (by alias) and `outputSchema` for exactly what
        is sent (by field name, computed fields included). Guardrails, prefix and publish budget do not appear.

    Raises
    ------
    TaskDefinitionError
        A model is a RootModel, contains itself, or has a field whose values have no JSON schema.

    Notes
    -----
    A `UserWarning` says if Conductor would give up on a writable task before its publish budget is used.

    Examples
    --------
    >>> import perago
    >>> from pydantic import BaseModel
    >>> class Number(BaseModel):
    ...     n: int
    >>> @perago.task(name="double", owner_email="you@example.org")
    ... def double(params: Number) -> Number:
    ...     return Number(n=2 * params.n)
    >>> taskdef = perago.build_taskdef(double.__perago_task__)
    >>> taskdef["name"], taskdef["retryCount"], taskdef["outputKeys"]
    ('double', 3, ['result'])
    """
    _warn_of_short_timeout(task)
    described = {} if task.description is None else {"description": task.description}
    return {"name": task.name, "ownerEmail": task.owner_email, **described} | _controls(task) | _schemas(task)


def write_taskdef(task: TaskDefinition, path: StrPath) -> Path:
    """Write a task's TaskDef to a file.

    Parameters
    ----------
    task : TaskDefinition
        The task.
    path : str or os.PathLike
        A `.json` file; its parent folders are made, and a file that is there is replaced.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    TaskDefinitionError
        The path is not that of a `.json` file, or the TaskDef cannot be built.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> import perago
    >>> from pydantic import BaseModel
    >>> class Number(BaseModel):
    ...     n: int
    >>> @perago.task(name="double", owner_email="you@example.org")
    ... def double(params: Number) -> Number:
    ...     return Number(n=2 * params.n)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = perago.write_taskdef(double.__perago_task__, Path(folder) / "deploy" / "double.json")
    ...     json.loads(path.read_text())["ownerEmail"]
    'you@example.org'
    """
    file = Path(path)
    if file.suffix != ".json" or file.is_dir():
        raise TaskDefinitionError(f"task {task.name!r}: the TaskDef goes to a .json file, not to {str(file)!r}")
    text = json.dumps(build_taskdef(task), indent=2, ensure_ascii=False) + "\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def _controls_of(task: TaskDefinition) -> TaskControls:
    """The task's controls; a definition that was made by hand may have none."""
    return getattr(task, "controls", None) or TaskControls()


def _controls(task: TaskDefinition) -> JsonObject:
    controls = _controls_of(task)
    retry, timeout, limits = controls.retry, controls.timeout, controls.limits
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
    controls = _controls_of(task)
    budget, response = controls.publish_budget, controls.response_timeout_seconds
    writable = task.workspace is not None and not task.workspace.read_only
    if writable and budget is not None and response < budget.response_timeout_seconds:
        warnings.warn(
            f"task {task.name!r}: Conductor gives up after timeout.response_seconds={response}, "
            f"but its publish budget needs {budget.response_timeout_seconds}",
            UserWarning,
            stacklevel=3,
        )
