"""The rules of a task declaration: each a small check that says what is wrong. Pure, but for reading annotations."""

import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel


def text_problems(name: object, owner_email: object, description: object, unknown: Iterable[str]) -> list[str]:
    """What is wrong with the decorator's words."""
    problems = [f"unknown field {field!r}" for field in sorted(unknown)]
    for field, value in (("name", name), ("owner_email", owner_email)):
        if not isinstance(value, str) or not value.strip():
            problems.append(f"{field} must be a str that is not blank, not {value!r}")
    if isinstance(name, str) and ("/" in name or "\\" in name):
        problems.append(f"name must not contain a path separator: {name!r}")
    if description is not None and not isinstance(description, str):
        problems.append(f"description must be a str, not {description!r}")
    return problems


def body_problems(fn: object, *, has_workspace: bool) -> list[str]:
    """What is wrong with the body: its kind, its parameters, its annotations."""
    if not inspect.isfunction(fn) or fn.__name__ == "<lambda>":
        return [f"the body must be a plain function declared with def, not {fn!r}"]
    if inspect.iscoroutinefunction(fn) or inspect.isasyncgenfunction(fn) or inspect.isgeneratorfunction(fn):
        return [f"the body {fn.__name__} must be a plain synchronous function, neither async nor a generator"]
    parameters = list(inspect.signature(fn).parameters.values())
    shape = _shape_problems(fn.__name__, parameters, has_workspace)
    return shape or _annotation_problems(fn, has_workspace)


def _shape_problems(body: str, parameters: list[inspect.Parameter], has_workspace: bool) -> list[str]:
    for parameter in parameters:
        if parameter.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
            return [f"{body}: parameter {str(parameter)!r} must be an ordinary one, positional or keyword"]
        if parameter.default is not inspect.Parameter.empty:
            return [f"{body}: parameter {parameter.name!r} must not have a default"]
    names = [parameter.name for parameter in parameters]
    if names == ["workspace", "params"]:
        return [] if has_workspace else [f"{body} takes a workspace, so the decorator needs workspace=WorkspaceSpec(…)"]
    if names == ["params"]:
        return [f"{body} takes no workspace, so the decorator must not have workspace="] if has_workspace else []
    return [f"{body} must take (workspace, params) or (params), not ({', '.join(names)})"]


def _annotation_problems(fn: Any, has_workspace: bool) -> list[str]:
    try:
        hints = get_type_hints(fn)
    except Exception as error:  # noqa: BLE001 - an annotation may be any text of the author's, and is evaluated here
        return [f"{fn.__name__}: an annotation cannot be resolved: {error}"]
    problems = []
    if has_workspace and hints.get("workspace") is not Path:
        problems.append(f"{fn.__name__}: workspace must be annotated pathlib.Path, not {_name(hints, 'workspace')}")
    for place, words in (("params", "params"), ("return", "the return value")):
        if not _is_model(hints.get(place)):
            problems.append(
                f"{fn.__name__}: {words} must be annotated with a pydantic model class, not {_name(hints, place)}"
            )
    return problems


def _is_model(hint: object) -> bool:
    return inspect.isclass(hint) and issubclass(hint, BaseModel) and hint is not BaseModel


def _name(hints: dict[str, Any], place: str) -> str:
    return repr(hints[place]) if place in hints else "left without annotation"


def models_of(fn: Any) -> tuple[type[BaseModel], type[BaseModel]]:
    """The params model and the output model of a body without problems."""
    hints = get_type_hints(fn)
    return hints["params"], hints["return"]
