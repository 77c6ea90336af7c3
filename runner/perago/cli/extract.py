"""`perago extract`: a task's Conductor TaskDef as JSON, or its PeragoTask for kubectl apply."""

import argparse
import json
import re
from pathlib import Path
from typing import Any

from perago.cli.loading import load
from perago.cli.output import Unusable, report_unusable, say, say_json, tell
from perago.errors import TaskDefinitionError
from perago.problems import Problem
from perago.task import TaskDefinition
from perago.taskdef import build_taskdef

API_VERSION = "perago.dev/v1alpha1"
LONGEST_OBJECT_NAME = 253


def execute(options: argparse.Namespace) -> int:
    """Print or write what the task declares, 0; or its problems, 1."""
    try:
        task = load(options.module)
        content = perago_task(task, options.module, options.image) if options.kubernetes else _taskdef(task)
    except Unusable as unusable:
        return report_unusable(unusable, options.json)
    if options.kubernetes and not options.image:
        tell(f"spec.image is a guess ({content['spec']['image']}); say which with --image")
    if options.output is not None:
        _write(options, task, content)
    elif options.json:
        say_json({"ok": True, "content": content})
    else:
        say(_text(content, options.kubernetes))
    return 0


def _taskdef(task: TaskDefinition) -> dict[str, Any]:
    try:
        return build_taskdef(task)
    except TaskDefinitionError as error:
        raise Unusable([Problem(str(error))]) from error


def perago_task(task: TaskDefinition, module: str, image: str | None = None) -> dict[str, Any]:
    """A PeragoTask that takes this task's attempts from Conductor."""
    name = object_name(task.name)
    limit = task.controls.limits.concurrent_exec_limit
    spec = {"taskType": task.name, "module": module, "image": image or f"{name}:latest"}
    return {
        "apiVersion": API_VERSION,
        "kind": "PeragoTask",
        "metadata": {"name": name},
        "spec": spec if limit is None else spec | {"maxConcurrency": limit},
    }


def object_name(name: str) -> str:
    """A task's name as Kubernetes names objects: lower case letters, digits and `-`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:LONGEST_OBJECT_NAME].strip("-") or "task"


def _write(options: argparse.Namespace, task: TaskDefinition, content: dict[str, Any]) -> None:
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", task.name)
    path: Path = options.output / f"{stem}{'.peragotask.yaml' if options.kubernetes else '.taskdef.json'}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_text(content, options.kubernetes) + "\n", encoding="utf-8")
    if options.json:
        say_json({"ok": True, "path": str(path), "content": content})
    else:
        say(str(path))


def _text(content: dict[str, Any], as_yaml: bool) -> str:
    return "\n".join(_yaml(content)) if as_yaml else json.dumps(content, indent=2, ensure_ascii=False)


def _yaml(content: dict[str, Any], indent: str = "") -> list[str]:
    """Nested mappings of scalars; a scalar's JSON is its YAML."""
    lines = []
    for key, value in content.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", *_yaml(value, indent + "  ")]
        else:
            lines.append(f"{indent}{key}: {json.dumps(value, ensure_ascii=False)}")
    return lines
