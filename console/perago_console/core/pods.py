"""Pods of attempts, and events, as far as the commands read them."""

from datetime import datetime
from typing import Final

from perago_console.core.objects import Seen, Whole

TASK_CONTAINER: Final = "task"
AGENT_CONTAINER: Final = "agent"


class ContainerState(Seen):
    """Waiting, running or terminated: one of the three."""

    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int | None = None


class ContainerStates(Seen):
    """`state` of a container's status."""

    waiting: ContainerState | None = None
    running: ContainerState | None = None
    terminated: ContainerState | None = None


class ContainerStatus(Seen):
    """One container of a pod."""

    name: str
    restart_count: int = 0
    state: ContainerStates = ContainerStates()


class PodSpec(Seen):
    """Where a pod runs."""

    node_name: str | None = None


class PodStatus(Seen):
    """How a pod is doing."""

    phase: str = ""
    reason: str | None = None
    start_time: datetime | None = None
    container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(Whole):
    """A pod of an attempt."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    def state(self, container: str) -> ContainerStates:
        """The state of a container; nothing of one that the kubelet has not seen."""
        return next(
            (status.state for status in self.status.container_statuses if status.name == container), ContainerStates()
        )


class EventSource(Seen):
    """Who posted an event."""

    component: str = ""


class Event(Whole):
    """An event about an object."""

    type: str = ""
    reason: str = ""
    message: str = ""
    count: int | None = None
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    event_time: datetime | None = None
    source: EventSource = EventSource()
    reporting_component: str = ""

    @property
    def time(self) -> datetime | None:
        """When it was seen last."""
        return self.last_timestamp or self.event_time or self.first_timestamp or self.metadata.creation_timestamp
