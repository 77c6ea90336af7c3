"""The outcome is known: report it and leave nothing behind. Rules, pure."""

from datetime import timedelta

from perago_operator.core import actions as do
from perago_operator.core.log import log_is_expected_by, read_log, ship_log
from perago_operator.core.reporting import doubt_until, report, report_is_wanted
from perago_operator.core.rules.common import completed_at, delete_staging, let_pods_go
from perago_operator.core.rules.ruling import Ruling
from perago_operator.core.situation import Situation


def attempt_is_over(s: Situation) -> Ruling | None:
    """Everything is done and released: wait until the time to live has passed, then delete the attempt."""
    since = completed_at(s)
    if since is None or s.held:
        return None
    kept = min((s.kept_until(pod) for pod in s.pods if s.keeps(pod)), default=None)
    ttl = s.resolved.ttl_seconds
    if s.deleting or ttl is None or s.memory.expired:
        return Ruling(look_again_at=kept)
    expires = since + timedelta(seconds=ttl)
    if s.now >= expires:
        return Ruling((do.DeleteAttempt(),))
    return Ruling(look_again_at=min(kept, expires) if kept else expires)


def kept_pod_is_due(s: Situation) -> Ruling | None:
    """Complete, and a pod is there that nobody wants: kept for long enough, or created by a call that landed late.

    The late one has our finalizer, and would stay for as long as the attempt.
    """
    actions = let_pods_go(s) if completed_at(s) else ()
    return Ruling(actions) if actions else None


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
    """Report it, delete the staging branch, save the log, let the pods go; none waits for another's success.

    Only the pods wait, for their log, and not for long.
    """
    if s.outcome is None:
        return None
    reading = read_log(s, failed=s.outcome.status != "COMPLETED")
    expected = log_is_expected_by(s)
    after_the_log = () if reading or expected else (*ship_log(s), *let_pods_go(s))
    return Ruling((*report(s), *delete_staging(s), *reading, *after_the_log), look_again_at=expected)
