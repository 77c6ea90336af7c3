"""Task modules written to the contract's table run unchanged, and their TaskDefs are exact to the letter."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import perago
from tests.unit.perago.kit import World

PACKAGE = "tests.unit.perago.task_modules"


def loaded(name: str) -> perago.TaskDefinition:
    return perago.load_module_task(f"{PACKAGE}.{name}")


def run(name: str, files: dict[str, str], params: Any, tmp_path: Path) -> tuple[perago.RuntimeTaskResult, World]:
    """One attempt as a worker of 0.4 runs it: plain callables, any object as attempt, the old spelling."""
    world = World(files=files)
    attempt = SimpleNamespace(
        status="IN_PROGRESS", workflow_instance_id="wf", task_id="t", retry_count=0, reference_task_name="ref",
        seq=1, iteration=0, task_def_name=name,
    )  # fmt: skip
    result = perago.run_workspace_task_attempt(
        loaded(name),
        {"workspace": {"repository": "repo", "branch": "main", "ref_type": "commit", "ref": "A"}, "params": params},
        attempt,
        tmp_path,
        download_workspace=lambda workspace, spec, directory: world.download(workspace, spec, directory),
        load_current_attempt=lambda current: current,
        stage_workspace=world.stage,
        publish_workspace=world.publish,
        cleanup_staging=world.cleanup,
        complete_noop_workspace=world.noop,
        failure_reason_max_length=500,
    )
    return result, world


def old_workspace(ref: str) -> dict[str, str]:
    return {"repository": "repo", "branch": "main", "ref_type": "commit", "ref": ref}


def test_a_writable_task_with_everything_runs(tmp_path: Path) -> None:
    """Prefix, guardrails, enums, nested params and a path in the result: published, spelled as it came."""
    params = {"shots": [{"title": "sea", "frames": 3}, {"title": "sky", "frames": 4}], "quality": "high"}
    result, world = run("render", {"raw/a/1.wav": "w"}, params, tmp_path)
    assert result.output == {"workspace": old_workspace("H2"), "result": {"rendered": 7, "folder": "out"}}
    assert world.changes is not None
    assert world.changes.added == ("out/index.txt",)


def test_a_read_only_task_with_postponed_annotations_runs(tmp_path: Path) -> None:
    """What it does to its copy is nobody's business; the output is at the input ref."""
    result, world = run("survey", {"a.txt": "1\n2", "b/c.txt": "3"}, {}, tmp_path)
    entries = [{"path": "a.txt", "lines": 2}, {"path": "b/c.txt", "lines": 1}]
    assert result.output == {"workspace": old_workspace("A"), "result": {"entries": entries}}
    assert world.calls == ["download"]


def test_a_task_of_old_imports_runs(tmp_path: Path) -> None:
    """Sets from JSON lists, tuples to JSON lists, positional options, guardrails that hold only afterwards."""
    files = {"keep.txt": "k", "junk1": "", "junk2": ""}
    result, world = run("seasoned", files, {"keep": ["keep.txt"]}, tmp_path)
    assert result.output == {"workspace": old_workspace("H2"), "result": {"removed": ["junk1", "junk2"]}}
    assert world.changes is not None
    assert world.changes.deleted == ("junk1", "junk2")


@pytest.mark.parametrize(
    ("name", "files", "params", "status", "reason"),
    [
        ("render", {"raw/a.mp3": ""}, {"shots": []}, "FAILED_WITH_TERMINAL_ERROR", "pre guardrail: require_glob"),
        (
            "render",
            {"raw/a.wav": ""},
            {"shots": [{"title": "x", "frames": 0}]},
            "FAILED",
            "RenderParams.shots.0.frames",
        ),
        ("render", {"raw/a.wav": "", "x.tmp": ""}, {"shots": []}, "FAILED", "post guardrail: forbid_glob"),
        ("survey", {"a.bin": ""}, {}, "FAILED_WITH_TERMINAL_ERROR", "pre guardrail: require_glob"),
        ("seasoned", {"keep.txt": ""}, {}, "FAILED", "keep.txt is gone"),
        ("seasoned", {"keep.txt": ""}, {"keep": "keep.txt"}, "FAILED", "Tidy.keep"),
    ],
)
def test_their_failures_are_the_contracts(
    tmp_path: Path, name: str, files: dict[str, str], params: Any, status: str, reason: str
) -> None:
    """Guardrails, validation and the body's own failure end each module's attempt as the contract says."""
    result, world = run(name, files, params, tmp_path)
    assert (result.status, world.calls) == (status, ["download"])
    assert reason in str(result.reason_for_incompletion)


