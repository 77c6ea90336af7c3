"""Task types, workflows and tasks of one test, in a Conductor that is fake or real."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from perago.wire import ConductorTask
from perago_operator.core.answers import ConductorTaskState
from perago_operator.ports import Conductor, PolledTask
from tests.faults.kinds import Fault

EVENTUALLY_SECONDS = 60.0

Shape = Literal["single", "sequence", "loop"]
"""A workflow of one task, of two in a row, or of one that is done twice in a DO_WHILE loop."""
End = Callable[[ConductorTask], Awaitable[None]]


class Backend(Protocol):
    """A Conductor, and what happens on its side of the port."""

    conductor: Conductor

    def break_(self, call: str, fault: Fault[Any]) -> None:
        """Let the next call of that name meet the fault."""

    async def define(self, task_type: str, *, response_seconds: int, retries: int) -> None:
        """Register a task type, and a workflow of each shape."""

    async def start(self, task_type: str, shape: Shape, text: str, domain: str | None, priority: int = 0) -> str:
        """Start a workflow, and return its id."""

    async def terminate(self, workflow_id: str) -> None:
        """Terminate a workflow, as a person would."""

    async def rerun(self, task: ConductorTask) -> None:
        """Run a workflow that has ended again from this task, as a person would."""

    async def workflow_status(self, workflow_id: str) -> str:
        """Such as RUNNING or COMPLETED."""

    async def log_entries(self, task_id: str) -> list[str]:
        """The task's log."""

    async def timed_out(self, job: "Job", task: ConductorTask) -> None:
        """Wait until the response time-out has struck."""

    async def revived(self, job: "Job", end: End) -> ConductorTask:
        """A task that was ended while the server worked on a lease, which then rewrote it as it had been."""


@dataclass(frozen=True)
class Job:
    """A task type of its own, and workflows with tasks of it."""

    backend: Backend
    name: str

    @property
    def client(self) -> Conductor:
        """The operator's port."""
        return self.backend.conductor

    async def start(
        self, shape: Shape = "single", *, text: str = "hello", domain: str | None = None, priority: int = 0
    ) -> str:
        """Start a workflow, its tasks for the workers of a domain if one is given; returns its id."""
        return await self.backend.start(self.name, shape, text, domain, priority)

    async def poll(self, count: int = 1, timeout_ms: int = 5000, domain: str | None = None) -> list[PolledTask]:
        """Poll as a worker called `me`."""
        return await self.client.poll(self.name, domain=domain, worker_id="me", count=count, timeout_ms=timeout_ms)

    async def polled(self, shape: Shape = "single", **more: Any) -> PolledTask:
        """Start a workflow and take its first task."""
        await self.start(shape, **more)
        return await self.next_task()

    async def next_task(self) -> PolledTask:
        """The next task; it may take the server's sweeper a while to schedule it."""
        deadline = time.monotonic() + EVENTUALLY_SECONDS
        while time.monotonic() < deadline:
            if tasks := await self.poll():
                return tasks[0]
        raise AssertionError(f"no task of {self.name} within {EVENTUALLY_SECONDS} s")

    async def read(self, task: ConductorTask) -> ConductorTaskState:
        """The task as it is now."""
        state = await self.client.read(task.task_id)
        assert state is not None
        return state

    async def status(self, task: ConductorTask) -> str:
        """The status of a task."""
        return (await self.read(task)).status

    async def workflow_status(self, task: ConductorTask) -> str:
        """The status of the task's workflow."""
        return await self.backend.workflow_status(task.workflow_instance_id)


async def until_not(status: str, job: Job, task: ConductorTask) -> None:
    """Wait until the task has another status; the server's sweeper takes its time."""
    async with asyncio.timeout(EVENTUALLY_SECONDS):
        while await job.status(task) == status:  # noqa: ASYNC110 -- a server of its own
            await asyncio.sleep(0.2)
