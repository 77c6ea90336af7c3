"""Task types, workflows and tasks of one test at a Conductor server."""

import asyncio
import json
import time
import urllib.request
import uuid
from dataclasses import dataclass, field
from typing import Any

from perago_operator.adapters.conductor import HttpConductor
from perago_operator.ports import PolledTask

EVENTUALLY_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """A Conductor server; its URL ends in `/api`."""

    url: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call, as any client would make it; JSON where the answer is, else its text."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            text = response.read().decode()
        try:
            return json.loads(text)
        except ValueError:
            return text


@dataclass(frozen=True)
class Job:
    """A task type of its own, and a workflow with one task of it."""

    server: Server
    client: HttpConductor
    response_seconds: int = 600
    retries: int = 0
    name: str = field(default_factory=lambda: f"t_{uuid.uuid4().hex[:12]}")

    def register(self) -> "Job":
        """Put both definitions into the server."""
        definition = {"name": self.name, "ownerEmail": "a@example.org", "retryCount": self.retries}
        times = {"retryDelaySeconds": 0, "timeoutSeconds": 3600, "responseTimeoutSeconds": self.response_seconds}
        self.server.call("POST", "/metadata/taskdefs", [definition | times])
        task = {"name": self.name, "taskReferenceName": "ref", "type": "SIMPLE"}
        inputs = {"inputParameters": {"text": "${workflow.input.text}"}}
        workflow = {"name": self.name, "version": 1, "schemaVersion": 2, "ownerEmail": "a@example.org"}
        self.server.call("POST", "/metadata/workflow", workflow | {"timeoutSeconds": 0, "tasks": [task | inputs]})
        return self

    def start(self, text: str = "hello", domain: str | None = None) -> str:
        """Start a workflow, its task for the workers of a domain if one is given; returns its id."""
        given: dict[str, Any] = {"name": self.name, "version": 1, "input": {"text": text}}
        started: str = self.server.call(
            "POST", "/workflow", given | {"taskToDomain": {self.name: domain}} if domain else given
        )
        return started

    def workflow(self, workflow_id: str) -> dict[str, Any]:
        """The workflow with its tasks, as it is now."""
        found: dict[str, Any] = self.server.call("GET", f"/workflow/{workflow_id}?includeTasks=true")
        return found

    async def poll(self, count: int = 1, timeout_ms: int = 5000, domain: str | None = None) -> list[PolledTask]:
        """Poll with our client."""
        return await self.client.poll(self.name, domain=domain, worker_id="me", count=count, timeout_ms=timeout_ms)

    async def polled(self) -> PolledTask:
        """Start a workflow and take its task."""
        self.start()
        return await self.next_task()

    async def next_task(self) -> PolledTask:
        """The next task; it may take the server's sweeper a while to schedule it."""
        deadline = time.monotonic() + EVENTUALLY_SECONDS
        while time.monotonic() < deadline:
            if found := await self.poll():
                return found[0]
        raise AssertionError(f"no task of {self.name} within {EVENTUALLY_SECONDS} s")

    async def left(self, task_id: str, status: str) -> None:
        """Wait until the task has another status; the server's sweeper takes its time."""
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            while await self.status(task_id) == status:  # noqa: ASYNC110 -- a server of its own
                await asyncio.sleep(0.2)

    async def status(self, task_id: str) -> str:
        """The status of a task, read with our client."""
        state = await self.client.read(task_id)
        assert state is not None
        return state.status
