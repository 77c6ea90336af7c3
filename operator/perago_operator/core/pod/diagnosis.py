"""What a pod's status means for its attempt, in the pod's own words. Pure.

`ending` is about a pod that ended, or was taken away, without an outcome; `hindrance` about one that has not started.
The first row that matches decides. `tests/cases/pod_status` holds a real status for each.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from perago.wire import GAVE_UP_EXIT, NO_RESULT_EXIT
from perago_operator.api.reasons import Reason
from perago_operator.api.shared import FailureResult
from perago_operator.core.names import AGENT_CONTAINER, TASK_CONTAINER
from perago_operator.core.pod.model import Pod, Terminated, Waiting


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a pod ended without an outcome."""

    reason: Reason
    message: str
    result: FailureResult = "FAILED"
    disrupted: bool = False
    """Not the task's doing: another pod may do better."""
    log_helps: bool = False
    """The last lines of the task's log belong in the message."""


class Patience(StrEnum):
    """How long a hindrance may last."""

    NONE = "None"
    """Nothing will change."""
    RETRIED = "Retried"
    """The kubelet tries again: image pulls, missing Secrets, whatever keeps the agent from starting."""
    SCHEDULING = "Scheduling"
    """The scheduler tries again: there may be room later."""
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
        """The reason whose remedy helps: the hindrance's own for the task's container, else the failure's."""
        return self.reason if self.fails_with is Reason.INVALID_TASK else self.fails_with


SIGNALS = {
    4: "SIGILL",
    6: "SIGABRT",
    7: "SIGBUS",
    8: "SIGFPE",
    9: "SIGKILL",
    11: "SIGSEGV",
    13: "SIGPIPE",
    15: "SIGTERM",
}
START_ERRORS = frozenset({"StartError", "ContainerCannotRun", "RunContainerError"})
OVER_THE_VOLUME = (
    "Usage of EmptyDir volume",
    "exceeded its local ephemeral storage limit",
    "ephemeral local storage usage exceeds the total limit",
)
TURNED_AWAY = ("OutOf", "NodeAffinity", "UnexpectedAdmissionError", "Preempting", "Evicted", "NodeLost", "NodeShutdown")
"""Reasons of a pod that the kubelet failed through no fault of its containers (`OutOfcpu`, `OutOfmemory`, …)."""
KILLED_EXIT = 137
DELETED_EXITS = frozenset({KILLED_EXIT, 143})
"""Exit codes of a process that was asked or forced to end because its pod was deleted."""
SILENT = Ending(Reason.DISRUPTED, "the pod ended and does not say why", disrupted=True)


def ending(pod: Pod) -> Ending:
    """Why a pod that ended, or that somebody else deleted, left no outcome."""
    endings = (row(pod) for row in _ENDINGS)
    return next((ending for ending in endings if ending), SILENT)


def _volume_full(pod: Pod) -> Ending | None:
    if any(words in pod.status.message for words in OVER_THE_VOLUME):
        return Ending(Reason.VOLUME_FULL, pod.status.message)
    return None


def _out_of_memory(pod: Pod) -> Ending | None:
    ended = pod.state(TASK_CONTAINER).terminated
    if ended is None or ended.reason != "OOMKilled":
        return None
    limit = pod.limit(TASK_CONTAINER, "memory")
    why = f"for exceeding its memory limit of {limit}" if limit else "because memory ran out"
    return Ending(Reason.OOM_KILLED, f"the task was killed {why}")


def _disruption_target(pod: Pod) -> Ending | None:
    condition = pod.condition("DisruptionTarget")
    if condition is None or condition.status != "True":
        return None
    return _disrupted(condition.reason, condition.message)


def _turned_away(pod: Pod) -> Ending | None:
    if pod.status.phase == "Failed" and pod.status.reason.startswith(TURNED_AWAY):
        return _disrupted(pod.status.reason, pod.status.message)
    return None


def _deleted(pod: Pod) -> Ending | None:
    return _disrupted("PodDeleted", "the pod was deleted") if pod.metadata.deletion_timestamp else None


def _cannot_start(pod: Pod) -> Ending | None:
    for container in (TASK_CONTAINER, AGENT_CONTAINER):
        ended = pod.state(container).terminated
        if ended and ended.reason in START_ERRORS:
            message = f"container {container} cannot start: {ended.message or ended.reason}"
            if container == TASK_CONTAINER:
                return Ending(Reason.INVALID_TASK, message, "FAILED_WITH_TERMINAL_ERROR")
            return Ending(Reason.AGENT_UNAVAILABLE, message)
    return None


def _agent_killed(pod: Pod) -> Ending | None:
    """Killed by a signal or for lack of memory, and not by the deletion of the pod, which may have come later."""
    agent = pod.state(AGENT_CONTAINER).terminated
    if agent is None or not _was_killed(agent) or _by_deletion(pod, agent):
        return None
    return _disrupted("AgentDied", f"the agent ended with {_how(agent)}")


def _task_failed(pod: Pod) -> Ending | None:
    """The task's process ended by its own doing, even if the pod was deleted because of that."""
    ended = pod.state(TASK_CONTAINER).terminated
    if ended is None or ended.exit_code in DELETED_EXITS or _lost_its_agent(pod, ended):
        return None
    well = ended.exit_code == 0 and pod.metadata.deletion_timestamp is None
    return None if well else _exited(ended)


