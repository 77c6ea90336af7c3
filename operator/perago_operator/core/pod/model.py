"""A pod as decisions see it: the part of the API object that shows how the pod fares. Reads, and judges nothing."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import Field

from perago_operator.api.base import ApiModel, Quantity, Time
from perago_operator.api.shared import ApiObject
from perago_operator.core.names import AGENT_CONTAINER, TASK_CONTAINER


class Waiting(ApiModel):
    """Why a container is not running yet."""

    reason: str = ""
    message: str = ""


class Running(ApiModel):
    """That a container is running."""


class Terminated(ApiModel):
    """How a container ended."""

    exit_code: int = 0
    signal: int | None = None
    reason: str = ""
    message: str = ""
    finished_at: Time | None = None


class ContainerState(ApiModel):
    """One of three; none of them while the kubelet has not reported yet."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None

    @property
    def has_started(self) -> bool:
        """The container is running or has run."""
        return self.running is not None or self.terminated is not None


_UNREPORTED = ContainerState()


class ContainerStatus(ApiModel):
    """A container by name and state."""

    name: str
    image: str = ""
    ready: bool = False
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()
    """How it ended before it was started again."""


class PodCondition(ApiModel):
    """One of the pod's conditions; `DisruptionTarget` and `PodScheduled` matter here."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: Time | None = None


class ContainerLimits(ApiModel):
    """Limits as they stand in the pod."""

    limits: Mapping[str, Quantity] = Field(default_factory=dict)


class ContainerSpec(ApiModel):
    """A container as the pod's spec has it."""

    name: str
    resources: ContainerLimits = ContainerLimits()
    restart_policy: str | None = None
    """`Always` makes an init container a sidecar, which is started again whenever it ends."""


class PodSpec(ApiModel):
    """Where the pod was placed, and what its containers may use."""

    node_name: str | None = None
    scheduler_name: str = "default-scheduler"
    active_deadline_seconds: int | None = None
    """Of the pod template; the deadline of the attempt is the operator's own affair."""
    containers: tuple[ContainerSpec, ...] = ()
    init_containers: tuple[ContainerSpec, ...] = ()


class PodStatus(ApiModel):
    """What scheduler and kubelet report."""

    phase: str = "Pending"
    reason: str = ""
    message: str = ""
    conditions: tuple[PodCondition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    start_time: Time | None = None


class Pod(ApiObject):
    """A pod of an attempt."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def name(self) -> str:
        """The pod's name."""
        return self.metadata.name

    def belongs_to(self, uid: str) -> bool:
        """The object with that uid owns this pod."""
        return any(owner.uid == uid for owner in self.metadata.owner_references)

    def condition(self, kind: str) -> PodCondition | None:
        """The condition of that type."""
        return next((condition for condition in self.status.conditions if condition.type == kind), None)

    def state(self, container: str) -> ContainerState:
        """The state of a container; an empty one while the kubelet has not reported it."""
        statuses = (status for status in self.status.container_statuses if status.name == container)
        return next((status.state for status in statuses), _UNREPORTED)

    def limit(self, container: str, resource: str) -> str | None:
        """A container's limit of a resource, as it is written in the pod."""
        specs = (*self.spec.containers, *self.spec.init_containers)
        limits = (spec.resources.limits for spec in specs if spec.name == container)
        return next((str(limit[resource]) for limit in limits if resource in limit), None)

    @property
    def deletion_asked(self) -> datetime | None:
        """When somebody asked for the pod's deletion; its `deletionTimestamp` is the end of its grace period."""
        end, grace = self.metadata.deletion_timestamp, self.metadata.deletion_grace_period_seconds
        return end - timedelta(seconds=grace or 0) if end else None

    @property
    def ended(self) -> bool:
        """Neither agent nor task runs, or will."""
        return self.status.phase in ("Succeeded", "Failed") or self._all_terminated or self._deletion_confirmed

    @property
    def _states(self) -> tuple[ContainerState, ...]:
        """Of agent and task. A pod template may add helpers, whose start and end are their own affair."""
        return self.state(AGENT_CONTAINER), self.state(TASK_CONTAINER)

    @property
    def node_silent_since(self) -> datetime | None:
        """Since when the pod's node has not answered; None while it does, as far as one knows.

        The control plane then takes the pod's readiness away, and leaves that of its containers as the kubelet had
        last reported it.
        """
        ready, containers = self.condition("Ready"), self.condition("ContainersReady")
        if ready is None or containers is None or self.status.phase != "Running":
            return None
        told_by_kubelet = containers.status != "True" or ready.status == "True" or ready.reason
        return None if told_by_kubelet else ready.last_transition_time

    @property
    def ours(self) -> tuple[ContainerStatus, ...]:
        """Agent and task, as far as they are reported; the task first, for what it says comes first."""
        statuses = {status.name: status for status in self.status.container_statuses}
        return tuple(statuses[name] for name in (TASK_CONTAINER, AGENT_CONTAINER) if name in statuses)

    @property
    def helpers(self) -> tuple[ContainerStatus, ...]:
        """The containers that a pod template added."""
        ours = (AGENT_CONTAINER, TASK_CONTAINER)
        return tuple(status for status in self.status.container_statuses if status.name not in ours)

    @property
    def init_containers(self) -> tuple[ContainerStatus, ...]:
        """The containers that a pod template lets run before agent and task; sidecars are not among them."""
        return tuple(status for status in self.status.init_container_statuses if status.name not in self._sidecars)

    @property
    def sidecars(self) -> tuple[ContainerStatus, ...]:
        """The containers that start before agent and task, run beside them, and are started again when they end."""
        return tuple(status for status in self.status.init_container_statuses if status.name in self._sidecars)

    @property
    def _sidecars(self) -> frozenset[str]:
        return frozenset(spec.name for spec in self.spec.init_containers if spec.restart_policy == "Always")

    @property
    def _all_terminated(self) -> bool:
        return all(state.terminated for state in self._states)

    @property
    def _deletion_confirmed(self) -> bool:
        """Deleted, and either no kubelet ever had it, or the kubelet has ended it: it then sets the grace to 0.

        A forced deletion does that as well, while the kubelet still shows containers that run.
        """
        if self.metadata.deletion_timestamp is None:
            return False
        runs = any(state.running for state in self._states)
        return self.spec.node_name is None or (self.metadata.deletion_grace_period_seconds == 0 and not runs)

    @property
    def started(self) -> bool:
        """Agent and task are running or have run."""
        return all(state.has_started for state in self._states)

    @property
    def some_of_ours_started(self) -> bool:
        """Agent or task is running or has run."""
        return any(state.has_started for state in self._states)

    @property
    def at_rest(self) -> bool:
        """No container of the pod runs, or will."""
        if self.status.phase in ("Succeeded", "Failed"):
            return True
        all_reported = 0 < len(self.status.container_statuses) == len(self.spec.containers)
        return all_reported and all(status.state.terminated for status in self.status.container_statuses)

    @property
    def first_container_started(self) -> bool:
        """Some container is running or has run: volumes and network are there."""
        statuses = (*self.status.init_container_statuses, *self.status.container_statuses)
        return any(status.state.has_started for status in statuses)

    @property
    def one_sided(self) -> bool:
        """One of agent and task has ended while the other has not."""
        return any(state.terminated for state in self._states) and not self.ended

    @property
    def ended_at(self) -> datetime | None:
        """When the last of agent and task terminated; None when neither has."""
        ends = (state.terminated.finished_at for state in self._states if state.terminated)
        return max((end for end in ends if end), default=None)
