"""Conductor's tasks, queues and workflows in memory, with a clock that a test moves: what server 3.32.3 does.

The suite in `tests/contract/conductor` holds for it and for the real server alike. It is synchronous and never fails;
`tests.fakes.conductor` makes a port of it.
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from perago.wire import ConductorTask
from perago_operator.ports import NotFound

COMPLETED, FAILED, TERMINAL_ERROR = "COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"
SCHEDULED, IN_PROGRESS, CANCELED, TIMED_OUT = "SCHEDULED", "IN_PROGRESS", "CANCELED", "TIMED_OUT"
TERMINAL = frozenset({COMPLETED, FAILED, TERMINAL_ERROR, TIMED_OUT, CANCELED})
SHOWN_BYTES = 3 << 20
"""A larger input or output is kept in the external payload storage and shown as empty."""
OUTPUT_BYTES = 10 << 20
"""A larger output ends its task with a terminal error."""
REASON_LENGTH = 500


@dataclass(frozen=True)
class TaskType:
    """What a task definition says."""

    retries: int = 0
    response_seconds: int = 0
    """0: never times out."""


@dataclass(frozen=True)
class Step:
    """A task that a workflow schedules when the one before is COMPLETED."""

    task_type: str
    reference_task_name: str = "ref"
    iteration: int = 0


def loop(task_type: str, times: int) -> list[Step]:
    """The steps of a DO_WHILE loop."""
    return [Step(task_type, f"ref__{number}", number) for number in range(1, times + 1)]


@dataclass
class FakeWorkflow:
    """A workflow as the server keeps it."""

    status: str = "RUNNING"
    to_come: list[Step] = field(default_factory=list)
    priority: int = 0


@dataclass
class FakeTask:
    """A task as the server keeps it."""

    identity: ConductorTask
    input_data: dict[str, Any]
    status: str = SCHEDULED
    output: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    updated: float = 0.0
    leases: int = 0
    accepted: int = 0
    """How many results ended this task: never more than one, unless a late lease brought it back."""
    log: list[str] = field(default_factory=list)


Queue = tuple[str, str | None]
"""Task type and domain."""


class ConductorServer:
    """The server, without its API."""

    def __init__(self) -> None:
        self.tasks: dict[str, FakeTask] = {}
        self.workflows: dict[str, FakeWorkflow] = {}
        self.types: dict[str, TaskType] = defaultdict(TaskType)
        self.seconds = 0.0
        self.queues: dict[Queue, list[str]] = defaultdict(list)
        self._start_times = itertools.count(1_000_000)

    def schedule(self, task_type: str, task_id: str = "", *, domain: str | None = None, **more: Any) -> str:
        """Put a task into its queue, by default of a workflow of its own; `more`: `input_data`, or its identity's."""
        task_id = task_id or f"task-{len(self.tasks) + 1}"
        workflow_id = more.setdefault("workflow_instance_id", f"workflow-of-{task_id}")
        self.workflows.setdefault(workflow_id, FakeWorkflow())
        input_data = more.pop("input_data", {})
        defaults = {
            "reference_task_name": "ref",
            "seq": len(self._tasks_of(workflow_id)) + 1,
            "response_timeout_seconds": self.types[task_type].response_seconds,
            "workflow_priority": self.workflows[workflow_id].priority or None,
        }
        identity = ConductorTask(task_type=task_type, task_id=task_id, domain=domain, **(defaults | more))
        self.tasks[task_id] = FakeTask(identity, input_data)
        self._enqueue(task_id)
        return task_id

    def start(
        self,
        *steps: Step,
        domain: str | None = None,
        input_data: Mapping[str, Any] | None = None,
        priority: int = 0,
    ) -> str:
        """Start a workflow of these steps, and return its id."""
        workflow_id = f"workflow-{len(self.workflows) + 1}"
        self.workflows[workflow_id] = FakeWorkflow(to_come=list(steps), priority=priority)
        self._next_step(workflow_id, domain, dict(input_data or {}))
        return workflow_id

    def terminate(self, workflow_id: str) -> None:
        """Somebody terminates the workflow."""
        self._end(workflow_id, "TERMINATED")

    def cancel(self, task_id: str) -> None:
        """Somebody terminates the task's workflow."""
        self.terminate(self.tasks[task_id].identity.workflow_instance_id)

    def time_out(self, task_id: str) -> str:
        """The response time-out strikes, and a retry is left; returns the retry's id."""
        self.tasks[task_id].status = TIMED_OUT
        return self._retry(self.tasks[task_id])

    def pass_time(self, seconds: float) -> None:
        """Let time go by, and let the sweeper find tasks that were not updated for too long."""
        self.seconds += seconds
        for task in list(self.tasks.values()):
            limit = task.identity.response_timeout_seconds
            if task.status == IN_PROGRESS and limit and self.seconds - task.updated > limit:
                task.status = TIMED_OUT
                self._failed(task)

    def take(self, queue: Queue, count: int, worker_id: str) -> list[FakeTask]:
        """Up to `count` tasks of a queue, which are IN_PROGRESS from now on."""
        ids, self.queues[queue] = self.queues[queue][:count], self.queues[queue][count:]
        taken = [self.tasks[task_id] for task_id in ids]
        for task in taken:
            task.status, task.updated = IN_PROGRESS, self.seconds
            start_time = task.identity.start_time or next(self._start_times)
            task.identity = task.identity.model_copy(update={"worker_id": worker_id, "start_time": start_time})
        return taken

    def rerun(self, task_id: str) -> None:
        """Somebody reruns the workflow from a task that has ended, which keeps its id."""
        task = self.tasks[task_id]
        self.workflows[task.identity.workflow_instance_id].status = "RUNNING"
        task.status, task.output, task.reason, task.accepted = SCHEDULED, {}, None, 0
        task.identity = task.identity.model_copy(update={"start_time": None})
        self._enqueue(task_id)

    def lease(self, identity: ConductorTask) -> None:
        """An update with `extendLease`. It asks for no workflow, and rewrites the whole task."""
        task = self._task(identity)
        if task.status not in TERMINAL:
            task.leases += 1
            self.lease_under_way(identity.task_id)()

    def lease_under_way(self, task_id: str) -> Callable[[], None]:
        """A lease whose task the server has read; the result writes what was read, whatever has happened since."""
        task = self.tasks[task_id]
        status, output, reason = task.status, task.output, task.reason

        def land() -> None:
            task.status, task.output, task.reason, task.updated = status, output, reason, self.seconds

        return land

    def requeue(self, identity: ConductorTask) -> None:
        """An update IN_PROGRESS without `extendLease`."""
        task = self._updated(identity)
        if task is not None:
            task.status = SCHEDULED
            self._enqueue(identity.task_id)

    def end(self, identity: ConductorTask, status: str, output: dict[str, Any], reason: str | None) -> None:
        """An update with a terminal status."""
        task = self._updated(identity)
        if task is None:
            return
        size = json_bytes(output)
        if size > OUTPUT_BYTES:
            status, output, reason = TERMINAL_ERROR, {}, f"The payload size: {size} is greater than the limit"
        task.status, task.output, task.reason = status, {} if size > SHOWN_BYTES else output, reason
        task.reason = reason and reason[:REASON_LENGTH]
        task.identity = task.identity.model_copy(update={"worker_id": identity.worker_id})
        task.accepted += 1
        self._completed(task) if status == COMPLETED else self._failed(task)

    def _completed(self, task: FakeTask) -> None:
        workflow_id = task.identity.workflow_instance_id
        if self.workflows[workflow_id].to_come:
            self._next_step(workflow_id, task.identity.domain, task.input_data)
        elif all(other.status in TERMINAL for other in self._tasks_of(workflow_id)):
            self.workflows[workflow_id].status = COMPLETED

    def _failed(self, task: FakeTask) -> None:
        left = self.types[task.identity.task_type].retries - task.identity.retry_count
        if left > 0 and task.status != TERMINAL_ERROR:
            self._retry(task)
        else:
            self._end(task.identity.workflow_instance_id, FAILED)

    def _retry(self, task: FakeTask) -> str:
        """Same logical task, one more in the retry count; the reason of the failure comes along."""
        identity = task.identity
        retry = self.schedule(
            identity.task_type,
            f"{identity.task_id}-retry",
            domain=identity.domain,
            input_data=task.input_data,
            **identity.model_dump(
                include={"workflow_instance_id", "reference_task_name", "iteration", "response_timeout_seconds"}
            ),
            retry_count=identity.retry_count + 1,
        )
        self.tasks[retry].reason = task.reason
        return retry

    def _end(self, workflow_id: str, status: str) -> None:
        self.workflows[workflow_id].status = status
        for task in self._tasks_of(workflow_id):
            if task.status not in TERMINAL:
                task.status = CANCELED
        for queue in self.queues.values():
            queue[:] = [task_id for task_id in queue if self.tasks[task_id].status == SCHEDULED]

    def _next_step(self, workflow_id: str, domain: str | None, input_data: dict[str, Any]) -> None:
        step = self.workflows[workflow_id].to_come.pop(0)
        self.schedule(
            step.task_type,
            domain=domain,
            input_data=input_data,
            workflow_instance_id=workflow_id,
            reference_task_name=step.reference_task_name,
            iteration=step.iteration,
        )

    def _enqueue(self, task_id: str) -> None:
        identity = self.tasks[task_id].identity
        self.queues[identity.task_type, identity.domain].append(task_id)

    def _tasks_of(self, workflow_id: str) -> list[FakeTask]:
        return [task for task in self.tasks.values() if task.identity.workflow_instance_id == workflow_id]

    def _task(self, identity: ConductorTask) -> FakeTask:
        if identity.task_id not in self.tasks:
            raise NotFound(f"HTTP 404: No such task found by id: {identity.task_id}")
        return self.tasks[identity.task_id]

    def _updated(self, identity: ConductorTask) -> FakeTask | None:
        """The task that an update takes effect on; None: it or its workflow has ended, and the update is ignored."""
        task = self._task(identity)
        if identity.workflow_instance_id not in self.workflows:
            raise NotFound(f"HTTP 404: No such workflow found by id: {identity.workflow_instance_id}")
        ended = self.workflows[identity.workflow_instance_id].status != "RUNNING"
        return None if ended or task.status in TERMINAL else task


def json_bytes(value: Mapping[str, Any]) -> int:
    """Length as JSON in UTF-8."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
