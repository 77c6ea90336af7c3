"""What a body returned, as the JSON that goes out: judged by its values, whatever its class. Calls no body."""

import json
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel

from perago.errors import TaskExecutionError
from perago.payload import called
from perago.result import JsonObject
from perago.task import TaskDefinition
from perago.wire.depth import MOST_LEVELS, is_too_deep, too_deep
from perago.wire.exact import has_null, no_number

Model = TypeVar("Model", bound=BaseModel)


def output_of(task: TaskDefinition, raw: object) -> JsonObject:
    """`{"result": …}`; raises ValidationError if the model refuses it, TaskExecutionError if JSON cannot say it."""
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
        if problem := _problem(value, result):
            raise ValueError(problem)
        json.dumps(result, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise _not_json(task, error) from error
    return result


def _problem(value: BaseModel, result: JsonObject) -> str | None:
    """Why no server would take the result, of which pydantic writes null for a NaN in a field that may be anything."""
    if is_too_deep(result, MOST_LEVELS - 1):
        return too_deep("the output")
    unsayable = no_number(result, "result") or (no_number(_plain(value), "result") if has_null(result) else None)
    return f"{unsayable}, which JSON does not have" if unsayable else None


def _plain(value: BaseModel) -> object:
    """The values as they are in Python, from which the JSON was made."""
    try:
        return value.model_dump(by_alias=False, warnings=False)
    except TypeError:  # as in `_values`; numbers in sets of models are written as JSON has them
        return None


def _not_json(task: TaskDefinition, error: Exception) -> TaskExecutionError:
    return TaskExecutionError(f"{called(task)}: result cannot be written as JSON: {error}")
