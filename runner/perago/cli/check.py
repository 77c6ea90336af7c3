"""`perago check`: what a task module declares, and every problem that can be seen before it runs."""

import argparse
import inspect
import warnings
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from perago.cli.loading import load
from perago.cli.output import Unusable, report_unusable, say, say_json
from perago.errors import TaskDefinitionError
from perago.guards import Guardrail
from perago.problems import Problem
from perago.task import TaskDefinition
from perago.taskdef import build_taskdef


def execute(options: argparse.Namespace) -> int:
    """Print what the module declares, 0; or its problems, 1."""
    try:
        task = load(options.module)
        remarks = _remarks(task)
    except Unusable as unusable:
        return report_unusable(unusable, options.json)
    facts = describe(task) | {"warnings": remarks}
    if options.json:
        say_json({"ok": True, "task": facts})
    else:
        say("\n".join(_text(facts)))
    return 0


def place_of(task: TaskDefinition) -> tuple[str, int]:
    """File and line of the body."""
    return task.fn.__code__.co_filename, task.fn.__code__.co_firstlineno


def _remarks(task: TaskDefinition) -> list[str]:
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            build_taskdef(task)
    except TaskDefinitionError as error:
        raise Unusable([Problem(str(error), *place_of(task))]) from error
    return [str(warning.message) for warning in caught] + _timeout_remarks(task)


def _timeout_remarks(task: TaskDefinition) -> list[str]:
    timeout = task.controls.timeout
    if not 0 < timeout.seconds < timeout.response_seconds:
        return []
    return [f"Conductor refuses response_seconds={timeout.response_seconds} above seconds={timeout.seconds}"]


def describe(task: TaskDefinition) -> dict[str, Any]:
    """All that a declaration says, as JSON."""
    file, line = place_of(task)
    return {
        "name": task.name,
        "ownerEmail": task.owner_email,
        "description": task.description,
        "body": f"{task.fn.__name__}({', '.join(inspect.signature(task.fn).parameters)})",
        "file": file,
        "line": line,
        "workspace": _workspace(task),
        "params": _fields(task.params_model),
        "result": _fields(task.output_model),
        "controls": _controls(task),
    }


def _workspace(task: TaskDefinition) -> dict[str, Any] | None:
    if task.workspace is None:
        return None
    return {
        "prefix": task.workspace.prefix,
        "readOnly": task.workspace.read_only,
        "pre": [_guardrail(guardrail) for guardrail in task.workspace.pre],
        "post": [_guardrail(guardrail) for guardrail in task.workspace.post],
    }


def _guardrail(guardrail: Guardrail) -> str:
    if guardrail.rule != "require_glob":
        return f"{guardrail.rule} {guardrail.path}"
    most = "" if guardrail.max_count is None else f", at most {guardrail.max_count}"
    return f"{guardrail.rule} {guardrail.path} (at least {guardrail.min_count}{most})"


def _fields(model: type[BaseModel]) -> dict[str, str]:
    return {field.alias or name: _field(field) for name, field in model.model_fields.items()}


def _field(field: FieldInfo) -> str:
    kind = field.annotation.__name__ if inspect.isclass(field.annotation) else str(field.annotation)
    default = "" if field.is_required() else f" = {field.get_default(call_default_factory=False)!r}"
    return f"{kind}{default}"


def _controls(task: TaskDefinition) -> dict[str, Any]:
    parts = {name: getattr(task.controls, name) for name in ("retry", "timeout", "limits", "publish_budget")}
    return {name: vars(part) for name, part in parts.items() if part is not None}


def _text(facts: dict[str, Any]) -> list[str]:
    workspace = facts["workspace"]
    lines = [
        f"{facts['name']}  (owner {facts['ownerEmail']})",
        f"  body       {facts['body']}",
        f"             {facts['file']}:{facts['line']}",
        f"  workspace  {_workspace_text(workspace)}",
    ]
    for phase in ("pre", "post") if workspace else ():
        lines += [f"  {phase:10} {guardrail}" for guardrail in workspace[phase]]
    for part in ("params", "result"):
        lines += [f"  {part:10} {name}: {kind}" for name, kind in facts[part].items()]
    for name, values in facts["controls"].items():
        lines.append(f"  {name:10} {', '.join(f'{key}={value}' for key, value in values.items() if value is not None)}")
    return lines + [f"  warning    {warning}" for warning in facts["warnings"]]


def _workspace_text(workspace: dict[str, Any] | None) -> str:
    if workspace is None:
        return "none"
    return f"prefix {workspace['prefix']}, {'read-only' if workspace['readOnly'] else 'published when it changed'}"