@pytest.mark.parametrize(
    ("params", "want"),
    [
        ({"values": [1, 2, 6]}, {"status": "COMPLETED", "output": {"result": {"mean": 3}}}),
        ({"values": []}, {"status": "FAILED_WITH_TERMINAL_ERROR", "reasonForIncompletion": "no values"}),
        ({"values": [1], "atLeast": 2}, {"status": "FAILED", "reasonForIncompletion": "1 of 2 values"}),
    ],
)
def test_a_workspace_free_task_runs(params: dict[str, Any], want: dict[str, Any]) -> None:
    """A dict in place of the model, an aliased param, and both failures on purpose."""
    result = perago.run_workspace_free_task_attempt(loaded("score"), {"params": params}, failure_reason_max_length=500)
    assert result.conductor_payload() == want


WORKSPACE_SCHEMA = {
    "additionalProperties": False,
    "properties": {
        "repository": {"type": "string"},
        "branch": {"type": "string"},
        "ref_type": {"const": "commit", "type": "string"},
        "ref": {"type": "string"},
    },
    "required": ["repository", "branch", "ref_type", "ref"],
    "type": "object",
}
SHOT_SCHEMA = {
    "additionalProperties": False,
    "properties": {
        "title": {"type": "string"},
        "frames": {"description": "how many frames it has", "minimum": 1, "type": "integer"},
    },
    "required": ["title", "frames"],
    "type": "object",
}


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


RENDER_TASKDEF = {
    "name": "audio.render",
    "ownerEmail": "render@example.org",
    "description": "renders the shots",
    "retryCount": 10,
    "retryLogic": "EXPONENTIAL_BACKOFF",
    "retryDelaySeconds": 5,
    "maxRetryDelaySeconds": 300,
    "backoffJitterMs": 250,
    "totalTimeoutSeconds": 86400,
    "timeoutPolicy": "RETRY",
    "timeoutSeconds": 7200,
    "responseTimeoutSeconds": 900,
    "pollTimeoutSeconds": 60,
    "concurrentExecLimit": 4,
    "rateLimitFrequencyInSeconds": 60,
    "rateLimitPerFrequency": 10,
    "inputKeys": ["workspace", "params"],
    "outputKeys": ["workspace", "result"],
    "inputSchema": {
        "name": "audio.render.input",
        "version": 1,
        "type": "JSON",
        "data": closed(
            ["workspace", "params"],
            workspace=WORKSPACE_SCHEMA,
            params=closed(
                ["shots"],
                shots={"description": "in order", "items": SHOT_SCHEMA, "type": "array"},
                quality={"default": "low", "enum": ["low", "high"], "type": "string"},
            ),
        ),
    },
    "outputSchema": {
        "name": "audio.render.output",
        "version": 1,
        "type": "JSON",
        "data": closed(
            ["workspace", "result"],
            workspace=WORKSPACE_SCHEMA,
            result=closed(
                ["rendered"],
                rendered={"type": "integer"},
                folder={"default": "out", "format": "path", "type": "string"},
            ),
        ),
    },
}


def test_the_taskdef_of_everything_is_exact(tmp_path: Path) -> None:
    """Every key, its value and its place; the file holds the same."""
    taskdef = perago.build_taskdef(loaded("render"))
    assert taskdef == RENDER_TASKDEF
    assert list(taskdef) == list(RENDER_TASKDEF)
    path = perago.write_taskdef(loaded("render"), tmp_path / "deep" / "render.json")
    assert json.loads(path.read_text()) == RENDER_TASKDEF
    assert list(json.loads(path.read_text())) == list(RENDER_TASKDEF)


def test_the_taskdef_of_next_to_nothing_is_exact() -> None:
    """Defaults are written out, limits and description left out, an alias is the name that Conductor sees."""
    params = closed(
        ["values"],
        values={"type": "array", "items": {"type": "number"}},
        atLeast={"type": "integer", "default": 1},
    )
    assert perago.build_taskdef(loaded("score")) == {
        "name": "score",
        "ownerEmail": "a@example.org",
        "retryCount": 0,
        "retryLogic": "FIXED",
        "retryDelaySeconds": 60,
        "maxRetryDelaySeconds": 0,
        "backoffJitterMs": 0,
        "totalTimeoutSeconds": 0,
        "timeoutPolicy": "TIME_OUT_WF",
        "timeoutSeconds": 0,
        "responseTimeoutSeconds": 600,
        "pollTimeoutSeconds": 0,
        "inputKeys": ["params"],
        "outputKeys": ["result"],
        "inputSchema": {
            "name": "score.input", "version": 1, "type": "JSON", "data": closed(["params"], params=params),
        },
        "outputSchema": {
            "name": "score.output", "version": 1, "type": "JSON",
            "data": closed(["result"], result=closed(["mean"], mean={"type": "number"})),
        },
    }  # fmt: skip
