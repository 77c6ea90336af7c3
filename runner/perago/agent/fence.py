"""The attempt fence: is this attempt still the current one? Asked afresh right before each side effect.

An attempt of Conductor is current while its task is IN_PROGRESS under the same workflow, task id and retry count, and
was not run again since. Any attempt is so only while its own object is neither deleted nor canceled, has no outcome and
names no later execution. The publish fence is `perago.agent.publication`.
"""

import asyncio
from typing import Final, Protocol

from perago import wire
from perago.agent.clients.attempt_api import AttemptGone, AttemptObject
from perago.agent.clients.conductor import FreshTask
from perago.agent.clients.http import retried
from perago.agent.data.parallel import both
from perago.attempt import is_current
from perago.errors import StaleAttemptError

CANCELED: Final = "CANCELED OR DELETED IN THE CLUSTER"
"""Conductor has a status of its own for a task that it canceled."""
SUPERSEDED: Final = "SUPERSEDED BY A LATER EXECUTION"
"""The attempt goes on in another pod: this one was given up, although its containers still run."""
ENDED: Final = "ENDED"
"""Its outcome is known: this pod was created by a call that came late."""
RUN_AGAIN: Final = "RUN AGAIN"
"""Somebody has rerun the workflow from the task, which keeps its id."""
UNKNOWN: Final = "UNKNOWN"
"""In place of a status where Conductor does not know the task."""
DOUBT_SECONDS: Final = 2.0
"""Before Conductor is asked once more for a task that it does not know: on one such answer no work is thrown away."""


class CanceledAttempt(StaleAttemptError):
    """The attempt's own object was canceled or deleted."""


class ReadsAttempt(Protocol):
    """Reads the attempt's own object."""

    async def get(self) -> AttemptObject:
        """Raises AttemptGone, NoAnswer."""


class ReadsTask(Protocol):
    """Reads a task of Conductor."""

    async def task(self, task_id: str) -> FreshTask | None:
        """None when it is not known; raises NoAnswer."""


async def known_task(conductor: ReadsTask, task_id: str) -> FreshTask | None:
    """The task; None once Conductor has said twice that it does not know it. Raises NoAnswer."""
    if (task := await conductor.task(task_id)) is not None:
        return task
    await asyncio.sleep(DOUBT_SECONDS)
    return await conductor.task(task_id)


class AttemptFence:
    """The fence of one attempt; `conductor` is None for a standalone one."""

    def __init__(self, order: wire.Order, attempt: ReadsAttempt, conductor: ReadsTask | None) -> None:
        self._order = order
        self._attempt = attempt
        self._conductor = conductor

    async def current(self) -> wire.CurrentAttempt:
        """The attempt as it is now; servers that cannot be reached are retried, then NoAnswer is raised."""
        seconds = self._order.outage_seconds
        own, task = await both(retried(self._own_status, seconds), retried(self._task, seconds))
        return task if own == wire.IN_PROGRESS else task.model_copy(update={"status": own})

    async def require(self) -> None:
        """Raises StaleAttemptError unless the attempt is the current one."""
        fresh = await self.current()
        if not is_current(self._order.attempt, fresh):
            raise stale(fresh)

    async def _own_status(self) -> str:
        try:
            attempt = await self._attempt.get()
        except AttemptGone:
            return CANCELED
        if attempt.executions > self._order.execution:
            return SUPERSEDED
        if attempt.ended:
            return ENDED
        return CANCELED if attempt.deleted or attempt.canceled else wire.IN_PROGRESS

    async def _task(self) -> wire.CurrentAttempt:
        ordered = self._order.attempt
        if self._conductor is None:
            return ordered
        task = await known_task(self._conductor, ordered.task_id)
        if task is None:
            return ordered.model_copy(update={"status": UNKNOWN})
        run_again = ordered.is_run_again(task.attempt.start_time)
        return task.attempt.model_copy(update={"status": RUN_AGAIN}) if run_again else task.attempt


def stale(fresh: wire.CurrentAttempt) -> StaleAttemptError:
    """What is raised, or recorded, for an attempt that is not the current one."""
    why = f"attempt {fresh.task_id} is no longer the current one: {fresh.status}"
    kind = CanceledAttempt if fresh.status == CANCELED else StaleAttemptError
    return kind(fresh.task_id, why)
