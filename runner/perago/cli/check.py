"""`perago check`: what a task module declares, and every problem that can be seen before it runs."""

import argparse
import inspect
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from perago.cli.declared import body_place, taskdef_of
from perago.cli.loading import load
from perago.cli.output import Answer, from_here
from perago.guards import Guardrail
from perago.task import TaskDefinition

LABELS = {"publish_budget": "budget"}


def execute(options: argparse.Namespace) -> Answer:
    """What the module declares; raises Unusable with all its problems."""
    task = load(options.module)
    _, remarks = taskdef_of(task)
    facts = describe(task) | {"warnings": remarks}
    return Answer("\n".join(_text(facts)), {"ok": True, "task": facts})


def describe(task: TaskDefinition) -> dict[str, Any]:
    """All that a declaration says, as JSON."""
    file, line = body_place(task)
    return {
        "name": task.name,
        "ownerEmail": task.owner_email,
        "description": task.description,
        "body": f"{task.fn.__name__}({', '.join(inspect.signature(task.fn).parameters)})",
        "file": file,
        "line": line,
        "workspace": _workspace(task),
        "params": _taken(task.params_model),
        "result": _sent(task.output_model),
        "controls": _controls(task),
    }


def _workspace(task: TaskDefinition) -> dict[str, Any] | None:
    if task.workspace is None:
        return None
    return {
        "prefix": task.workspace.prefix,
        "readOnly": task.workspace.read_only,
        "exclude": task.workspace.exclude,
        "pre": [_guardrail(guardrail) for guardrail in task.workspace.pre],
        "post": [_guardrail(guardrail) for guardrail in task.workspace.post],
    }


def _guardrail(guardrail: Guardrail) -> str:
    if guardrail.rule != "require_glob":
        return f"{guardrail.rule} {guardrail.path}"
    most = "" if guardrail.max_count is None else f", at most {guardrail.max_count}"
    return f"{guardrail.rule} {guardrail.path} (at least {guardrail.min_count}{most})"


def _taken(model: type[BaseModel]) -> dict[str, str]:
    """The keys that come in, with what they hold."""
    return {
        field.alias or name: _kind(field.annotation) + _default(field) for name, field in model.model_fields.items()
    }


def _sent(model: type[BaseModel]) -> dict[str, str]:
    """The keys that go out: names of fields, and what is computed."""
    fields = {name: _kind(field.annotation) for name, field in model.model_fields.items() if not field.exclude}
    return fields | {name: _kind(field.return_type) for name, field in model.model_computed_fields.items()}


def _kind(annotation: object) -> str:
    return annotation.__name__ if inspect.isclass(annotation) else str(annotation)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    if field.default_factory is not None:
        return f" = {getattr(field.default_factory, '__name__', field.default_factory)}()"
    return f" = {field.default!r}"


def _controls(task: TaskDefinition) -> dict[str, Any]:
    parts = {name: getattr(task.controls, name) for name in ("retry", "timeout", "limits", "publish_budget")}
    return {name: vars(part) for name, part in parts.items() if part is not None}


def _text(facts: dict[str, Any]) -> list[str]:
    workspace = facts["workspace"]
    lines = [f"{facts['name']}  (owner {facts['ownerEmail']})"]
    lines += [f"  {facts['description']}"] if facts["description"] else []
    lines += [f"  body       {facts['body']}", f"             {from_here(facts['file'])}:{facts['line']}"]
    lines += [f"  workspace  {_workspace_text(workspace)}"]
    for phase in ("pre", "post") if workspace else ():
        lines += [f"  {phase:10} {guardrail}" for guardrail in workspace[phase]]
    for part in ("params", "result"):
        lines += [f"  {part:10} {name}: {kind}" for name, kind in facts[part].items()] or [f"  {part:10} no fields"]
    for name, values in facts["controls"].items():
        lines.append(f"  {LABELS.get(name, name):10} {_values_text(values)}")
    return lines + [f"  warning    {warning}" for warning in facts["warnings"]]


def _values_text(values: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items() if value is not None) or "none"


def _workspace_text(workspace: dict[str, Any] | None) -> str:
    if workspace is None:
        return "none"
    published = "".join(["published when it changed", *(f", without {pattern}" for pattern in workspace["exclude"])])
    return f"prefix {workspace['prefix']}, {'read-only' if workspace['readOnly'] else published}"
