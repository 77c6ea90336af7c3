"""Why a pod ended, or was taken away, without an outcome: in the pod's own words. Pure.

The first row that matches decides. `tests/cases/pod_status` holds statuses for each, most of them recorded from a real
cluster. What keeps a pod from starting is the business of `hindrance`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from perago.wire import GAVE_UP_EXIT, LONGEST_LINE, NO_RESULT_EXIT
from perago_operator.api.reasons import Reason
from perago_operator.api.shared import FailureResult
from perago_operator.core.names import AGENT_CONTAINER, TASK_CONTAINER
from perago_operator.core.pod.model import Pod, Terminated
from perago_operator.core.pod.start_errors import START_ERRORS, Blame, blame, never_ran, with_doubt


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
    exit_code: int | None = None
    """That of the task, where it ended by its own doing."""


_MODULE = re.compile(r"^(\w+\.)+(?=\w+: )")
"""The module of an exception's class, in the last line of a traceback."""

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
OVER_THE_VOLUME = (
    "Usage of EmptyDir volume",
    "exceeded its local ephemeral storage limit",
    "ephemeral local storage usage exceeds the total limit",
)
TURNED_AWAY = (
    "OutOf",
    "NodeAffinity",
    "UnexpectedAdmissionError",
    "Preempting",
    "Evicted",
    "NodeLost",
    "NodeShutdown",
    "Terminated",
)
"""Reasons of a pod that the kubelet failed through no fault of its containers (`OutOfcpu`, `OutOfmemory`, …)."""
KILLED_EXIT = 137
DELETED_EXITS = frozenset({KILLED_EXIT, 143})
"""Exit codes of a process that was asked or forced to end because its pod was deleted."""
HUNG_UP_SECONDS = 3
"""How long before its pod's deletion the agent of such a task has ended at least; `agent_patience` is longer."""
LOST = frozenset({"ContainerStatusUnknown", "Unknown"})
"""Reasons of a container whose end nobody saw: its node was restarted, or the runtime's process beside it died."""


def ending(pod: Pod) -> Ending:
    """Why a pod that ended, or that somebody else deleted, left no outcome."""
    endings = (row(pod) for row in _ENDINGS)
    return next((ending for ending in endings if ending), None) or _silent(pod)


def may_be_explained(pod: Pod) -> bool:
    """The task was ended from outside and its pod is not over yet: the kubelet may still say why it did that."""
    ended = pod.state(TASK_CONTAINER).terminated
    return ended is not None and ended.exit_code in DELETED_EXITS and pod.status.phase == "Running"


def _silent(pod: Pod) -> Ending:
    """Nothing that we know of explains it: another pod may do better, and people read what there is to read."""
    words = ": ".join(part for part in (pod.status.reason, pod.status.message) if part)
    if not words:
        return Ending(Reason.DISRUPTED, "the pod ended and does not say why", disrupted=True)
    return _disrupted("", f"{words} (Perago does not know this reason, and treats it as one of the node)")


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
    return Ending(Reason.OOM_KILLED, f"the task was killed {why}", exit_code=ended.exit_code)


def _out_of_pod_deadline(pod: Pod) -> Ending | None:
    if pod.status.reason != Reason.DEADLINE_EXCEEDED:
        return None
    limit = pod.spec.active_deadline_seconds
    of = "" if limit is None else f" of {limit} s"
    return Ending(Reason.DEADLINE_EXCEEDED, f"the pod exceeded the activeDeadlineSeconds{of} that its template sets")


def _disruption_target(pod: Pod) -> Ending | None:
    condition = pod.condition("DisruptionTarget")
    if condition is None or condition.status != "True":
        return None
    return _disrupted(condition.reason, condition.message)


def _turned_away(pod: Pod) -> Ending | None:
    if pod.status.phase == "Failed" and pod.status.reason.startswith(TURNED_AWAY):
        return _disrupted(pod.status.reason, pod.status.message)
    return None


def _on_silent_node(pod: Pod) -> Ending | None:
    """It was deleted because its node does not answer, which therefore has not confirmed the end either."""
    if pod.metadata.deletion_timestamp is None or pod.node_silent_since is None:
        return None
    return _disrupted(Reason.NODE_SILENT, f"node {pod.spec.node_name} does not answer")


