"""The current execution has a pod: it starts, runs, ends. Rules, pure."""

from datetime import datetime, timedelta

from perago.wire.times import timestamp
from perago_operator.api.reasons import FAULTS, Fault, Reason, with_remedy
from perago_operator.core import evidence
from perago_operator.core.log import read_log, with_last_words
from perago_operator.core.pauses import pause_after
from perago_operator.core.pod import diagnosis
from perago_operator.core.pod.diagnosis import Ending
from perago_operator.core.pod.hindrance import Hindrance, Patience, hindrance_of
from perago_operator.core.pod.model import Pod
from perago_operator.core.rules.common import delete_pods, failure, pausing, unseen_until
from perago_operator.core.rules.ruling import Notice, Ruling
from perago_operator.core.situation import Situation


def pod_not_seen_yet(s: Situation) -> Ruling | None:
    """Created, and the watch has yet to show it."""
    return Ruling(look_again_at=unseen_until(s)) if s.pod_unseen else None


def infrastructure_failed(s: Situation) -> Ruling | None:
    """The agent gave up on the infrastructure, and its pod is over: replace it like one that was lost."""
    outcome = s.recoverable
    return _replaced(s, f"{outcome.reason}: {outcome.message or 'the agent gave up'}") if outcome else None


def disrupted(s: Situation) -> Ruling | None:
    """The pod was lost, evicted or preempted, or its agent died: replace it, up to `disruptionRetries` times."""
    ending = _ending(s)
    return _replaced(s, ending.message) if ending and ending.disrupted else None


def _replaced(s: Situation, message: str, reason: Reason = Reason.DISRUPTED) -> Ruling:
    """The next execution, or the end when there were too many, which then has this reason."""
    if s.execution <= s.resolved.disruption_retries:
        notice = pausing(message, s.time_of_day + pause_after(s, s.execution))
        return Ruling(notice=notice, next_execution=s.execution + 1, disruption=message)
    often = f"{message} (disrupted {s.execution} times)" if s.execution > 1 else message
    words = evidence.with_strays(s, with_remedy(often, reason))
    return Ruling(outcome=failure(s, reason, words))


def end_may_be_explained(s: Situation) -> Ruling | None:
    """The task was ended from outside, for example by an eviction: the pod says why a moment later, if at all."""
    pod = s.pod
    ended = s.ended_at(pod) if pod else None
    if _ending(s) is None or pod is None or ended is None or not diagnosis.may_be_explained(pod):
        return None
    until = ended + timedelta(seconds=s.config.agent_patience)
    return Ruling(look_again_at=until) if s.now < until else None


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
    message = _message(s, ending)
    return Ruling(outcome=failure(s, ending.reason, message, ending.result, exit_code=ending.exit_code))


def _message(s: Situation, ending: Ending) -> str:
    """What the pod shows, and what helps: the log where that may explain it, else the remedy."""
    if not ending.log_helps:
        return evidence.with_strays(s, with_remedy(ending.message, ending.reason))
    return with_last_words(s, evidence.with_strays(s, ending.message))


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
    """An image, a Secret, a node is missing: say so at once, and give up, or replace the pod, when patience is over."""
    hindrance = hindrance_of(s.pod) if s.pod else None
    if hindrance is None or s.pod is None:
        return None
    message = with_remedy(hindrance.message, hindrance.advice)
    notice = Notice(hindrance.reason, message, warning=True)
    if hindrance.patience is Patience.GATED and s.conductor is None:
        return Ruling(notice=notice)
    until = _hindered_since(s, hindrance, s.pod) + timedelta(seconds=_patience(s, hindrance))
    if s.now < until:
        return Ruling(notice=notice, look_again_at=until)
    if hindrance.disrupted:
        return _replaced(s, hindrance.message, hindrance.fails_with)
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
    reason, message = _never_started(s, pod)
    if FAULTS[reason] is Fault.INFRASTRUCTURE:
        return _replaced(s, message, reason)
    return Ruling(outcome=failure(s, reason, message))


def _never_started(s: Situation, pod: Pod) -> tuple[Reason, str]:
    """Of a pod whose status has no words: either no scheduler has looked at it, or its node does not get on with it."""
    seconds = f"{s.config.start_patience:.0f} s"
    if pod.spec.node_name is None:
        scheduler = pod.spec.scheduler_name
        message = f"no scheduler has looked at pod {pod.name} for {seconds}; check that the scheduler {scheduler} runs"
        return Reason.UNSCHEDULABLE, message
    events = f"kubectl get events --field-selector involvedObject.name={pod.name}"
    why = f"an image is still being pulled, or a volume, the network or the runtime is not there; {events} says which"
    return Reason.NOT_STARTED, f"no container of pod {pod.name} started within {seconds}: {why}"


def node_is_silent(s: Situation) -> Ruling | None:
    """The node does not answer: say so, and when patience is over, delete the pod, so that another can replace it."""
    pod = s.pod
    since = pod.node_silent_since if pod else None
    if pod is None or since is None:
        return None
    until = s.moment(since) + timedelta(seconds=s.config.silent_node_patience)
    silence = f"node {pod.spec.node_name} has not answered since {timestamp(since)}"
    message = f"{silence}; the pod is replaced if that does not change"
    notice = Notice(Reason.NODE_SILENT, message, warning=True)
    if s.now < until:
        return Ruling(notice=notice, look_again_at=min(until, s.deadline_at or until))
    return Ruling(delete_pods([pod] if s.undeleted(pod) else []), notice)


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
    return first_sight if hindrance.patience in (Patience.RETRIED, Patience.STARTING) else _starting_since(s, pod)


def _starting_since(s: Situation, pod: Pod) -> datetime:
    """When the pod began to start: when it was placed on its node, by the node's clock, and not before its creation."""
    times = (pod.status.start_time, pod.metadata.creation_timestamp)
    return max((s.moment(time) for time in times if time), default=s.memory.first_seen)


def _patience(s: Situation, hindrance: Hindrance) -> float:
    limits = {
        Patience.RETRIED: s.config.retried_patience,
        Patience.STARTING: s.config.start_patience,
        Patience.SCHEDULING: s.config.unschedulable_patience,
        Patience.ROOM: s.config.wait_patience if s.crowd.running else s.config.unschedulable_patience,
        Patience.GATED: s.config.gated_patience,
    }
    return limits.get(hindrance.patience, 0.0)
