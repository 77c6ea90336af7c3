"""The current execution has a pod: it starts, runs, ends. Rules, pure."""

from datetime import datetime, timedelta

from perago.wire import Outcome
from perago_operator.api.reasons import Reason
from perago_operator.core import actions as do
from perago_operator.core.diagnosis import Ending, Hindrance, Patience, ending, hindrance
from perago_operator.core.pods import Pod
from perago_operator.core.rules.common import failure
from perago_operator.core.rules.next import Next, Notice
from perago_operator.core.situation import Situation


def pod_not_seen_yet(s: Situation) -> Next | None:
    """Created, and the watch has yet to show it."""
    return Next() if s.pod_unseen else None


def disrupted(s: Situation) -> Next | None:
    """The pod was lost, evicted, preempted or its agent died: the attempt gets another, as often as it may."""
    end = _end(s)
    if end is None or not end.disrupted:
        return None
    if s.execution <= s.resolved.disruption_retries:
        return Next(next_execution=s.execution + 1, notice=Notice(Reason.DISRUPTED, end.message, warning=True))
    times = f"{end.message} (disrupted {s.execution} times)" if s.execution > 1 else end.message
    return Next(outcome=failure(s, Reason.DISRUPTED, times))


def log_is_missing(s: Situation) -> Next | None:
    """The task ended without a result: its last log lines belong into the message; one try has to do."""
    end = _end(s)
    if end is None or not end.log_helps or s.pod is None:
        return None
    if s.pod.name in s.memory.logs or s.trouble("ReadLog"):
        return None
    return Next((do.ReadLog(s.pod.name, s.config.log_lines),))


def failed(s: Situation) -> Next | None:
    """The pod ended by the task's own doing and left no outcome: say what it shows."""
    end = _end(s)
    if end is None:
        return None
    log = s.memory.logs.get(s.pod_name, "") if end.log_helps else ""
    message = f"{end.message}; last log lines:\n{log}" if log else end.message
    result = s.resolved.result_for(end.reason, end.result)
    return Next(outcome=Outcome(status=result, reason=end.reason.value, message=message))


def pod_is_leaving(s: Situation) -> Next | None:
    """Somebody deleted the pod: its agent may still bring the work to an end."""
    pod = s.pod
    if pod is None or pod.metadata.deletion_timestamp is None:
        return None
    return Next(at=s.lost_at(pod))


def one_container_ended(s: Situation) -> Next | None:
    """Task or agent ended alone: the other gets a moment to end by itself, then the pod is ended."""
    pod = s.pod
    if pod is None or not pod.one_sided:
        return None
    until = (pod.ended_at or s.now) + timedelta(seconds=s.config.agent_patience)
    if s.now < until:
        return Next(at=until)
    return Next((do.DeletePod(pod.name),) if s.undeleted(pod) else ())


def pod_cannot_start(s: Situation) -> Next | None:
    """An image, a Secret, a node is missing: say so at once, and give up when patience is over."""
    found = hindrance(s.pod) if s.pod else None
    if found is None or s.pod is None:
        return None
    notice = Notice(found.reason, found.message, warning=True)
    if found.patience is Patience.GATED:
        return Next(notice=notice)
    until = _hindered_since(s, found, s.pod) + timedelta(seconds=_patience(s, found))
    if s.now < until:
        return Next(notice=notice, at=until)
    result = s.resolved.result_for(found.fails_with, found.result)
    return Next(outcome=Outcome(status=result, reason=found.fails_with.value, message=found.message))


def pod_starts(s: Situation) -> Next | None:
    """On its way; too long on its way is a failure that the pod itself has no words for."""
    pod = s.pod
    if pod is None or pod.started:
        return None
    notice = Notice(Reason.POD_STARTING, f"pod {pod.name} is starting")
    if pod.first_container_started:
        return Next(notice=notice)
    until = _starting_since(s, pod) + timedelta(seconds=s.config.start_patience)
    if s.now < until:
        return Next(notice=notice, at=until)
    message = (
        f"no container of pod {pod.name} started within {s.config.start_patience:.0f} s: a volume or the network is "
        f"missing; kubectl get events --field-selector involvedObject.name={pod.name} says which"
    )
    return Next(outcome=failure(s, Reason.NOT_STARTED, message))


def pod_runs(s: Situation) -> Next | None:
    """Agent and task are at work; the agent writes step and outcome."""
    return Next(at=s.deadline_at) if s.pod else None


def _end(s: Situation) -> Ending | None:
    """Why the current pod is over; None while it is not, or when there was none."""
    if not s.pod_over:
        return None
    if s.pod is None:
        return Ending(Reason.DISRUPTED, f"pod {s.pod_name} has vanished", disrupted=True)
    return ending(s.pod)


def _hindered_since(s: Situation, found: Hindrance, pod: Pod) -> datetime:
    """A pull error counts from its first sight: the images before it may have taken long."""
    known = s.memory.hindered
    first_sight = known[1] if known and known[0] == pod.name else s.now
    return first_sight if found.patience is Patience.PULL else _starting_since(s, pod)


def _starting_since(s: Situation, pod: Pod) -> datetime:
    """When the pod began to start: placed on its node, else created."""
    return pod.status.start_time or pod.metadata.creation_timestamp or s.memory.first_seen


def _patience(s: Situation, found: Hindrance) -> float:
    limits = {Patience.PULL: s.config.pull_patience, Patience.SCHEDULING: s.config.unschedulable_patience}
    return limits.get(found.patience, 0.0)
