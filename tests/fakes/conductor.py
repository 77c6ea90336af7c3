"""A Conductor in memory that behaves as server 3.32.3 was observed to.

An update of a terminal task is accepted and ignored; there is no compare-and-set; a batch poll waits for all that was
asked for or until its time is over; a poll that is lost leaves its tasks IN_PROGRESS.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from perago.wire import ConductorTask, Outcome
from perago_operator.core.answers import ConductorTaskState
from perago_operator.ports import NotFound, PolledTask
from tests.fakes.trouble import Trouble

TERMINAL = frozenset({"COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT", "CANCELED"})


@dataclass
class FakeTask:
    """A task as the fake server keeps it."""

    identity: ConductorTask
    input_data: dict[str, Any]
    status: str = "SCHEDULED"
    output: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    leases: int = 0
    accepted: int = 0
    """How many results ended this task: never more than one."""
    log: list[str] = field(default_factory=list)


class FakeConductor:
    """`ports.Conductor`, and what a test does on the server's side."""

    def __init__(self) -> None:
        self.trouble = Trouble()
        self.tasks: dict[str, FakeTask] = {}
        self._queues: dict[tuple[str, str | None], list[str]] = defaultdict(list)
        self._added = asyncio.Event()

    def schedule(self, task_type: str, task_id: str = "", *, domain: str | None = None, **more: Any) -> str:
        """A task is put into its queue; `more` are `input_data` or fields of its identity."""
        task_id = task_id or f"task-{len(self.tasks) + 1}"
        input_data = more.pop("input_data", {})
        defaults = {"workflow_instance_id": "wf-1", "reference_task_name": "ref", "seq": len(self.tasks) + 1}
        identity = ConductorTask(task_type=task_type, task_id=task_id, domain=domain, **(defaults | more))
        self.tasks[task_id] = FakeTask(identity, input_data)
        self._enqueue(task_id)
        return task_id

    def time_out(self, task_id: str) -> str:
        """The response time-out strikes: TIMED_OUT, and a retry is scheduled under a new id."""
        task = self.tasks[task_id]
        task.status = "TIMED_OUT"
        identity = task.identity
        return self.schedule(
            identity.task_type,
            f"{task_id}-retry",
            domain=identity.domain,
            workflow_instance_id=identity.workflow_instance_id,
            reference_task_name=identity.reference_task_name,
            retry_count=identity.retry_count + 1,
            seq=identity.seq + 1,
            input_data=task.input_data,
        )

    def cancel(self, task_id: str) -> None:
        """The workflow is terminated."""
        self.tasks[task_id].status = "CANCELED"

    async def poll(
        self, task_type: str, *, domain: str | None, worker_id: str, count: int, timeout_ms: int
    ) -> list[PolledTask]:
        async with self.trouble.around("poll"):
            queue = self._queues[task_type, domain]
            await self._until(lambda: len(queue) >= count, timeout_ms / 1000)
            return [self._hand_out(queue.pop(0), worker_id) for _ in range(min(count, len(queue)))]

    async def read(self, task_id: str) -> ConductorTaskState | None:
        async with self.trouble.around("read"):
            task = self.tasks.get(task_id)
            return None if task is None else _state(task)

    async def extend_lease(self, task: ConductorTask) -> None:
        async with self.trouble.around("extend_lease"):
            found = self._updated(task)
            if found is not None:
                found.leases += 1

    async def give_back(self, task: ConductorTask) -> None:
        async with self.trouble.around("give_back"):
            found = self._updated(task)
            if found is not None:
                found.status = "SCHEDULED"
                self._enqueue(task.task_id)

    async def report(self, task: ConductorTask, outcome: Outcome) -> None:
        async with self.trouble.around("report"):
            found = self._updated(task)
            if found is not None:
                found.status, found.output = outcome.status, outcome.full_output() or {}
                found.reason = None if outcome.status == "COMPLETED" else (outcome.message or outcome.reason)[:500]
                found.accepted += 1

    async def queue_size(self, task_type: str, domain: str | None) -> int:
        async with self.trouble.around("queue_size"):
            return len(self._queues[task_type, domain])

    async def log(self, task_id: str, text: str) -> None:
        async with self.trouble.around("log"):
            if task_id in self.tasks:
                self.tasks[task_id].log.append(text)

    def _enqueue(self, task_id: str) -> None:
        identity = self.tasks[task_id].identity
        self._queues[identity.task_type, identity.domain].append(task_id)
        self._added.set()

    async def _until(self, enough: Any, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not enough():
                    self._added.clear()
                    await self._added.wait()
        except TimeoutError:
            return

    def _hand_out(self, task_id: str, worker_id: str) -> PolledTask:
        task = self.tasks[task_id]
        task.status = "IN_PROGRESS"
        task.identity = task.identity.model_copy(update={"worker_id": worker_id})
        return PolledTask(task.identity, task.input_data, _length(task.input_data))

    def _updated(self, task: ConductorTask) -> FakeTask | None:
        """The task an update takes effect on; None when it is terminal: the server says 200 and ignores it."""
        found = self.tasks.get(task.task_id)
        if found is None:
            raise NotFound(f"no such task {task.task_id}")
        return None if found.status in TERMINAL else found


def _length(input_data: Mapping[str, Any]) -> int:
    return len(json.dumps(input_data, ensure_ascii=False, separators=(",", ":")).encode())


def _state(task: FakeTask) -> ConductorTaskState:
    return ConductorTaskState(task.status, dict(task.output), task.reason)
