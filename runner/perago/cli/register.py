"""`perago register`: puts the definitions of tasks and workflows into Conductor, and shows first what that changes."""

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from perago.cli.credentials import address
from perago.cli.declared import taskdef_of
from perago.cli.definitions import Object, difference, simple_tasks
from perago.cli.loading import load
from perago.cli.metadata import ConductorFailed, Metadata
from perago.cli.output import Answer, Misused, Unusable, tell
from perago.problems import Problem
from perago.task import TaskDefinition

DONE = {"create": "created", "update": "updated", "keep": "unchanged"}
PLANNED = {"create": "would be created", "update": "would be updated", "keep": "unchanged"}


@dataclass(frozen=True)
class Definition:
    """A definition to register, and what is registered already."""

    kind: str
    wanted: Object
    stored: Object | None

    @property
    def called(self) -> str:
        """How messages name it."""
        version = f", version {version_of(self.wanted)}" if self.kind == "workflow" else ""
        return f"{self.kind} {self.wanted['name']!r}{version}"

    @cached_property
    def changes(self) -> list[str]:
        """What registering changes."""
        return difference(self.stored, self.wanted, self.called)

    @property
    def action(self) -> str:
        """What is to be done."""
        if self.stored is None:
            return "create"
        return "update" if self.changes else "keep"

    def facts(self, words: dict[str, str]) -> Object:
        """It as JSON."""
        version = {"version": version_of(self.wanted)} if self.kind == "workflow" else {}
        named = {"kind": self.kind, "name": self.wanted["name"], **version}
        return {**named, "action": words[self.action], "difference": self.changes}


def execute(options: argparse.Namespace) -> Answer:
    """What was registered, or would be; raises Unusable before anything is changed if something is wrong."""
    if not options.modules and not options.workflow:
        raise Misused("name at least one MODULE, or a file with --workflow")
    where = address(options.url, options.token_header, os.environ)
    taskdefs, warnings = _taskdefs(options.modules)
    workflows = [_workflow(file) for file in options.workflow]
    server = Metadata(where)
    definitions = _compared(server, taskdefs, workflows)
    warnings += _unregistered(server, taskdefs, workflows)
    for warning in warnings:
        tell(f"warning: {warning}")
    if not options.dry_run:
        _show_first(definitions, options.json)
        warnings += _saved(server, definitions)
    facts = {"ok": True, "server": where.url, "dryRun": options.dry_run, "warnings": warnings}
    return _answer(definitions, facts)


def _show_first(definitions: list[Definition], as_object: bool) -> None:
    """Show people what is about to change."""
    for line in () if as_object else _shown(definitions):
        tell(line)


def _answer(definitions: list[Definition], facts: Object) -> Answer:
    words = PLANNED if facts["dryRun"] else DONE
    lines = _shown(definitions) if facts["dryRun"] else []
    lines += [f"{definition.called}: {words[definition.action]}" for definition in definitions]
    return Answer("\n".join(lines), {**facts, "definitions": [definition.facts(words) for definition in definitions]})


def version_of(workflow: Object) -> int:
    """The version of a workflow's definition; without one, it is the first."""
    return int(workflow.get("version", 1))


def _taskdefs(modules: Sequence[str]) -> tuple[list[Object], list[str]]:
    """The TaskDefs of all modules and their warnings; raises Unusable with the problems of all of them."""
    tasks: dict[str, TaskDefinition] = {}
    problems: list[Problem] = []
    traces: list[str] = []
    for module in modules:
        try:
            task = load(module)
            if tasks.setdefault(task.name, task) is not task:
                problems.append(Problem(f"module {module!r} declares task {task.name!r}, as another module does"))
        except Unusable as unusable:
            problems += unusable.problems
            traces += [unusable.trace] if unusable.trace else []
    if problems:
        raise Unusable(problems, "\n".join(traces) or None)
    definitions = [taskdef_of(task) for task in tasks.values()]
    return [taskdef for taskdef, _ in definitions], [warning for _, warnings in definitions for warning in warnings]


def _workflow(file: str) -> Object:
    """A workflow's definition as JSON in a file; raises Misused with what is wrong."""
    try:
        content: Any = json.loads(Path(file).read_text("utf-8"))
    except OSError as error:
        raise Misused(f"--workflow {file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise Misused(f"--workflow {file} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise Misused(f"--workflow {file} must hold one workflow's definition, a JSON object")
    name, version = content.get("name"), content.get("version", 1)
    if not isinstance(name, str) or not name.strip():
        raise Misused(f'--workflow {file} has no name: a workflow\'s definition needs the member "name"')
    if type(version) is not int:
        raise Misused(f"--workflow {file}: version must be a whole number, not {version!r}")
    return content


def _compared(server: Metadata, taskdefs: list[Object], workflows: list[Object]) -> list[Definition]:
    tasks = [Definition("task", taskdef, server.taskdef(taskdef["name"])) for taskdef in taskdefs]
    return tasks + [
        Definition("workflow", workflow, server.workflow(workflow["name"], version_of(workflow)))
        for workflow in workflows
    ]


def _unregistered(server: Metadata, taskdefs: list[Object], workflows: list[Object]) -> list[str]:
    """Tasks of the workflows that nobody has registered; Conductor takes such a workflow, and it waits for ever."""
    registered = {taskdef["name"] for taskdef in taskdefs}
    return [
        f"workflow {workflow['name']!r} has the task {name!r}, which is not registered: register its module as well"
        for workflow in workflows
        for name in simple_tasks(workflow)
        if name not in registered and server.taskdef(name) is None
    ]


def _shown(definitions: list[Definition]) -> list[str]:
    """What changes in definitions that are registered already; what is new, is new as a whole."""
    return [line for definition in definitions if definition.action == "update" for line in definition.changes]


def _saved(server: Metadata, definitions: list[Definition]) -> list[str]:
    """Register what differs, tasks before workflows; returns what Conductor has stored in another way."""
    saved: list[str] = []
    warnings: list[str] = []
    for definition in definitions:
        if definition.action == "keep":
            continue
        try:
            warnings += _save(server, definition)
        except ConductorFailed as failed:
            raise _after(failed, saved) from failed
        saved.append(definition.called)
    return warnings


def _save(server: Metadata, definition: Definition) -> list[str]:
    name = definition.wanted["name"]
    if definition.kind == "task":
        server.save_taskdef(definition.wanted, definition.stored is None)
        stored = server.taskdef(name)
    else:
        server.save_workflow(definition.wanted)
        stored = server.workflow(name, version_of(definition.wanted))
    left = difference(stored, definition.wanted, definition.called)
    if not left:
        return []
    warning = f"Conductor has stored {definition.called} in another way:\n" + "\n".join(left)
    tell(f"warning: {warning}")
    return [warning]


def _after(failed: ConductorFailed, saved: list[str]) -> ConductorFailed:
    before = f"before that, it registered {', '.join(saved)}" if saved else "nothing was registered"
    return ConductorFailed(f"{failed.problems[0].message} ({before})")
