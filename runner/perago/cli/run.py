"""`perago run`: the attempt core on the author's machine, with a local folder in place of lakeFS."""

import argparse
import json
import logging
import os.path
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perago.agent.outcome import OutputTooLarge, check_output
from perago.cli.folder import Folder, local_attempt
from perago.cli.loading import load
from perago.cli.output import Answer, Misused, as_json, printable, tell
from perago.cli.traces import AuthorsLog
from perago.errors import TaskDefinitionError
from perago.execution import run_workspace_free_task_attempt, run_workspace_task_attempt
from perago.result import RuntimeTaskResult, failed_result
from perago.task import TaskDefinition, excluding
from perago.wire.inputs import input_problem

STEPS = ("downloading", "executing", "staging", "publishing")
MOST_PATHS = 100
"""The limit of changed files that are listed as text; `--json` lists them all."""
LOCAL_WORKSPACE = {"repository": "local", "branch": "local", "refType": "commit", "ref": "local"}


def execute(options: argparse.Namespace) -> Answer:
    """Run one attempt; returns what it would publish, and its result."""
    task = _excluding(load(options.module), options.exclude)
    folder = _folder(options, task)
    payload = _payload(options.input, task)
    started = time.perf_counter()
    with _authors_log():
        result = _recordable(_attempt(task, payload, folder))
    facts = _facts(result, folder, started)
    return Answer("\n".join(_text(facts, folder, task)), facts, 0 if facts["ok"] else 1)


def _excluding(task: TaskDefinition, patterns: list[str]) -> TaskDefinition:
    try:
        return excluding(task, patterns)
    except TaskDefinitionError as error:
        raise Misused(f"--exclude: {error}") from error


def _folder(options: argparse.Namespace, task: TaskDefinition) -> Folder | None:
    if not task.has_workspace:
        for option, is_set in (("--workspace", options.workspace is not None), ("--in-place", options.in_place)):
            if is_set:
                tell(f"task {task.name!r} does not take a workspace; {option} is ignored")
        return None
    if options.workspace is None:
        raise Misused(f"task {task.name!r} takes a workspace: pass a folder with --workspace")
    path = Path(options.workspace)
    if not os.path.isdir(options.workspace):  # noqa: PTH112 - Path's asks to be caught where a parent is closed
        what = "is not a folder" if os.path.exists(options.workspace) else "does not exist"  # noqa: PTH110 - as above
        raise Misused(f"--workspace {options.workspace!r} {what}: task {task.name!r} takes a folder as its workspace")
    if options.in_place and not _writable(path):
        raise Misused(f"--workspace {options.workspace!r} is not writable; without --in-place, changes are only shown")
    return Folder(path.resolve(), options.in_place)


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _payload(source: str, task: TaskDefinition) -> dict[str, Any]:
    payload = _read(source)
    if not isinstance(payload, dict):
        raise Misused(f'--input {source!r} must contain an object such as {{"params": {{}}}}, not {_kind(payload)}')
    if "params" not in payload:
        keys = ", ".join(map(repr, sorted(payload))) or "none"
        raise Misused(
            f'--input {source!r} has no key "params"; wrap the parameters in {{"params": {{…}}}}; keys: {keys}'
        )
    if problem := input_problem(payload):
        raise Misused(f"--input {source!r}: {problem}")
    return {"workspace": LOCAL_WORKSPACE, **payload} if task.has_workspace else payload


def _read(source: str) -> object:
    try:
        return json.loads(sys.stdin.read() if source == "-" else Path(source).read_text("utf-8"))
    except OSError as error:
        raise Misused(f"--input {source!r}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Misused(f"--input {source!r} is not valid UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Misused(f"--input {source!r} is not JSON: {where}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise Misused(f"--input {source!r} cannot be read: {error}") from error


def _kind(value: object) -> str:
    return {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}.get(type(value), "a number")


@contextmanager
def _authors_log() -> Iterator[None]:
    """In this block, what the core logs is shown to the author."""
    log, handler = logging.getLogger("perago"), AuthorsLog()
    propagated, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.propagate = propagated


def _attempt(task: TaskDefinition, payload: dict[str, Any], folder: Folder | None) -> RuntimeTaskResult:
    if folder is None:
        return run_workspace_free_task_attempt(task, payload)
    with tempfile.TemporaryDirectory(prefix="perago-run-") as root:
        return run_workspace_task_attempt(
            task,
            payload,
            local_attempt(task.name),
            Path(root).resolve(),
            download_workspace=folder.download,
            load_current_attempt=folder.load,
            stage_workspace=folder.stage,
            publish_workspace=folder.publish,
            cleanup_staging=folder.cleanup,
            complete_noop_workspace=folder.complete_noop,
        )


def _recordable(result: RuntimeTaskResult) -> RuntimeTaskResult:
    """The same result, or a failure if the output is too large to be recorded in the cluster."""
    try:
        check_output(result.output or {})
    except OutputTooLarge as error:
        return failed_result(str(error))
    return result


def _facts(result: RuntimeTaskResult, folder: Folder | None, started: float) -> dict[str, Any]:
    ended = time.perf_counter()
    facts: dict[str, Any] = {"ok": result.status == "COMPLETED", "result": result.conductor_payload()}
    if folder is not None:
        facts |= {"changes": _changes(folder), "diff": "\n".join(folder.diff), "applied": folder.applied}
    return facts | {"timings": {**_timings(folder, ended), "total": round(ended - started, 4)}}


def _changes(folder: Folder) -> dict[str, tuple[str, ...]] | None:
    changes = folder.changes
    if changes is None:
        return None
    return {"added": changes.added, "modified": changes.modified, "deleted": changes.deleted}


def _timings(folder: Folder | None, ended: float) -> dict[str, float]:
    """The seconds that each step took, up to the last step that was reached."""
    marks = {} if folder is None else dict(folder.marks)
    if "downloading" in marks:
        marks.setdefault("executing", ended)
    seconds, before = {}, marks.get("started", 0.0)
    for step in STEPS:
        if step in marks:
            seconds[step] = round(marks[step] - before, 4)
            before = marks[step]
    return seconds


def _text(facts: dict[str, Any], folder: Folder | None, task: TaskDefinition) -> list[str]:
    lines = [] if folder is None or task.workspace is None else _folder_text(facts, folder, task.workspace.read_only)
    lines += [as_json(facts["result"])]
    return [*lines, "  ".join(f"{step} {seconds:.3f} s" for step, seconds in facts["timings"].items())]


def _folder_text(facts: dict[str, Any], folder: Folder, read_only: bool) -> list[str]:
    if folder.changes:
        lines = [*_paths_text(facts["changes"]), *map(printable, folder.diff)]
        return [*lines, "applied to the folder" if folder.applied else _not_applied(facts, folder)]
    if not facts["ok"]:
        return ["the attempt failed: nothing is published"]
    return ["read-only: nothing is published" if read_only else "nothing changed"]


def _paths_text(changes: dict[str, tuple[str, ...]]) -> list[str]:
    signs = {"added": "+", "modified": "~", "deleted": "-"}
    lines = [f"{signs[kind]} {printable(path)}" for kind, paths in changes.items() for path in paths]
    more = len(lines) - MOST_PATHS
    return lines if more <= 0 else [*lines[:MOST_PATHS], f"… and {more} more files"]


def _not_applied(facts: dict[str, Any], folder: Folder) -> str:
    if folder.applying:
        return "the attempt failed while its changes were being applied to the folder"
    return "the folder is left as it was" if facts["ok"] else "the attempt failed: nothing is published"