def _agent_gave_up(pod: Pod) -> Ending | None:
    """The agent could not record the outcome, and the task had no part in that."""
    agent, task = pod.state(AGENT_CONTAINER).terminated, pod.state(TASK_CONTAINER).terminated
    if agent is None or agent.exit_code in (0, NO_RESULT_EXIT):
        return None
    if task and task.exit_code and not _lost_its_agent(pod, task):
        return None
    return _disrupted("AgentDied", f"the agent ended with {_how(agent)}")


def _task_ended(pod: Pod) -> Ending | None:
    ended = pod.state(TASK_CONTAINER).terminated
    return _exited(ended) if ended else None


def _exited(ended: Terminated) -> Ending:
    return Ending(Reason.TASK_EXITED, f"the task ended without a result, with {_how(ended)}", log_helps=True)


def _lost_its_agent(pod: Pod, task: Terminated) -> bool:
    """The agent gave up, or ended in a way of its own and the task says that it therefore gave up.

    Where the agent says that it had no result, a task's exit code is the task's own, whatever it is.
    """
    agent = pod.state(AGENT_CONTAINER).terminated
    if agent is None or agent.exit_code in (0, NO_RESULT_EXIT):
        return False
    return GAVE_UP_EXIT in (agent.exit_code, task.exit_code)


def _by_deletion(pod: Pod, ended: Terminated) -> bool:
    """The container was ended by the pod's deletion, which sends SIGTERM and kills when the grace period is over.

    `deletionTimestamp` is the end of that period; the kubelet's last update resets it to the start of the period and
    sets the grace to 0. All times are whole seconds.
    """
    over = pod.metadata.deletion_timestamp
    if over is None or ended.reason == "OOMKilled":
        return False
    if ended.exit_code != KILLED_EXIT or ended.finished_at is None:
        return True
    was_reset = pod.metadata.deletion_grace_period_seconds == 0
    return ended.finished_at > over if was_reset else ended.finished_at >= over


def _was_killed(ended: Terminated) -> bool:
    return ended.exit_code > 128 or ended.reason == "OOMKilled"


_ENDINGS: tuple[Callable[[Pod], Ending | None], ...] = (
    _volume_full,
    _out_of_memory,
    _disruption_target,
    _turned_away,
    _cannot_start,
    _agent_killed,
    _task_failed,
    _deleted,
    _agent_gave_up,
    _task_ended,
)


def _disrupted(reason: str, message: str) -> Ending:
    words = ": ".join(part for part in (reason, message) if part)
    return Ending(Reason.DISRUPTED, words, disrupted=True)


def _how(ended: Terminated) -> str:
    """`exit code 3`, or `exit code 137 (SIGKILL)`, with the runtime's reason where it says more than `Error`."""
    number = ended.signal or (ended.exit_code - 128 if ended.exit_code > 128 else 0)
    details = [
        SIGNALS.get(number, "") if number else "",
        ended.reason if ended.reason not in ("Error", "Completed") else "",
    ]
    words = ", ".join(detail for detail in details if detail)
    return f"exit code {ended.exit_code} ({words})" if words else f"exit code {ended.exit_code}"


PULL_ERRORS = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError"})
WRONG_IMAGES = frozenset({"InvalidImageName", "ErrImageNeverPull"})
CONFIG_ERRORS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})


def hindrance(pod: Pod) -> Hindrance | None:
    """What keeps a pod from starting; None while it is merely on its way."""
    return _not_scheduled(pod) or _container_waits(pod, TASK_CONTAINER) or _container_waits(pod, AGENT_CONTAINER)


def _not_scheduled(pod: Pod) -> Hindrance | None:
    condition = pod.condition("PodScheduled")
    if condition is None or condition.status != "False":
        return None
    if condition.reason == "SchedulingGated":
        return Hindrance(Reason.UNSCHEDULABLE, condition.message, Patience.GATED, Reason.UNSCHEDULABLE)
    return Hindrance(Reason.UNSCHEDULABLE, condition.message, Patience.SCHEDULING, Reason.UNSCHEDULABLE)


def _container_waits(pod: Pod, container: str) -> Hindrance | None:
    waiting = pod.state(container).waiting
    if waiting is None:
        return None
    kind = _kind_of_waiting(waiting)
    if kind is None:
        return None
    message = f"container {container}: {waiting.reason}: {waiting.message}".removesuffix(": ")
    if container == AGENT_CONTAINER:
        return Hindrance(kind.reason, message, Patience.RETRIED, Reason.AGENT_UNAVAILABLE)
    return Hindrance(kind.reason, message, kind.patience, Reason.INVALID_TASK, "FAILED_WITH_TERMINAL_ERROR")


def helper_trouble(pod: Pod) -> str | None:
    """What keeps a helper container from starting, while agent and task are at work; None when nothing does.

    It does not change with the kubelet's tries, which alternate between two reasons.
    """
    for helper in pod.helpers:
        kind = _kind_of_waiting(helper.state.waiting) if helper.state.waiting else None
        if kind:
            image = f" (image {helper.image})" if kind.reason is Reason.IMAGE_PULL and helper.image else ""
            return f"container {helper.name} does not start: {kind.reason.value}{image}"
    return None


class _KindOfWaiting(NamedTuple):
    reason: Reason
    patience: Patience


def _kind_of_waiting(waiting: Waiting) -> _KindOfWaiting | None:
    if waiting.reason in WRONG_IMAGES:
        return _KindOfWaiting(Reason.IMAGE_PULL, Patience.NONE)
    if waiting.reason in PULL_ERRORS:
        return _KindOfWaiting(Reason.IMAGE_PULL, Patience.RETRIED)
    if waiting.reason in CONFIG_ERRORS:
        return _KindOfWaiting(Reason.CONTAINER_CONFIG, Patience.RETRIED)
    return None
