"""`perago run`: the attempt core on the author's machine, with a local folder in place of lakeFS."""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from perago.cli.folder import Folder, LocalAttempt
from perago.cli.loading import load
from perago.cli.output import Unusable, report_unusable, say, say_json, tell
from perago.execution import run_workspace_free_task_attempt, run_workspace_task_attempt
from perago.problems import Problem
from perago.result import RuntimeTaskResult
from perago.task import TaskDefinition

STEPS = ("downloading", "executing", "staging", "publishing")
LOCAL_WORKSPACE = {"repository": "local", "branch": "local", "refType": "commit", "ref": "local"}


def execute(options: argparse.Namespace) -> int:
    """Run one attempt and print what it would publish; 0 when it completed, 1 when it did not."""
    try:
        task = load(options.module)
        folder = _folder(options, task)
        payload = _payload(options.input, task)
    except Unusable as unusable:
        return report_unusable(unusable, options.json)
    started = time.perf_counter()
    result = _attempt(task, payload, folder)
    facts = _facts(result, folder, started)
    if options.json:
        say_json(facts)
    else:
        say("\n".join(_text(facts, folder)))
    return 0 if result.status == "COMPLETED" else 1


def _folder(options: argparse.Namespace, task: TaskDefinition) -> Folder | None:
    if not task.has_workspace:
        if options.workspace is not None:
            tell(f"task {task.name!r} takes no workspace; --workspace is not used")
        return None
    if options.workspace is None or not options.workspace.is_dir():
        raise Unusable([Problem(f"task {task.name!r} takes a workspace: --workspace must name a folder that is there")])
    return Folder(options.workspace.resolve(), options.in_place)


def _payload(source: str, task: TaskDefinition) -> dict[str, Any]:
    try:
        payload = json.loads(sys.stdin.read() if source == "-" else Path(source).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Unusable([Problem(f"--input {source}: {error}")]) from error
    if not isinstance(payload, dict):
        raise Unusable([Problem(f'--input {source}: it must hold an object such as {{"params": {{}}}}')])
    return {"workspace": LOCAL_WORKSPACE, **payload} if task.has_workspace else payload


def _attempt(task: TaskDefinition, payload: dict[str, Any], folder: Folder | None) -> RuntimeTaskResult:
    if folder is None:
        return run_workspace_free_task_attempt(task, payload)
    with tempfile.TemporaryDirectory(prefix="perago-run-") as root:
        return run_workspace_task_attempt(
            task,
            payload,
            LocalAttempt(task.name),
            Path(root),
            download_workspace=folder.download,
            load_current_attempt=folder.load,
            stage_workspace=folder.stage,
            publish_workspace=folder.publish,
            cleanup_staging=folder.cleanup,
            complete_noop_workspace=folder.complete_noop,
        )


def _facts(result: RuntimeTaskResult, folder: Folder | None, started: float) -> dict[str, Any]:
    total = round(time.perf_counter() - started, 4)
    facts: dict[str, Any] = {
        "result": result.conductor_payload(),
        "timings": {**_timings(folder, started), "total": total},
    }
    if folder is not None:
        changes = folder.changes
        facts |= {"changes": {"added": changes.added, "modified": changes.modified, "deleted": changes.deleted}}
        facts |= {"applied": folder.in_place and bool(changes) and result.status == "COMPLETED"}
    return facts


def _timings(folder: Folder | None, started: float) -> dict[str, float]:
    """Seconds that each step took, up to the last one that was reached."""
    seconds, before = {}, started
    for step in STEPS:
        if folder is not None and step in folder.marks:
            seconds[step] = round(folder.marks[step] - before, 4)
            before = folder.marks[step]
    return seconds


def _text(facts: dict[str, Any], folder: Folder | None) -> list[str]:
    lines = [] if folder is None else _changes_text(facts, folder)
    lines += [json.dumps(facts["result"], indent=2, ensure_ascii=False)]
    return [*lines, "  ".join(f"{step} {seconds:.3f} s" for step, seconds in facts["timings"].items())]


def _changes_text(facts: dict[str, Any], folder: Folder) -> list[str]:
    signs = {"added": "+", "modified": "~", "deleted": "-"}
    lines = [f"{signs[kind]} {path}" for kind, paths in facts["changes"].items() for path in paths]
    if not lines:
        return ["nothing changed"]
    return [*lines, *folder.diff, "applied to the folder" if facts["applied"] else "the folder is left as it was"]
