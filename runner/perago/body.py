"""Calling a task body: payload in, validated params, guardrails, the call, validated JSON out. Knows no attempt.

What a model refuses is pydantic's ValidationError; `perago.result` makes people's words of it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perago.guards import StrPath, check_guardrails
from perago.output import output_of
from perago.payload import (
    WORKSPACE_FREE_KEYS,
    check_keys,
    read_workspace,
    refuse_workspace,
    require_workspace,
    workspace_spec,
)
from perago.reference import WorkspaceInput
from perago.result import JsonObject
from perago.task import TaskDefinition


def invoke_workspace_task_body(
    task: TaskDefinition, input_data: Mapping[str, Any], workspace_dir: StrPath
) -> JsonObject:
    """Call the body of a workspace task as an attempt does, with everything that is checked before it and after it.

    Parameters
    ----------
    task : TaskDefinition
        A task with a workspace.
    input_data : Mapping
        Conductor's input: exactly the keys `workspace` and `params`.
    workspace_dir : str or os.PathLike
        The folder that the body gets as its workspace.

    Returns
    -------
    dict
        `{"result": …}`, the body's validated result as JSON, by field name.

    Raises
    ------
    TaskInputError
        The task has no workspace, or the input has other keys.
    pydantic.ValidationError
        The workspace, the params or the result is refused by its model; unknown keys are, at every level.
    PreGuardrailViolation, PostGuardrailViolation
        A guardrail does not hold before the body, or after it.
    TaskExecutionError
        The result cannot be written as JSON, for example because it holds a NaN.
    Exception
        Whatever the body raises.

    Notes
    -----
    The order is: workspace, params, `pre` guardrails, body, result, `post` guardrails. A result is judged by its values
    when the body returns, whatever its class: an instance of any model is dumped and validated again.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import perago
    >>> from pydantic import BaseModel
    >>> class Params(BaseModel):
    ...     suffix: str = ""
    >>> class Report(BaseModel):
    ...     files: int
    >>> @perago.task(name="count", owner_email="you@example.org", workspace=perago.WorkspaceSpec())
    ... def count(workspace: Path, params: Params) -> Report:
    ...     return Report(files=len(list(workspace.rglob(f"*{params.suffix}"))))
    >>> payload = {
    ...     "workspace": {"repository": "weather", "branch": "main", "refType": "commit", "ref": "4f2a"},
    ...     "params": {"suffix": ".csv"},
    ... }
    >>> with tempfile.TemporaryDirectory() as workspace:
    ...     perago.invoke_workspace_task_body(count.__perago_task__, payload, workspace)
    {'result': {'files': 0}}
    """
    spec, directory = workspace_spec(task), Path(workspace_dir)
    read_workspace(task, input_data)
    params = task.params_model.model_validate(input_data["params"], extra="forbid")
    check_guardrails(directory, spec.pre, "pre")
    output = output_of(task, task.fn(directory, params))
    check_guardrails(directory, spec.post, "post")
    return output


def invoke_workspace_free_task(task: TaskDefinition, input_data: Mapping[str, Any]) -> JsonObject:
    """Call the body of a workspace-free task as an attempt does, with everything that is checked.

    Parameters
    ----------
    task : TaskDefinition
        A task without a workspace.
    input_data : Mapping
        Conductor's input: exactly the key `params`.

    Returns
    -------
    dict
        `{"result": …}`, the body's validated result as JSON, by field name.

    Raises
    ------
    TaskInputError
        The task has a workspace, or the input has other keys.
    pydantic.ValidationError
        The params or the result is refused by its model; unknown keys are, at every level.
    TaskExecutionError
        The result cannot be written as JSON.
    Exception
        Whatever the body raises.

    Examples
    --------
    >>> import perago
    >>> from pydantic import BaseModel
    >>> class Number(BaseModel):
    ...     n: int
    >>> @perago.task(name="double", owner_email="you@example.org")
    ... def double(params: Number) -> Number:
    ...     return Number(n=2 * params.n)
    >>> perago.invoke_workspace_free_task(double.__perago_task__, {"params": {"n": 4}})
    {'result': {'n': 8}}
    """
    refuse_workspace(task)
    payload = check_keys(task, input_data, WORKSPACE_FREE_KEYS)
    return output_of(task, task.fn(task.params_model.model_validate(payload["params"], extra="forbid")))


def build_workspace_free_task_output(task: TaskDefinition, raw_result: object) -> JsonObject:
    """Build the output of a workspace-free task from what its body returned.

    Parameters
    ----------
    task : TaskDefinition
        A task without a workspace.
    raw_result : object
        What the body returned: an instance of any model, or what the output model takes.

    Returns
    -------
    dict
        `{"result": …}`, the validated result as JSON, by field name.

    Raises
    ------
    TaskInputError
        The task has a workspace.
    pydantic.ValidationError
        The result is refused by its model.
    TaskExecutionError
        The result cannot be written as JSON.

    Examples
    --------
    >>> import perago
    >>> from pydantic import BaseModel
    >>> class Number(BaseModel):
    ...     n: int
    >>> @perago.task(name="double", owner_email="you@example.org")
    ... def double(params: Number) -> Number:
    ...     return Number(n=2 * params.n)
    >>> perago.build_workspace_free_task_output(double.__perago_task__, {"n": "8"})
    {'result': {'n': 8}}
    """
    refuse_workspace(task)
    return output_of(task, raw_result)


def build_workspace_task_output(
    task: TaskDefinition, input_workspace: WorkspaceInput | Mapping[str, Any], published_ref: str, raw_result: object
) -> JsonObject:
    """Build the output of a workspace task from what was published and what its body returned.

    Parameters
    ----------
    task : TaskDefinition
        A task with a workspace.
    input_workspace : WorkspaceInput or Mapping
        The workspace of the input; a mapping is validated.
    published_ref : str
        The commit that the attempt ended on.
    raw_result : object
        What the body returned: an instance of any model, or what the output model takes.

    Returns
    -------
    dict
        `{"workspace": …, "result": …}`: the workspace at the published ref, spelled as in the input, and the validated
        result as JSON, by field name.

    Raises
    ------
    TaskInputError
        The task has no workspace.
    pydantic.ValidationError
        The workspace, the ref or the result is refused by its model.
    TaskExecutionError
        The result cannot be written as JSON.

    Examples
    --------
    >>> from pathlib import Path
    >>> import perago
    >>> from pydantic import BaseModel
    >>> class Params(BaseModel):
    ...     suffix: str = ""
    >>> class Report(BaseModel):
    ...     files: int
    >>> @perago.task(name="count", owner_email="you@example.org", workspace=perago.WorkspaceSpec())
    ... def count(workspace: Path, params: Params) -> Report:
    ...     return Report(files=len(list(workspace.rglob(f"*{params.suffix}"))))
    >>> workspace = {"repository": "weather", "branch": "main", "refType": "commit", "ref": "4f2a"}
    >>> output = perago.build_workspace_task_output(count.__perago_task__, workspace, "9b1c", Report(files=3))
    >>> output["workspace"]["ref"], output["result"]
    ('9b1c', {'files': 3})
    """
    require_workspace(task)
    workspace = WorkspaceInput.model_validate(input_workspace)
    return {"workspace": workspace.published_output(published_ref).model_dump(), **output_of(task, raw_result)}
