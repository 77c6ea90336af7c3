"""`ports.Conductor` over a server in memory, with calls that can go wrong."""

import asyncio
from collections.abc import Callable

from perago.wire import IN_PROGRESS, ConductorTask, Outcome
from perago_operator.core.answers import ConductorTaskState
from perago_operator.ports import PolledTask, Refused
from tests.fakes.conductor_server import SHOWN_BYTES, ConductorServer, FakeTask, json_bytes
from tests.fakes.faulty import CallFaults, faulty

POLL_MS = 5000


class FakeConductor(ConductorServer):
    """The port, and what a test does on the server's side."""

    def __init__(self) -> None:
        super().__init__()
        self.faults = CallFaults()
        self.late_in_index: list[str] = []
        """Ids of tasks that a search shows as being in progress, whatever has become of them."""
        self._added = asyncio.Event()
        self._polls: set[asyncio.Task[list[PolledTask]]] = set()

    @faulty
    async def poll(
        self, task_type: str, *, domain: str | None, worker_id: str, count: int, timeout_ms: int
    ) -> list[PolledTask]:
        """The server goes on with a poll that its client has given up; the tasks are lost until they time out."""
        if timeout_ms > POLL_MS:
            message = "Long Poll Timeout value cannot be more than 5 seconds"
            raise Refused(f"HTTP 400: {message}", status=400, message=message)
        poll = asyncio.create_task(self._poll(task_type, domain, worker_id, count, timeout_ms))
        self._polls.add(poll)
        poll.add_done_callback(self._polls.discard)
        return await asyncio.shield(poll)

    @faulty
    async def read(self, task_id: str) -> ConductorTaskState | None:
        task = self.tasks.get(task_id)
        if task is None:
            return None
        return ConductorTaskState(task.status, dict(task.output), task.reason, start_time=task.identity.start_time or 0)

    @faulty
    async def in_progress(self, task_type: str) -> list[str]:
        tasks = (task for task in self.tasks.values() if task.identity.task_type == task_type)
        ids = [task.identity.task_id for task in reversed([*tasks]) if task.status == IN_PROGRESS]
        return self.late_in_index + ids

    @faulty
    async def find(self, task_id: str) -> PolledTask | None:
        task = self.tasks.get(task_id)
        return _polled(task) if task and task.status == IN_PROGRESS else None

    @faulty
    async def workflow_ended(self, workflow_id: str) -> bool | None:
        return self.workflows[workflow_id].status != "RUNNING" if workflow_id in self.workflows else None

    @faulty
    async def extend_lease(self, task: ConductorTask) -> None:
        self.lease(task)

    @faulty
    async def give_back(self, task: ConductorTask) -> None:
        self.requeue(task)

    @faulty
    async def report(self, task: ConductorTask, outcome: Outcome) -> None:
        reason = None if outcome.status == "COMPLETED" else outcome.message or outcome.reason
        self.end(task, outcome.status, outcome.full_output() or {}, reason)

    @faulty
    async def queue_size(self, task_type: str, domain: str | None) -> int:
        return len(self.queues[task_type, domain])

    @faulty
    async def log(self, task_id: str, text: str) -> None:
        if task_id in self.tasks:
            self.tasks[task_id].log.append(text)

    async def _poll(
        self, task_type: str, domain: str | None, worker_id: str, count: int, timeout_ms: int
    ) -> list[PolledTask]:
        queue = (task_type, domain)
        await self._until(lambda: len(self.queues[queue]) >= count, timeout_ms / 1000)
        return [_polled(task) for task in self.take(queue, count, worker_id)]

    def _enqueue(self, task_id: str) -> None:
        super()._enqueue(task_id)
        self._added.set()

    async def _until(self, enough: Callable[[], bool], seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not enough():
                    self._added.clear()
                    await self._added.wait()
        except TimeoutError:
            return


def _polled(task: FakeTask) -> PolledTask:
    size = json_bytes(task.input_data)
    hidden = size > SHOWN_BYTES
    return PolledTask(task.identity, {} if hidden else task.input_data, SHOWN_BYTES if hidden else size)