def _task_hung_up(pod: Pod) -> Ending | None:
    """The task left its agent and went on, until the operator deleted the pod because of that; others leave with it."""
    agent, asked = pod.state(AGENT_CONTAINER).terminated, pod.deletion_asked
    if agent is None or agent.exit_code != NO_RESULT_EXIT or agent.finished_at is None or asked is None:
        return None
    if (asked - agent.finished_at).total_seconds() < HUNG_UP_SECONDS:
        return None
    message = "the task left its agent without a result, and went on until its pod was deleted"
    return Ending(Reason.TASK_EXITED, message, log_helps=True)


def _deleted(pod: Pod) -> Ending | None:
    return _disrupted("PodDeleted", "the pod was deleted") if pod.metadata.deletion_timestamp else None


def _cannot_start(pod: Pod) -> Ending | None:
    """The runtime could not start a container: what was declared is wrong, or else the node is."""
    for status in (*pod.init_containers, *pod.ours):
        ended = status.state.terminated
        if ended and ended.reason in START_ERRORS:
            return _start_error(status.name, ended)
    return None


def _start_error(container: str, ended: Terminated) -> Ending:
    why = ended.message or ended.reason
    message = f"container {container} cannot start: {with_doubt(why)}"
    if blame(why) is not Blame.DECLARED:
        return _disrupted("", message)
    if container == AGENT_CONTAINER:
        return Ending(Reason.AGENT_UNAVAILABLE, message)
    return _undeclarable(message)


def _never_ran(pod: Pod) -> Ending | None:
    """The kernel refused the task's program."""
    ended = pod.state(TASK_CONTAINER).terminated
    if ended is None or not ended.exit_code or not never_ran(ended.message):
        return None
    return _undeclarable(f"container {TASK_CONTAINER} cannot start: {ended.message.strip()}")


def _undeclarable(message: str) -> Ending:
    return Ending(Reason.INVALID_TASK, message, "FAILED_WITH_TERMINAL_ERROR")


def _processes_lost(pod: Pod) -> Ending | None:
    """Nobody saw the containers end: the node was restarted under them, or lost track of them."""
    if pod.metadata.deletion_timestamp:
        return None
    ends = (status.state.terminated for status in pod.ours)
    lost = next((end for end in ends if end and end.reason in LOST), None)
    return _disrupted("ContainersLost", lost.message or "the node lost track of the pod's containers") if lost else None


def _init_container_failed(pod: Pod) -> Ending | None:
    """A container of the pod template that runs before the task failed, so that the task never started."""
    for status in pod.init_containers:
        ended = status.state.terminated
        if ended is None or ended.exit_code == 0:
            continue
        if ended.reason == "OOMKilled":
            limit = pod.limit(status.name, "memory")
            over = f" for exceeding its memory limit of {limit}" if limit else " because memory ran out"
            return Ending(Reason.INIT_CONTAINER_FAILED, f"init container {status.name} was killed{over}")
        return Ending(Reason.INIT_CONTAINER_FAILED, f"init container {status.name} ended with {_how(ended)}")
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
    return _disrupted("AgentDied", f"the agent ended with {_how(agent)}{_last_words(agent)}")


def _last_words(agent: Terminated) -> str:
    """The exception for which an agent gave up: the last line of its log."""
    lines = agent.message.split("\n") if agent.exit_code == GAVE_UP_EXIT else []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {_MODULE.sub('', last)[:LONGEST_LINE]}" if last else ""


def _task_ended(pod: Pod) -> Ending | None:
    ended = pod.state(TASK_CONTAINER).terminated
    return _exited(ended) if ended else None


def _exited(ended: Terminated) -> Ending:
    message = f"the task ended without a result, with {_how(ended)}"
    return Ending(Reason.TASK_EXITED, message, log_helps=True, exit_code=ended.exit_code)


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
    _out_of_pod_deadline,
    _out_of_memory,
    _disruption_target,
    _turned_away,
    _cannot_start,
    _never_ran,
    _processes_lost,
    _agent_killed,
    _task_failed,
    _init_container_failed,
    _on_silent_node,
    _task_hung_up,
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
