"""What keeps a pod from starting, and for how long that may last: in the pod's own words. Pure.

What a pod means that has ended is the business of `diagnosis`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from perago_operator.api.reasons import Reason
from perago_operator.api.shared import FailureResult
from perago_operator.core.names import AGENT_CONTAINER
from perago_operator.core.pod.model import ContainerStatus, Pod, Waiting
from perago_operator.core.pod.start_errors import Blame, blame, with_doubt


class Patience(StrEnum):
    """How long a hindrance may last."""

    NONE = "None"
    """Nothing will change."""
    RETRIED = "Retried"
    """The kubelet tries again: image pulls, missing Secrets, whatever keeps the agent from starting."""
    STARTING = "Starting"
    """A container of the pod template has to stay up first, and is started again and again."""
    SCHEDULING = "Scheduling"
    """The scheduler tries again: a node that fits may come."""
    ROOM = "Room"
    """The same, where nothing is missing but room: there is some when others have ended."""
    GATED = "Gated"
    """Somebody holds the pod back on purpose, for as long as they want."""


@dataclass(frozen=True, slots=True)
class Hindrance:
    """What keeps a pod from starting, and how the attempt fails if that does not change."""

    reason: Reason
    message: str
    patience: Patience
    fails_with: Reason
    result: FailureResult = "FAILED"

    @property
    def advice(self) -> Reason:
        """The reason whose remedy helps: that of the operator's own container, or else the hindrance's."""
        return self.fails_with if self.fails_with is Reason.AGENT_UNAVAILABLE else self.reason

    @property
    def disrupted(self) -> bool:
        """Not the task's doing: another pod, or a later one, may do better."""
        return self.fails_with in (Reason.DISRUPTED, Reason.IMAGE_PULL)


ON_ITS_WAY = frozenset({"", "ContainerCreating", "PodInitializing"})
PULL_ERRORS = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"})
WRONG_IMAGES = frozenset({"InvalidImageName", "ErrImageNeverPull"})
CREATE_ERRORS = frozenset({"CreateContainerError", "RunContainerError"})
REGISTRY_SAYS_NO = re.compile(
    r": not found$|not found:|manifest unknown|does not exist|no match for platform|40[134] |unauthorized|denied",
    re.IGNORECASE,
)
"""What a registry answers about an image that it does not give us; everything else is the registry's own trouble."""
LACKS_ROOM = re.compile(r"\bInsufficient |\bToo many pods\b")
"""What the scheduler says of a node that has the means, and has given them to others."""
OF_THE_NODE = ("/containerd.sock", '"task-accounts"')
"""What the kubelet says of an image or a mount when the node's runtime is away, or cannot mount what every pod has."""
_TERMINAL: FailureResult = "FAILED_WITH_TERMINAL_ERROR"


def hindrance_of(pod: Pod) -> Hindrance | None:
    """What keeps a pod from starting; None while it is merely on its way."""
    before = (_waits(status, ours=False) for status in pod.status.init_container_statuses)
    ours = (_waits(status, ours=status.name == AGENT_CONTAINER) for status in pod.ours)
    hindrances = (_not_scheduled(pod), *before, _sidecar_crashes(pod), *ours)
    return next((hindrance for hindrance in hindrances if hindrance), None)


def _not_scheduled(pod: Pod) -> Hindrance | None:
    condition = pod.condition("PodScheduled")
    if condition is None or condition.status != "False":
        return None
    patience = Patience.ROOM if LACKS_ROOM.search(condition.message) else Patience.SCHEDULING
    if condition.reason == "SchedulingGated":
        patience = Patience.GATED
    return Hindrance(Reason.UNSCHEDULABLE, condition.message, patience, Reason.UNSCHEDULABLE)


def _waits(status: ContainerStatus, *, ours: bool) -> Hindrance | None:
    """What a container waits for; a container that is `ours` is not the task's to declare."""
    waiting = status.state.waiting
    kind = _kind_of(waiting) if waiting else None
    if waiting is None or kind is None:
        return None
    words = with_doubt(waiting.message) if kind.fails_with is Reason.DISRUPTED else waiting.message
    message = f"container {status.name}: {waiting.reason}: {words}".removesuffix(": ")
    if kind.fails_with is Reason.DISRUPTED:
        return Hindrance(kind.reason, message, kind.patience, kind.fails_with)
    if ours:
        return Hindrance(kind.reason, message, Patience.RETRIED, Reason.AGENT_UNAVAILABLE)
    result = _TERMINAL if kind.fails_with is Reason.INVALID_TASK else "FAILED"
    return Hindrance(kind.reason, message, kind.patience, kind.fails_with, result)


def _sidecar_crashes(pod: Pod) -> Hindrance | None:
    """Agent and task wait for a sidecar that does not stay up."""
    trouble = next((words for status in pod.sidecars if (words := _crashes(status))), None)
    if trouble is None or pod.some_of_ours_started:
        return None
    return Hindrance(Reason.NOT_STARTED, trouble, Patience.STARTING, Reason.NOT_STARTED)


def _crashes(sidecar: ContainerStatus) -> str | None:
    """In words that stay the same from one restart to the next."""
    ended = sidecar.state.terminated or sidecar.last_state.terminated
    if ended is None or not sidecar.restart_count or sidecar.ready:
        return None
    return f"sidecar {sidecar.name} ends again and again, with exit code {ended.exit_code}"


def helper_trouble(pod: Pod) -> str | None:
    """What keeps a container that a pod template added from its work, while agent and task are at theirs.

    It does not change with the kubelet's tries, which alternate between two reasons.
    """
    for helper in (*pod.sidecars, *pod.helpers):
        kind = _kind_of(helper.state.waiting) if helper.state.waiting else None
        if kind:
            image = f" (image {helper.image})" if kind.reason is Reason.IMAGE_PULL and helper.image else ""
            return f"container {helper.name} does not start: {kind.reason.value}{image}"
    return next((words for sidecar in pod.sidecars if (words := _crashes(sidecar))), None)


class _Kind(NamedTuple):
    reason: Reason
    patience: Patience
    fails_with: Reason


def _kind_of(waiting: Waiting) -> _Kind | None:
    """What a reason to wait means; None for a container on its way. Words that nobody knows are the node's."""
    if waiting.reason in ON_ITS_WAY:
        return None
    if waiting.reason in WRONG_IMAGES:
        return _Kind(Reason.IMAGE_PULL, Patience.NONE, Reason.INVALID_TASK)
    is_nodes = any(words in waiting.message for words in OF_THE_NODE)
    if waiting.reason in PULL_ERRORS and not is_nodes:
        refused = REGISTRY_SAYS_NO.search(waiting.message)
        return _Kind(Reason.IMAGE_PULL, Patience.RETRIED, Reason.INVALID_TASK if refused else Reason.IMAGE_PULL)
    is_declared = waiting.reason in CREATE_ERRORS and blame(waiting.message) is Blame.DECLARED
    if is_declared or (waiting.reason == "CreateContainerConfigError" and not is_nodes):
        return _Kind(Reason.CONTAINER_CONFIG, Patience.RETRIED, Reason.INVALID_TASK)
    return _Kind(Reason.NOT_STARTED, Patience.RETRIED, Reason.DISRUPTED)
