"""What a loaded task declares: where it is, its TaskDef, and what Conductor would refuse."""

import warnings
from typing import Any

from pydantic import BaseModel

from perago.cli.output import Unusable
from perago.cli.roundtrip import refused_again
from perago.errors import TaskDefinitionError
from perago.problems import Problem
from perago.task import TaskDefinition
from perago.taskdef import build_taskdef, schema_for_model
from perago.wire.exact import fits_json

LARGEST_NUMBER = 2**31 - 1
"""The largest number in a TaskDef: Conductor stores them in 32 bits."""


def body_place(task: TaskDefinition) -> tuple[str, int]:
    """File and line of the body."""
    return task.fn.__code__.co_filename, task.fn.__code__.co_firstlineno


def taskdef_of(task: TaskDefinition) -> tuple[dict[str, Any], list[str]]:
    """The task's TaskDef and all warnings; raises Unusable if a model cannot be written as a schema."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            content = build_taskdef(task)
    except TaskDefinitionError as error:
        raise Unusable([Problem(problem, *body_place(task)) for problem in _schema_problems(task)]) from error
    sentences = [str(warning.message) for warning in caught if warning.category is UserWarning]
    return content, [*sentences, *_refusals(task), *_unsayable(task, content), *_refused_again(task)]


def _refused_again(task: TaskDefinition) -> list[str]:
    return [f"task {task.name!r}: result: {sentence}" for sentence in refused_again(task.output_model)]


def _unsayable(task: TaskDefinition, content: dict[str, Any]) -> list[str]:
    """What the TaskDef holds and JSON does not have."""
    values = "a NaN, an infinite number or half of a surrogate pair"
    return [
        f"task {task.name!r}: the TaskDef's {key} has {values}, which Conductor refuses or replaces"
        for key, value in content.items()
        if not fits_json(value)
    ]


def _refusals(task: TaskDefinition) -> list[str]:
    """What Conductor refuses when the TaskDef is registered."""
    timeout = task.controls.timeout
    response, total = f"response_seconds={timeout.response_seconds}", f"total_seconds={timeout.total_seconds}"
    refusals = [f"{name}={value}, because it is greater than {LARGEST_NUMBER}" for name, value in _numbers(task)]
    if 0 < timeout.seconds < timeout.response_seconds:
        refusals.append(f"timeout.{response}, because it is greater than timeout.seconds={timeout.seconds}")
    if 0 < timeout.total_seconds < timeout.seconds:
        refusals.append(f"timeout.seconds={timeout.seconds}, because it is greater than timeout.{total}")
    if not task.name.isprintable():
        refusals.append("to be asked for a name with a control character")
    return [f"task {task.name!r}: Conductor refuses {refusal}" for refusal in refusals]


def _numbers(task: TaskDefinition) -> list[tuple[str, int]]:
    """The numbers that Conductor cannot store."""
    parts = {"retry": task.controls.retry, "timeout": task.controls.timeout, "limits": task.controls.limits}
    named = [(f"{part}.{name}", value) for part, values in parts.items() for name, value in vars(values).items()]
    return [(name, value) for name, value in named if isinstance(value, int) and value > LARGEST_NUMBER]


def _schema_problems(task: TaskDefinition) -> list[str]:
    problems: dict[type[BaseModel], str] = {}
    for part, model in (("result", task.output_model), ("params", task.params_model)):
        try:
            schema_for_model(model)
        except TaskDefinitionError as error:
            problems[model] = f"task {task.name!r}: {part}: {error}"
    return list(problems.values())
