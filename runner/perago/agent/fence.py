"""The attempt fence: is this attempt still the current one? Asked afresh right before each side effect.

An attempt of Conductor is current while its task is IN_PROGRESS under the same workflow, task id and retry count; and
any attempt only while its own object is neither deleted nor canceled. The publish fence is `perago.agent.publication`.
"""

from typing import Protocol

from perago import wire
from perago.agent.clients.attempt_api import AttemptGone, AttemptObject
from perago.agent.clients.conductor import FreshTask
from perago.agent.clients.http import retried
from perago.agent.data.parallel import both
from perago.errors import StaleAttemptError

IN_PROGRESS = "IN_PROGRESS"
CANCELED = "CANCELED"
UNKNOWN = "UNKNOWN"


class ReadsAttempt(Protocol):
    """Reads the attempt's own object."""

    async def get(self) -> AttemptObject:
        """Raises AttemptGone, NoAnswer."""


class ReadsTask(Protocol):
    """Reads a task of Conductor."""

    async def task(self, task_id: str) -> FreshTask | None:
        """None when it is not known; raises NoAnswer."""


class AttemptFence:
    """The fence of one attempt; `conductor` is None for a standalone one."""

    def __init__(self, order: wire.Order, attempt: ReadsAttempt, conductor: ReadsTask | None) -> None:
        self._order = order
        self._attempt = attempt
        self._conductor = conductor

    async def current(self) -> wire.CurrentAttempt:
        """The attempt as it is now; unreachable servers are retried, then NoAnswer is raised."""
        seconds = self._order.retry_seconds
        own, task = await both(retried(self._own_status, seconds), retried(self._task, seconds))
        return task if own == IN_PROGRESS else task.model_copy(update={"status": own})

    async def require(self) -> None:
        """Raises StaleAttemptError unless the attempt is the current one."""
        fresh = await self.current()
        if not is_current(self._order, fresh):
            raise StaleAttemptError(self._order.conductor_or_standalone.task_id, f"{describe_stale(fresh)}")

    async def _own_status(self) -> str:
        try:
            found = await self._attempt.get()
        except AttemptGone:
            return CANCELED
        return CANCELED if found.deleted or found.canceled else IN_PROGRESS

    async def _task(self) -> wire.CurrentAttempt:
        expected = self._order.conductor_or_standalone
        if self._conductor is None:
            return wire.CurrentAttempt(status=IN_PROGRESS, attempt=expected)
        return as_current(expected, await self._conductor.task(expected.task_id))


def as_current(expected: wire.ConductorTask, found: FreshTask | None) -> wire.CurrentAttempt:
    """Conductor's task in the wire's shape; status UNKNOWN when Conductor does not know it."""
    if found is None:
        return wire.CurrentAttempt(status=UNKNOWN, attempt=expected)
    seen = {
        "workflow_instance_id": found.workflow_instance_id,
        "task_id": found.task_id,
        "reference_task_name": found.reference_task_name,
        "seq": found.seq,
        "iteration": found.iteration,
        "retry_count": found.retry_count,
    }
    return wire.CurrentAttempt(status=found.status, attempt=expected.model_copy(update=seen))


def is_current(order: wire.Order, fresh: wire.CurrentAttempt) -> bool:
    """Whether `fresh` is the ordered attempt, in progress: same workflow, task id and retry count."""
    return fresh.status == IN_PROGRESS and _identity(fresh.attempt) == _identity(order.conductor_or_standalone)


def describe_stale(fresh: wire.CurrentAttempt) -> str:
    """Why an attempt is not current, for people."""
    return f"attempt {fresh.attempt.task_id} is no longer the current one: {fresh.status}"


def _identity(task: wire.ConductorTask) -> tuple[str, str, int]:
    return task.workflow_instance_id, task.task_id, task.retry_count
