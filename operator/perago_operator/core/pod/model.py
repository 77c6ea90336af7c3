"""A pod as decisions see it: the part of the API object that tells how it fares. Reads, and judges nothing."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field

from perago_operator.api.base import ApiModel, Quantity, Time
from perago_operator.api.shared import ApiObject


class Waiting(ApiModel):
    """Why a container does not run yet."""

    reason: str = ""
    message: str = ""


class Running(ApiModel):
    """Since when a container runs."""

    started_at: Time | None = None


class Terminated(ApiModel):
    """How a container ended."""

    exit_code: int = 0
    signal: int | None = None
    reason: str = ""
    message: str = ""
    started_at: Time | None = None
    finished_at: Time | None = None


class ContainerState(ApiModel):
    """One of three; none yet means that the kubelet has not spoken."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(ApiModel):
    """A container by name and state."""

    name: str
    image: str = ""
    state: ContainerState = ContainerState()


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
    """A container as it was asked for."""

    name: str
    image: str = ""
    resources: ContainerLimits = ContainerLimits()


class PodSpec(ApiModel):
    """Where the pod was placed, and what its containers may use."""

    node_name: str | None = None
    containers: tuple[ContainerSpec, ...] = ()


class PodStatus(ApiModel):
    """What scheduler and kubelet say."""

    phase: str = "Pending"
    reason: str = ""
    message: str = ""
    conditions: tuple[PodCondition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
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
        return any(each.uid == uid for each in self.metadata.owner_references)

    def condition(self, kind: str) -> PodCondition | None:
        """The condition of that type."""
        return next((each for each in self.status.conditions if each.type == kind), None)

    def state(self, container: str) -> ContainerState:
        """The state of a container; all of it empty while the kubelet has not spoken of it."""
        found = (each.state for each in self.status.container_statuses if each.name == container)
        return next(found, ContainerState())

    def limit(self, container: str, resource: str) -> str | None:
        """A container's limit of a resource, as it was written."""
        for each in self.spec.containers:
            if each.name == container and resource in each.resources.limits:
                return str(each.resources.limits[resource])
        return None

    @property
    def ended(self) -> bool:
        """No process of this pod runs, or will."""
        return self.status.phase in ("Succeeded", "Failed") or self._all_terminated or self._deletion_confirmed

    @property
    def _all_terminated(self) -> bool:
        states = [each.state.terminated for each in self.status.container_statuses]
        return bool(states) and len(states) == len(self.spec.containers) and None not in states

    @property
    def _deletion_confirmed(self) -> bool:
        """Deleted, and either no kubelet ever had it, or the kubelet has ended it: it then sets the grace to 0."""
        never_placed = self.spec.node_name is None
        return self.metadata.deletion_timestamp is not None and (
            never_placed or self.metadata.deletion_grace_period_seconds == 0
        )

    @property
    def started(self) -> bool:
        """Every container runs or has run."""
        states = [each.state for each in self.status.container_statuses]
        return bool(states) and all(each.running or each.terminated for each in states)

    @property
    def first_container_started(self) -> bool:
        """Some container runs or has run: volumes and network are there."""
        return any(each.state.running or each.state.terminated for each in self.status.container_statuses)

    @property
    def one_sided(self) -> bool:
        """Some container has ended while another has not."""
        ended = [each.state.terminated is not None for each in self.status.container_statuses]
        return any(ended) and not self.ended

    @property
    def ended_at(self) -> datetime | None:
        """When the last of its containers terminated; None when none did."""
        ends = [
            each.state.terminated.finished_at
            for each in self.status.container_statuses
            if each.state.terminated and each.state.terminated.finished_at
        ]
        return max(ends, default=None)
