"""Builders and recording fakes for the core's tests: an attempt, a payload, a task, and a world that can fail."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import perago
from perago.attempt import Changes
from perago.guards import Guardrail
from perago.workspace.manifest import Manifest, ManifestEntry, entry_for, hash_file


class Params(BaseModel):
    """Params of the tasks below."""

    count: int = 1


class Outcome(BaseModel):
    """Result of the tasks below."""

    count: int


@dataclass(frozen=True)
class FakeAttempt:
    """An attempt as Conductor describes it."""

    status: str = "IN_PROGRESS"
    workflow_instance_id: str = "wf-1"
    task_id: str = "task-1"
    retry_count: int = 0
    reference_task_name: str = "build"
    seq: int = 3
    iteration: int = 0
    task_def_name: str = "features.build"


def workspace_payload(**changes: Any) -> dict[str, Any]:
    """Conductor's `workspace`, spelled as since 0.5."""
    return {"repository": "repo", "branch": "main", "refType": "commit", "ref": "A"} | changes


def payload(**params: Any) -> dict[str, Any]:
    """A workspace task's payload."""
    return {"workspace": workspace_payload(), "params": params}


Body = Callable[[Path, Params], Outcome]


def task_of(
    body: Body, *, pre: Iterable[Guardrail] = (), post: Iterable[Guardrail] = (), read_only: bool = False
) -> perago.TaskDefinition:
    """A workspace task with this body."""

    def run(workspace: Path, params: Params) -> Outcome:
        return body(workspace, params)

    spec = perago.WorkspaceSpec(pre=list(pre), post=list(post), read_only=read_only)
    return perago.task(name="features.build", owner_email="a@example.org", workspace=spec)(run).__perago_task__


def free_task_of(body: Callable[[Params], Outcome]) -> perago.TaskDefinition:
    """A workspace-free task with this body."""

    def run(params: Params) -> Outcome:
        return body(params)

    return perago.task(name="plain", owner_email="a@example.org")(run).__perago_task__


def writing(workspace: Path, params: Params) -> Outcome:
    """A body that adds a file."""
    (workspace / "out.txt").write_text("new")
    return Outcome(count=params.count)


def idle(_workspace: Path, params: Params) -> Outcome:
    """A body that changes nothing."""
    return Outcome(count=params.count)


@dataclass
class World:
    """The six callbacks: records their order and can fail at any of them, as often as they are called."""

    files: dict[str, str] = field(default_factory=lambda: {"in.txt": "old"})
    fail_at: dict[str, BaseException] = field(default_factory=dict)
    stale_from_fence: int | None = None
    with_manifest: bool = False
    calls: list[str] = field(default_factory=list)
    executions: list[perago.TaskExecutionContext] = field(default_factory=list)
    seen_at_download: list[str] = field(default_factory=list)

    def step(self, name: str) -> None:
        """Record a step; raise what is to fail at it, by name or by name and number."""
        self.calls.append(name)
        numbered = f"{name} {self.calls.count(name)}"
        for failing in (name, numbered):
            if failing in self.fail_at:
                raise self.fail_at[failing]

    def download(
        self, workspace: perago.WorkspaceInput, spec: perago.WorkspaceSpec, directory: Path
    ) -> Manifest | None:
        self.step("download")
        self.seen_at_download = [path.name for path in directory.iterdir()]
        entries = []
        for name, text in self.files.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(text)
            entries.append(manifest_entry(directory, name))
        return Manifest.of(entries) if self.with_manifest else None

    def load(self, attempt: FakeAttempt) -> FakeAttempt:
        self.step("fence")
        stale = self.stale_from_fence is not None and self.calls.count("fence") >= self.stale_from_fence
        return replace(attempt, status="TIMED_OUT") if stale else attempt

    def stage(self, directory: Path, _w: object, _s: object, execution: Any) -> perago.StagedWorkspace:
        self.step("stage")
        self.executions.append(execution)
        return perago.StagedWorkspace("repo", perago.staging_branch_name(execution), "C")

    def publish(self, staged: perago.StagedWorkspace, _w: object, _s: object, execution: Any) -> str:
        self.step("publish")
        self.executions.append(execution)
        return "H2"

    def noop(self, workspace: perago.WorkspaceInput, _s: object, execution: Any) -> str:
        self.step("noop")
        self.executions.append(execution)
        return workspace.ref

    def cleanup(self, staged: perago.StagedWorkspace) -> None:
        self.step("cleanup")

    @property
    def changes(self) -> Changes | None:
        """The changes that the last callback was given."""
        return self.executions[-1].changes if self.executions else None


LEVELS = 1_100
"""More folders in each other than calls that Python allows."""


def make_deep(root: Path, name: str) -> None:
    """A folder in a folder in a folder … of this name, and a file at the end; with four letters, no path can say it."""
    folder = os.open(root, os.O_RDONLY)
    for _ in range(LEVELS):
        os.mkdir(name, dir_fd=folder)
        deeper = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = deeper
    os.close(os.open("f", os.O_CREAT, dir_fd=folder))
    os.close(folder)


def manifest_entry(directory: Path, name: str) -> ManifestEntry:
    """The manifest's entry of a file that is there."""
    path = directory / name
    return entry_for(name, path.stat(), hash_file(path))


def run_attempt(
    task: perago.TaskDefinition, root: Path, world: World, input_data: dict[str, Any] | None = None, **options: Any
) -> perago.RuntimeTaskResult:
    """One attempt against this world."""
    defaults: dict[str, Any] = {
        "complete_noop_workspace": world.noop,
        "failure_reason_max_length": 500,
        "load_current_attempt": world.load,
    }
    return perago.run_workspace_task_attempt(
        task,
        payload() if input_data is None else input_data,
        options.pop("attempt", FakeAttempt()),
        root,
        download_workspace=world.download,
        stage_workspace=world.stage,
        publish_workspace=world.publish,
        cleanup_staging=world.cleanup,
        **(defaults | options),
    )
