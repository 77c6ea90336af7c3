"""The current execution has a pod: it starts, runs, ends. Rules, pure."""

from datetime import datetime, timedelta

from perago_operator.api.reasons import Reason, with_remedy
from perago_operator.core.log import read_log, with_last_words
from perago_operator.core.pod import diagnosis
from perago_operator.core.pod.diagnosis import Ending, Hindrance, Patience
from perago_operator.core.pod.model import Pod
from perago_operator.core.rules.common import delete_pods, failure, unseen_until
from perago_operator.core.rules.ruling import Notice, Ruling
from perago_operator.core.situation import Situation


def pod_not_seen_yet(s: Situation) -> Ruling | None:
    """Created, and the watch has yet to show it."""
    return Ruling(look_again_at=unseen_until(s)) if s.pod_unseen else None


def disrupted(s: Situation) -> Ruling | None:
    """The pod was lost, evicted or preempted, or its agent died: replace it, up to `disruptionRetries` times."""
    ending = _ending(s)
    if ending is None or not ending.disrupted:
        return None
    if s.execution <= s.resolved.disruption_retries:
        return Ruling(notice=Notice(Reason.DISRUPTED, ending.message, warning=True), next_execution=s.execution + 1)
    message = f"{ending.message} (disrupted {s.execution} times)" if s.execution > 1 else ending.message
    return Ruling(outcome=failure(s, Reason.DISRUPTED, with_remedy(message, Reason.DISRUPTED)))


def log_is_missing(s: Situation) -> Ruling | None:
    """The task ended without a result: its last log lines belong in the message, if they can be had."""
    ending = _ending(s)
    reading = read_log(s, failed=True) if ending and ending.log_helps else ()
    return Ruling(reading) if reading else None


def failed(s: Situation) -> Ruling | None:
    """The pod ended by the task's own doing and left no outcome: say what it shows."""
    ending = _ending(s)
    if ending is None:
        return None
    return Ruling(outcome=failure(s, ending.reason, _message(s, ending), ending.result))


def _message(s: Situation, ending: Ending) -> str:
    """What the pod shows, and what helps: the log where that may explain it, else the remedy."""
    if not ending.log_helps:
        return with_remedy(ending.message, ending.reason)
    return with_last_words(s, ending.message)


def pod_is_leaving(s: Situation) -> Ruling | None:
    """Somebody deleted the pod: its agent may still finish the work."""
    pod = s.pod
    if pod is None or pod.metadata.deletion_timestamp is None:
        return None
    return Ruling(look_again_at=s.lost_at(pod))


def one_container_ended(s: Situation) -> Ruling | None:
    """Task or agent ended alone: the other gets a moment to end by itself, then the pod is deleted."""
    pod = s.pod
    if pod is None or not pod.one_sided:
        return None
    until = (s.ended_at(pod) or s.now) + timedelta(seconds=s.config.agent_patience)
    if s.now < until:
        return Ruling(look_again_at=until)
    return Ruling(delete_pods([pod] if s.undeleted(pod) else []))


def pod_cannot_start(s: Situation) -> Ruling | None:
    """An image, a Secret, a node is missing: say so at once, and give up when patience is over."""
    hindrance = diagnosis.hindrance(s.pod) if s.pod else None
    if hindrance is None or s.pod is None:
        return None
    message = with_remedy(hindrance.message, hindrance.advice)
    notice = Notice(hindrance.reason, message, warning=True)
    if hindrance.patience is Patience.GATED and s.conductor is None:
        return Ruling(notice=notice)
    until = _hindered_since(s, hindrance, s.pod) + timedelta(seconds=_patience(s, hindrance))
    if s.now < until:
        return Ruling(notice=notice, look_again_at=until)
    return Ruling(outcome=failure(s, hindrance.fails_with, message, hindrance.result))


def pod_starts(s: Situation) -> Ruling | None:
    """On its way; too long on its way is a failure that the pod's status has no words for."""
    pod = s.pod
    if pod is None or pod.started:
        return None
    notice = Notice(Reason.POD_STARTING, f"pod {pod.name} is starting")
    if pod.first_container_started:
        return Ruling(notice=notice)
    until = _starting_since(s, pod) + timedelta(seconds=s.config.start_patience)
    if s.now < until:
        return Ruling(notice=notice, look_again_at=until)
    message = (
        f"no container of pod {pod.name} started within {s.config.start_patience:.0f} s: a volume or the network is "
        f"missing; kubectl get events --field-selector involvedObject.name={pod.name} says which"
    )
    return Ruling(outcome=failure(s, Reason.NOT_STARTED, message))


def pod_runs(s: Situation) -> Ruling | None:
    """Agent and task are at work; the agent writes step and outcome."""
    return Ruling(look_again_at=s.deadline_at) if s.pod else None


def _ending(s: Situation) -> Ending | None:
    """Why the current pod is over; None while it is not, or when there was none."""
    if not s.pod_over:
        return None
    if s.pod is None:
        return Ending(Reason.DISRUPTED, f"pod {s.pod_name} has vanished", disrupted=True)
    return diagnosis.ending(s.pod)


def _hindered_since(s: Situation, hindrance: Hindrance, pod: Pod) -> datetime:
    """What the kubelet retries counts from its first sight: the images before it may have taken long."""
    hindered = s.memory.hindered
    first_sight = hindered.since if hindered and hindered.pod == pod.name else s.now
    return first_sight if hindrance.patience is Patience.RETRIED else _starting_since(s, pod)


def _starting_since(s: Situation, pod: Pod) -> datetime:
    """When the pod began to start: when it was placed on its node, by the node's clock, and not before its creation."""
    times = (pod.status.start_time, pod.metadata.creation_timestamp)
    return max((s.moment(time) for time in times if time), default=s.memory.first_seen)


def _patience(s: Situation, hindrance: Hindrance) -> float:
    limits = {Patience.RETRIED: s.config.retried_patience, Patience.SCHEDULING: s.config.unschedulable_patience}
    limits[Patience.GATED] = s.config.gated_patience
    return limits.get(hindrance.patience, 0.0)
