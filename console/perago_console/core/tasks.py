"""PeragoTasks as far as the commands read them."""

from datetime import datetime
from typing import Final

from perago.wire import Reason
from perago_console.core.objects import Condition, Seen, Whole, condition

POLLING: Final = "Polling"
READY: Final = "Ready"
INTENDED: Final = (Reason.NO_TASK_TYPE, Reason.PAUSED)
"""Why Polling is false of a PeragoTask with which nothing is wrong."""


class TaskSpec(Seen):
    """What a PeragoTask declares."""

    task_type: str | None = None
    module: str | None = None
    image: str | None = None
    active_deadline_seconds: int | None = None
    max_concurrency: int | None = None
    paused: bool = False


class TaskStatus(Seen):
    """How a PeragoTask is doing."""

    active: int | None = None
    queued: int | None = None
    pending_pods: int | None = None
    waiting_for_room: int | None = None
    last_poll_time: datetime | None = None
    conditions: tuple[Condition, ...] = ()


class Task(Whole):
    """A `PeragoTask`."""

    spec: TaskSpec = TaskSpec()
    status: TaskStatus = TaskStatus()

    def condition(self, kind: str) -> Condition | None:
        """The condition of this type, if it is there."""
        return condition(self.status.conditions, kind)
