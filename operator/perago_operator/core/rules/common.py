"""What several rules need: readings of a situation, and the steps and outcomes they share. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from perago.wire import Outcome
from perago.wire.policy import Failure, failed
from perago.wire.times import timestamp
from perago_operator.api.reasons import Reason
from perago_operator.api.shared import FailureResult
from perago_operator.core import actions as do
from perago_operator.core.pod.model import Pod
from perago_operator.core.rules.ruling import Notice, Ruling
from perago_operator.core.situation import Situation


def completed_at(s: Situation) -> datetime | None:
    """Since when the status says that nothing is left to do; None while it does not."""
    return s.moment(s.completed) if s.completed else None


def let_pods_go(s: Situation) -> tuple[do.Action, ...]:
    """Deletion and release of every pod that is still held, whatever its execution; one that is kept is released."""
    releases = (do.ReleasePod(pod.name, pod.metadata.uid) for pod in s.pods if s.unreleased(pod))
    return (*delete_pods(pod for pod in s.pods if s.undeleted(pod) and not s.keeps(pod)), *releases)


def delete_pods(pods: Iterable[Pod]) -> tuple[do.Action, ...]:
    """Deletion of these very pods: another that has the name of one by then is left alone."""
    return tuple(do.DeletePod(pod.name, pod.metadata.uid) for pod in pods)


def let_strangers_go(s: Situation) -> tuple[do.Action, ...]:
    """Release of pods of an earlier attempt of this name that are being deleted: nobody else waits for their end."""
    leaving = (pod for pod in s.strangers if pod.metadata.deletion_timestamp and s.unreleased(pod))
    return tuple(do.ReleasePod(pod.name, pod.metadata.uid) for pod in leaving)


def unseen_until(s: Situation) -> datetime:
    """How long a pod that this process created may stay unseen before it is looked for; at once for any other."""
    if not s.pod_unseen:
        return s.now
    return s.memory.created[s.pod_name] + timedelta(seconds=s.config.unseen_patience)


def look_for_pod(s: Situation) -> tuple[do.Action, ...]:
    """The question whether the current execution's pod exists."""
    return (do.LookForPod(s.pod_name),)


def delete_staging(s: Situation) -> tuple[do.Action, ...]:
    """Deletion of the staging branch that may still exist; nothing without one."""
    branch = s.staging
    return (do.DeleteStaging(branch.repository, branch.branch),) if branch else ()


def waiting(s: Situation, notice: Notice) -> Ruling:
    """Wait without a pod, and say what for; not for ever where Conductor waits too, whose patience heartbeats renew."""
    if s.conductor is None:
        return Ruling(notice=notice)
    patience = s.config.wait_patience
    until = (s.moment(s.unready) if s.unready else s.created) + timedelta(seconds=patience)
    if s.now < until:
        return Ruling(notice=notice, look_again_at=until)
    message = f"the attempt could not start within {patience:.0f} s: {notice.message}"
    return Ruling(outcome=failure(s, notice.reason, message))


def pausing(message: str, until: datetime) -> Notice:
    """What people read between two executions; the text stays the same for as long as the pause lasts."""
    words = f"{message.rstrip('. ')}; another pod is created at {timestamp(until)}"
    return Notice(Reason.DISRUPTED, words, warning=True)


def failure(
    s: Situation, reason: Reason, message: str, default: FailureResult = "FAILED", *, exit_code: int | None = None
) -> Outcome:
    """The default result, unless the failure policy has another one for this reason or exit code."""
    return failed(s.resolved.failure_policy, Failure(reason.value, exit_code), message, default)


def invalid(s: Situation, message: str) -> Outcome:
    """The task cannot run as it is declared: a retry would fail the same way."""
    return failure(s, Reason.INVALID_TASK, message, "FAILED_WITH_TERMINAL_ERROR")
