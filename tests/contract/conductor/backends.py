"""The two Conductors of the suite: the fake, and a real server behind a proxy."""

import asyncio
import json
import urllib.request
from dataclasses import dataclass
from typing import Any

from perago.wire import IN_PROGRESS, ConductorTask
from perago_operator.adapters.conductor import HttpConductor
from perago_operator.ports import Conductor
from tests.contract.conductor.jobs import End, Job, Shape, until_not
from tests.fakes.conductor import FakeConductor
from tests.fakes.conductor_server import Step, TaskType, loop
from tests.faults.kinds import Fault
from tests.faults.proxy import Proxy

LEASES = 8
"""Leases that race with the end of a task. Of 40 tasks on a busy machine, 35 were revived by one of them."""
RACES = 30


class FakeBackend:
    """The fake."""

    def __init__(self) -> None:
        self.fake = FakeConductor()
        self.conductor: Conductor = self.fake

    def break_(self, call: str, fault: Fault[Any]) -> None:
        """See `Backend`."""
        self.fake.faults.on(call, fault)

    def check(self) -> None:
        """Raise AssertionError unless every fault has been met."""
        self.fake.faults.check()

    async def define(self, task_type: str, *, response_seconds: int, retries: int) -> None:
        """See `Backend`."""
        self.fake.types[task_type] = TaskType(retries, response_seconds)

    async def start(self, task_type: str, shape: Shape, text: str, domain: str | None, priority: int = 0) -> str:
        """See `Backend`."""
        shapes = {
            "single": [Step(task_type)],
            "sequence": [Step(task_type), Step(task_type, "next")],
            "loop": loop(task_type, 2),
        }
        return self.fake.start(*shapes[shape], domain=domain, input_data={"text": text}, priority=priority)

    async def terminate(self, workflow_id: str) -> None:
        """See `Backend`."""
        self.fake.terminate(workflow_id)

    async def rerun(self, task: ConductorTask) -> None:
        """See `Backend`."""
        self.fake.rerun(task.task_id)

    async def workflow_status(self, workflow_id: str) -> str:
        """See `Backend`."""
        return self.fake.workflows[workflow_id].status

    async def log_entries(self, task_id: str) -> list[str]:
        """See `Backend`."""
        return self.fake.tasks[task_id].log

    async def timed_out(self, job: Job, task: ConductorTask) -> None:
        """See `Backend`."""
        self.fake.pass_time(task.response_timeout_seconds + 1)

    async def revived(self, job: Job, end: End) -> ConductorTask:
        """See `Backend`."""
        task = (await job.polled()).task
        land = self.fake.lease_under_way(task.task_id)
        await end(task)
        land()
        return task


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

    async def acall(self, method: str, path: str, body: Any = None) -> Any:
        """The same from a coroutine."""
        return await asyncio.to_thread(self.call, method, path, body)


REQUESTS = {
    "poll": "^GET .*/tasks/poll/batch/",
    "read": "^GET .*/tasks/[^/]+$",
    "find": "^GET .*/tasks/[^/]+$",
    "in_progress": "^GET .*/tasks/search",
    "extend_lease": "^POST .*/tasks$",
    "report": "^POST .*/tasks$",
    "give_back": "^POST .*/tasks$",
}
OWNER = {"ownerEmail": "a@example.org"}


class RealBackend:
    """A real server."""

    def __init__(self, server: Server, proxy: Proxy, client: HttpConductor) -> None:
        self.server = server
        self.conductor: Conductor = client
        self._proxy = proxy

    def break_(self, call: str, fault: Fault[Any]) -> None:
        """See `Backend`."""
        self._proxy.on(REQUESTS[call], fault)

    async def define(self, task_type: str, *, response_seconds: int, retries: int) -> None:
        """See `Backend`."""
        times = {"retryDelaySeconds": 0, "timeoutSeconds": 3600, "responseTimeoutSeconds": response_seconds}
        definition = {"name": task_type, "retryCount": retries} | OWNER | times
        await self.server.acall("POST", "/metadata/taskdefs", [definition])
        for shape, tasks in _shapes(task_type).items():
            workflow = {"name": f"{task_type}-{shape}", "version": 1, "schemaVersion": 2, "timeoutSeconds": 0}
            await self.server.acall("POST", "/metadata/workflow", workflow | OWNER | {"tasks": tasks})

    async def start(self, task_type: str, shape: Shape, text: str, domain: str | None, priority: int = 0) -> str:
        """See `Backend`."""
        named: dict[str, Any] = {"name": f"{task_type}-{shape}", "version": 1}
        body = named | {"input": {"text": text}, "priority": priority}
        routed = {"taskToDomain": {task_type: domain}} if domain else {}
        return str(await self.server.acall("POST", "/workflow", body | routed))

    async def terminate(self, workflow_id: str) -> None:
        """See `Backend`."""
        await self.server.acall("DELETE", f"/workflow/{workflow_id}")

    async def rerun(self, task: ConductorTask) -> None:
        """See `Backend`."""
        path = f"/workflow/{task.workflow_instance_id}/rerun"
        await self.server.acall("POST", path, {"reRunFromTaskId": task.task_id})

    async def workflow_status(self, workflow_id: str) -> str:
        """See `Backend`."""
        workflow = await self.server.acall("GET", f"/workflow/{workflow_id}?includeTasks=false")
        return str(workflow["status"])

    async def log_entries(self, task_id: str) -> list[str]:
        """See `Backend`."""
        return [entry["log"] for entry in await self.server.acall("GET", f"/tasks/{task_id}/log")]

    async def timed_out(self, job: Job, task: ConductorTask) -> None:
        """See `Backend`."""
        await until_not(IN_PROGRESS, job, task)

    async def revived(self, job: Job, end: End) -> ConductorTask:
        """See `Backend`. Whether the server reads a lease's task before its end and writes it afterwards is chance."""
        for _ in range(RACES):
            task = (await job.polled()).task
            leases = [self.conductor.extend_lease(task) for _ in range(LEASES)]
            await asyncio.gather(*leases[: LEASES // 2], end(task), *leases[LEASES // 2 :])
            if await job.status(task) == IN_PROGRESS:
                return task
        raise AssertionError(f"no lease came late in {RACES} races")


def _shapes(task_type: str) -> dict[Shape, list[dict[str, Any]]]:
    inputs = {"inputParameters": {"text": "${workflow.input.text}"}}
    task = {"name": task_type, "taskReferenceName": "ref", "type": "SIMPLE"} | inputs
    again = {"loopCondition": "if ($.loop['iteration'] < 2) { true; } else { false; }", "loopOver": [task]}
    return {
        "single": [task],
        "sequence": [task, task | {"taskReferenceName": "next"}],
        "loop": [{"name": "loop", "taskReferenceName": "loop", "type": "DO_WHILE"} | again],
    }
