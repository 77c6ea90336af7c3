"""`perago extract`: a task's Conductor TaskDef as JSON, or its PeragoTask for kubectl apply."""

import argparse
import json
import re
from pathlib import Path
from typing import Any

from perago.cli.declared import taskdef_of
from perago.cli.loading import load
from perago.cli.output import Answer, Misused, as_json, tell
from perago.task import TaskDefinition
from perago.wire import API_GROUP, API_VERSION

LONGEST_OBJECT_NAME = 253


def execute(options: argparse.Namespace) -> Answer:
    """What the task declares, printed or written; raises Unusable with the module's problems."""
    _check_options(options)
    task = load(options.module)
    content, warnings = taskdef_of(task)
    for warning in warnings:
        tell(f"warning: {warning}")
    if options.kubernetes:
        content = perago_task(task, options.module, options.image)
    if options.kubernetes and not options.image:
        tell(f"spec.image is a guess ({content['spec']['image']}); set it with --image")
    text = "\n".join(_yaml(content)) if options.kubernetes else as_json(content)
    if options.output is None:
        return Answer(text, {"ok": True, "content": content})
    path = _written(options, task, text)
    return Answer(str(path), {"ok": True, "path": str(path), "content": content})


def _check_options(options: argparse.Namespace) -> None:
    if options.image is not None and not options.kubernetes:
        raise Misused("--image needs --kubernetes: a TaskDef does not name an image")
    if options.image is not None and not re.fullmatch(r"\S+", options.image):
        raise Misused(f"--image must name an image, such as registry.example.org/app:1, not {options.image!r}")
    if options.output is not None and (not options.output or options.output.endswith((".json", ".yaml", ".yml"))):
        raise Misused(f"-o takes a folder, not {options.output!r}; the file in it is named after the task")


def perago_task(task: TaskDefinition, module: str, image: str | None = None) -> dict[str, Any]:
    """A PeragoTask that polls this task from Conductor."""
    name = object_name(task.name)
    limit = task.controls.limits.concurrent_exec_limit
    spec = {"taskType": task.name, "module": module, "image": image or f"{name}:latest"}
    return {
        "apiVersion": f"{API_GROUP}/{API_VERSION}",
        "kind": "PeragoTask",
        "metadata": {"name": name},
        "spec": spec if limit is None else spec | {"maxConcurrency": limit},
    }


def object_name(name: str) -> str:
    """A task's name as the name of a Kubernetes object: lower-case letters, digits and `-`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:LONGEST_OBJECT_NAME].strip("-") or "task"


def _written(options: argparse.Namespace, task: TaskDefinition, text: str) -> Path:
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", task.name)
    path = Path(options.output) / f"{stem}{'.peragotask.yaml' if options.kubernetes else '.taskdef.json'}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8", errors="perago-json-escapes")
    except OSError as error:
        raise Misused(f"-o {options.output}: {path} cannot be written: {error.strerror}") from error
    return path


def _yaml(content: dict[str, Any], indent: str = "") -> list[str]:
    """Nested mappings of scalars; a scalar's JSON is its YAML."""
    lines = []
    for key, value in content.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", *_yaml(value, indent + "  ")]
        else:
            lines.append(f"{indent}{key}: {json.dumps(value, ensure_ascii=False)}")
    return lines
