"""The conditions of an attempt, derived from the situation. Pure."""

from perago_operator.api.base import JsonObject
from perago_operator.api.conditions import State, changed
from perago_operator.api.reasons import ConditionType, Reason
from perago_operator.core import actions as do
from perago_operator.core.log import ship_log
from perago_operator.core.pod.hindrance import helper_trouble
from perago_operator.core.reporting import reporting_state
from perago_operator.core.rules import Ruling
from perago_operator.core.situation import Situation


def conditions(s: Situation, ruling: Ruling) -> JsonObject:
    """`{"conditions": […]}` when one of them changes."""
    states = {
        ConditionType.POD_READY: _pod_ready(s, ruling),
        ConditionType.PUBLISHED: _published(s),
        ConditionType.STAGING_DELETED: _staging_deleted(s),
        ConditionType.REPORTED: _reported(s),
        ConditionType.COMPLETE: _complete(s),
    }
    applicable = {kind: state for kind, state in states.items() if state}
    new = changed(s.status.conditions, applicable, s.time_of_day, s.attempt.metadata.generation)
    return {"conditions": [condition.to_json() for condition in new]} if new else {}


def _pod_ready(s: Situation, ruling: Ruling) -> State | None:
    if ruling.notice:
        return State(False, ruling.notice.reason, ruling.notice.message)
    if s.outcome:
        return State(False, Reason.POD_ENDED, "the pod has ended") if s.execution > 0 else None
    if s.pod and s.pod.started and not s.pod_over:
        trouble = helper_trouble(s.pod)
        words = f"pod {s.pod.name} is running"
        return State(True, Reason.POD_RUNNING, f"{words}; {trouble}" if trouble else words)
    return None


def _published(s: Situation) -> State | None:
    if s.outcome is None:
        return None
    workspace = s.status.workspace
    ref = (workspace.published_ref if workspace else None) or (s.publication.ref if s.publication else None)
    if s.outcome.status != "COMPLETED" or ref is None:
        return State(False, Reason.NOT_PUBLISHED, "nothing was published")
    if workspace and ref == workspace.input_ref:
        return State(False, Reason.NO_CHANGE, "the task changed nothing")
    return State(True, Reason.PUBLISHED, f"published as commit {ref}")


def _staging_deleted(s: Situation) -> State | None:
    if s.outcome is None:
        return None
    named = s.status.staging
    if named is None:
        return State(True, Reason.NO_STAGING, "no staging branch was created")
    if s.own_staging is None:
        foreign = f"branch {named.branch} of {named.repository}, which is not the attempt's own, and is left alone"
        return State(True, Reason.NO_STAGING, f"status.staging names {foreign}")
    if s.staging is None:
        return State(True, Reason.STAGING_GONE, f"staging branch {named.branch} is deleted")
    trouble = s.trouble(do.DeleteStaging)
    message = trouble.message if trouble else f"staging branch {s.staging.branch} is still to be deleted"
    return State(False, Reason.STAGING_PENDING, message)


def _reported(s: Situation) -> State | None:
    if s.outcome is None:
        return None
    match reporting_state(s):
        case "Accepted":
            return State(True, Reason.ACCEPTED, "Conductor has the result")
        case "NotRequired":
            return State(True, Reason.NOT_REQUIRED, "the attempt belongs to no Conductor task")
        case "Superseded":
            return State(True, Reason.SUPERSEDED, s.superseded or "")
        case "Pending":
            trouble = s.trouble(do.Report)
            return State(False, Reason.REPORT_PENDING, trouble.message if trouble else "the result is being reported")


def _complete(s: Situation) -> State | None:
    return State(True, Reason.FINISHED, "nothing is left to do") if is_complete(s) else None


def is_complete(s: Situation) -> bool:
    """Nothing is left to do: the result is reported, the log saved, the pods are let go, the staging branch is gone."""
    pods_are_held = any((s.undeleted(pod) and not s.keeps(pod)) or s.unreleased(pod) for pod in s.pods)
    settled = s.outcome is not None and reporting_state(s) != "Pending" and not ship_log(s)
    return settled and not pods_are_held and not s.pod_unseen and s.staging is None
