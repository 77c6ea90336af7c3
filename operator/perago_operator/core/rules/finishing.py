"""The outcome is known: report it and leave nothing behind. Rules, pure."""

from datetime import timedelta

from perago_operator.core import actions as do
from perago_operator.core.reporting import doubt_until, report, report_is_wanted
from perago_operator.core.rules.common import completed_at, delete_staging, let_pods_go
from perago_operator.core.rules.ruling import Ruling
from perago_operator.core.situation import Situation


def attempt_is_over(s: Situation) -> Ruling | None:
    """Everything is done and released: wait until the time to live has passed, then delete the attempt."""
    since = completed_at(s)
    if since is None or s.held:
        return None
    ttl = s.resolved.ttl_seconds
    if s.deleting or ttl is None or s.memory.expired:
        return Ruling()
    expires = since + timedelta(seconds=ttl)
    return Ruling((do.DeleteAttempt(),)) if s.now >= expires else Ruling(look_again_at=expires)


def late_call_may_have_landed(s: Situation) -> Ruling | None:
    """Accepted, but a call of unknown fate may still change the task: read it once more before letting go."""
    until = doubt_until(s)
    if completed_at(s) is None or until is None or report_is_wanted(s):
        return None
    if s.now < until:
        return Ruling(look_again_at=until)
    assert s.conductor is not None
    assert s.outcome is not None
    return Ruling((do.ReadBack(s.conductor, s.outcome.wire()),))


def nothing_is_left(s: Situation) -> Ruling | None:
    """Reported, and neither pod nor staging branch is held: take our finalizer off the attempt."""
    return Ruling((do.ReleaseAttempt(),)) if completed_at(s) and not report_is_wanted(s) else None


def outcome_is_known(s: Situation) -> Ruling | None:
    """Report it, save the log, let the pods go, delete the staging branch; none waits for another's success."""
    if s.outcome is None:
        return None
    return Ruling((*report(s), *_ship_log(s), *let_pods_go(s), *delete_staging(s)))


def _ship_log(s: Situation) -> tuple[do.Action, ...]:
    """Of the last pod, before it goes; tried once only, since a log is not worth delaying the clean-up."""
    task, pod, lines = s.conductor, s.pod, s.config.shipped_log_lines
    if task is None or pod is None or not lines or not pod.first_container_started:
        return ()
    if pod.name in s.memory.shipped or s.trouble(do.ShipLog) or not s.unreleased(pod):
        return ()
    return (do.ShipLog(task, pod.name, lines),)
