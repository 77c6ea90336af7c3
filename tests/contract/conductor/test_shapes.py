"""Tasks in forks and sub-workflows, and of types with a limit, on a real server: each is a task like any other.

On 3.32.3 with SQLite, `rateLimitPerFrequency` has no effect, and a task that waited for a limit of
`concurrentExecLimit` comes about a minute after there is room.
"""

import uuid
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.contract.conductor.backends import OWNER, RealBackend
from tests.contract.conductor.jobs import Job, until_not
from tests.contract.conductor.outcomes import COMPLETED

pytestmark = pytest.mark.conductor

Start = Callable[[list[dict[str, Any]]], Coroutine[Any, Any, str]]


@pytest.fixture
def backend(real_backend: RealBackend) -> RealBackend:
    """The fake has steps in a row and loops alone."""
    return real_backend


@pytest.fixture
def start(backend: RealBackend) -> Start:
    """Starts a workflow of these tasks."""

    async def started(tasks: list[dict[str, Any]]) -> str:
        name = f"w_{uuid.uuid4().hex[:12]}"
        workflow = {"name": name, "version": 1, "schemaVersion": 2, "timeoutSeconds": 0, "tasks": tasks}
        await backend.server.acall("POST", "/metadata/workflow", workflow | OWNER)
        return str(await backend.server.acall("POST", "/workflow", {"name": name, "version": 1, "input": {}}))

    return started


def step(job: Job, name: str) -> dict[str, Any]:
    """A task of the job's type within a workflow."""
    return {"name": job.name, "taskReferenceName": name, "type": "SIMPLE"}


async def test_branches_of_a_fork_are_tasks_of_one_workflow(job: Job, backend: RealBackend, start: Start) -> None:
    """They have reference names of their own, and so publish as logical tasks of their own."""
    fork = {"name": "fork", "taskReferenceName": "fork", "type": "FORK_JOIN"}
    join = {"name": "join", "taskReferenceName": "join", "type": "JOIN", "joinOn": ["left", "right"]}
    workflow = await start([fork | {"forkTasks": [[step(job, "left")], [step(job, "right")]]}, join])
    left, right = (polled.task for polled in await job.poll(count=2))
    assert {left.logical_task, right.logical_task} == {f"{workflow}/left/0", f"{workflow}/right/0"}
    for task in (left, right):
        await job.client.report(task, COMPLETED)
    assert [await job.status(task) for task in (left, right)] == ["COMPLETED", "COMPLETED"]


async def test_a_task_of_a_sub_workflow_ends_with_the_parent(job: Job, backend: RealBackend, start: Start) -> None:
    """It belongs to the sub-workflow, and is canceled when somebody terminates the workflow above it."""
    below = {"subWorkflowParam": {"name": f"{job.name}-single", "version": 1}}
    parent = await start([{"name": "below", "taskReferenceName": "below", "type": "SUB_WORKFLOW"} | below])
    task = (await job.next_task()).task
    assert task.workflow_instance_id != parent
    await backend.terminate(parent)
    await until_not("IN_PROGRESS", job, task)
    assert await job.status(task) == "CANCELED"


async def test_conductor_keeps_a_limit_of_its_own(job: Job, backend: RealBackend) -> None:
    """Beside `maxConcurrency`: what waits for the limit is not handed out, and lost nowhere."""
    definition = await backend.server.acall("GET", f"/metadata/taskdefs/{job.name}")
    await backend.server.acall("PUT", "/metadata/taskdefs", definition | {"concurrentExecLimit": 1})
    for _ in range(2):
        await job.start()
    assert len(await job.poll(count=2, timeout_ms=1000)) == 1
    assert await job.poll(count=2, timeout_ms=1000) == []
    assert await job.client.queue_size(job.name, None) == 1
