"""The attempt is not to go on, or its pod is over: stop, ask lakeFS, then say how it ended. Rules, pure."""

from datetime import datetime

from perago_operator.api.reasons import Reason
from perago_operator.core import actions as do
from perago_operator.core.evidence import outcome_from, question
from perago_operator.core.rules.common import failure
from perago_operator.core.rules.next import Next, Notice
from perago_operator.core.situation import Situation


def stopping(s: Situation) -> Next | None:
    """Deleted, canceled, superseded or out of time while a pod may run: delete the pod and wait for its end."""
    if s.stop is None or not (s.running_pods or s.pod_unseen):
        return None
    orders = tuple(do.DeletePod(each.name) for each in s.running_pods if s.undeleted(each))
    if s.pod_unseen and s.pod_name not in s.memory.deleted:
        orders = (*orders, do.DeletePod(s.pod_name))
    return Next(orders, Notice(Reason.STOPPING, s.stop.message), at=_first_lost(s))


def evidence_is_missing(s: Situation) -> Next | None:
    """The pod is over and may have published: ask lakeFS before anything is concluded."""
    if not _ended_without_outcome(s) or (s.stop and s.stop.reason is Reason.SUPERSEDED):
        return None
    asked = question(s)
    if asked is None:
        return None
    trouble = s.trouble("AskEvidence")
    told = "asking lakeFS whether the ended pod had published" + (f": {trouble.message}" if trouble else "")
    return Next((asked,), Notice(Reason.WAITING_FOR_EVIDENCE, told, warning=trouble is not None))


def work_was_published(s: Situation) -> Next | None:
    """The target branch carries this attempt's commit with its output: that is the outcome, nothing runs again."""
    if not _ended_without_outcome(s) or (s.stop and s.stop.reason is Reason.SUPERSEDED):
        return None
    outcome = outcome_from(s)
    return Next(outcome=outcome) if outcome else None


def stopped(s: Situation) -> Next | None:
    """No process of the attempt runs any more: say why it was stopped."""
    return Next(outcome=failure(s, s.stop.reason, s.stop.message)) if s.stop else None


def _ended_without_outcome(s: Situation) -> bool:
    return s.pod_over or s.stop is not None


def _first_lost(s: Situation) -> datetime | None:
    return min((lost for each in s.running_pods if (lost := s.lost_at(each))), default=None)
