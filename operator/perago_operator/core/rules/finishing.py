"""The outcome is known: tell Conductor, leave nothing behind. Rules, pure."""

from datetime import timedelta

from perago_operator.core import actions as do
from perago_operator.core.reporting import doubt_until, report, report_is_wanted
from perago_operator.core.rules.common import completed_at, delete_staging, let_pods_go
from perago_operator.core.rules.next import Next
from perago_operator.core.situation import Situation


def attempt_is_over(s: Situation) -> Next | None:
    """Everything is done and released: wait for the time to live, then delete."""
    since = completed_at(s)
    if since is None or s.held:
        return None
    ttl = s.resolved.ttl_seconds
    if s.deleting or ttl is None or s.memory.expired:
        return Next()
    expires = since + timedelta(seconds=ttl)
    return Next(actions=(do.DeleteAttempt(),)) if s.now >= expires else Next(at=expires)


def late_call_may_have_landed(s: Situation) -> Next | None:
    """Accepted, but a call of unknown fate may still change the task: read it once more before letting go."""
    until = doubt_until(s)
    if not _is_completed(s) or until is None or report_is_wanted(s):
        return None
    if s.now < until:
        return Next(at=until)
    assert s.conductor is not None
    assert s.outcome is not None
    return Next(actions=(do.ReadBack(s.conductor, s.outcome.wire()),))


def nothing_is_left(s: Situation) -> Next | None:
    """Reported, and neither pod nor staging branch is held: take our finalizer off the attempt."""
    return Next(actions=(do.ReleaseAttempt(),)) if _is_completed(s) and not report_is_wanted(s) else None


def outcome_is_known(s: Situation) -> Next | None:
    """Report it, save the log, let the pods go, delete the staging branch; none waits for another's success."""
    if s.outcome is None:
        return None
    return Next(actions=(*report(s), *_ship_log(s), *let_pods_go(s), *delete_staging(s)))


def _ship_log(s: Situation) -> tuple[do.Action, ...]:
    """Of the last pod, before it goes; one try has to do, for logs are no results."""
    task, pod, lines = s.conductor, s.pod, s.config.shipped_log_lines
    if task is None or pod is None or not lines or not pod.first_container_started:
        return ()
    if pod.name in s.memory.shipped or s.trouble("ShipLog") or not s.unreleased(pod):
        return ()
    return (do.ShipLog(task, pod.name, lines),)


def _is_completed(s: Situation) -> bool:
    """The status says that nothing is left to do."""
    return completed_at(s) is not None
