"""What a situation is: how a pod of ours gets into it, and how one sees that it is there."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.cases.pod_status.record.stage import Stage

Object = dict[str, Any]
Until = Callable[[Object], bool]
"""Whether a pod, as the API server shows it, is in a state."""

SLEEP = "import time; time.sleep(3600)"


def nothing(stage: "Stage", pod: Object) -> None:
    """A situation that comes about by itself."""


def _unchanged(stage: "Stage") -> AbstractContextManager[None]:
    """The cluster as it is."""
    return nullcontext()


@dataclass(frozen=True)
class Situation:
    """One pod of ours: the operator's manifest for an attempt, what is different about it, and what happens to it."""

    name: str
    story: str
    """One sentence for readers of the recording."""
    until: Until
    """The situation is there."""
    code: str = SLEEP
    """What the task's body does."""
    spec: Object = field(default_factory=dict)
    """Fields of the attempt's spec."""
    template: Object = field(default_factory=dict)
    """The `spec` of its pod template."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Changes of the operator's pod settings."""
    when: Until = lambda pod: both_run(pod)
    """The moment to act."""
    act: Callable[["Stage", Object], None] = nothing
    """What somebody or something does to the pod, once, at that moment."""
    cluster: Callable[["Stage"], AbstractContextManager[None]] = _unchanged
    """How the cluster differs meanwhile: the situation is then recorded alone."""
    sequence: bool = False
    """Record what was seen on the way as well."""
    seconds: float = 90
    """How long it may take; this only bounds a failure."""

    @property
    def alone(self) -> bool:
        """Nothing else may run meanwhile."""
        return self.cluster is not _unchanged


@dataclass(frozen=True)
class Refusal:
    """A pod of ours that the API server does not take."""

    name: str
    story: str
    objects: tuple[Object, ...] = ()
    """What refuses it, in the namespace `pod-status-refused`, which is made anew for each."""
    spec: Object = field(default_factory=dict)
    template: Object = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    change: Callable[[Object], Object] = lambda pod: pod
    """A last change of the manifest, for what no template can say."""
    user: str = ""
    """Who creates the pod, where it is not an administrator."""
    prepared: Callable[["Stage"], None] = lambda stage: None
    """What else has to happen before."""


def task(**fields: Any) -> Object:
    """A pod template's spec that changes the task's container."""
    return {"containers": [{"name": "task", **fields}]}


def container_state(pod: Object, container: str) -> Object:
    """The state of a container, whatever kind it is; empty while there is none."""
    status = pod.get("status", {})
    every = [*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ())]
    return next((entry["state"] for entry in every if entry["name"] == container), {})


def both_run(pod: Object) -> bool:
    """Agent and task are running."""
    return all("running" in container_state(pod, name) for name in ("agent", "task"))


def running(container: str) -> Until:
    """That container is running."""
    return lambda pod: "running" in container_state(pod, container)


def waits(container: str, reason: str) -> Until:
    """That container waits for that reason."""
    return lambda pod: container_state(pod, container).get("waiting", {}).get("reason") == reason


def ended(*containers: str) -> Until:
    """Those containers have ended."""
    return lambda pod: all("terminated" in container_state(pod, name) for name in containers)


def restarted(container: str) -> Until:
    """That container was started again, and has ended again."""

    def look(pod: Object) -> bool:
        statuses = pod.get("status", {}).get("initContainerStatuses", ())
        again = any(entry["name"] == container and entry["restartCount"] > 0 for entry in statuses)
        return again and "running" not in container_state(pod, container)

    return look


def failed(pod: Object) -> bool:
    """The pod is over, and not well."""
    return bool(pod.get("status", {}).get("phase") == "Failed")


def succeeded(pod: Object) -> bool:
    """The pod is over, and well."""
    return bool(pod.get("status", {}).get("phase") == "Succeeded")


def condition(kind: str, status: str, reason: str = "") -> Until:
    """The pod has that condition."""

    def look(pod: Object) -> bool:
        conditions = pod.get("status", {}).get("conditions", ())
        return any(
            entry["type"] == kind and entry["status"] == status and reason in ("", entry.get("reason"))
            for entry in conditions
        )

    return look


def alone(stage: "Stage") -> AbstractContextManager[None]:
    """The cluster as it is, and nothing else in it."""
    return nullcontext()


def deleted(pod: Object) -> bool:
    """Somebody has asked for the pod's deletion."""
    return "deletionTimestamp" in pod["metadata"]


def deletion_confirmed(pod: Object) -> bool:
    """The kubelet has ended a deleted pod: only our finalizer holds it."""
    return deleted(pod) and pod["metadata"].get("deletionGracePeriodSeconds") == 0


def created(pod: Object) -> bool:
    """The pod exists."""
    return True


def both(*states: Until) -> Until:
    """All of those."""
    return lambda pod: all(state(pod) for state in states)
