"""The operator's share of an attempt's status, derived from the situation; a merge patch of what differs. Pure."""

from datetime import datetime, timedelta

from pydantic import JsonValue

from perago.wire import Outcome
from perago_operator.api.attempt import OutcomeStatus, Phase
from perago_operator.api.base import JsonObject, timestamp
from perago_operator.api.reasons import Reason
from perago_operator.core.conditions import conditions, is_complete
from perago_operator.core.reporting import reporting_state
from perago_operator.core.rules import Next
from perago_operator.core.situation import Situation

STOPPED = frozenset({Reason.CANCELED, Reason.ATTEMPT_DELETED, Reason.SUPERSEDED})
"""Reasons of attempts that did not fail but were stopped."""


def status_patch(s: Situation, found: Next) -> JsonObject:
    """What to merge into the status so that it says what is known; empty when it says so already."""
    present = s.attempt.status.to_json()
    wanted: JsonObject = {
        "phase": phase(s, found),
        **_execution(s, found),
        **_reporting(s),
        **_timings(s, found),
        **_staging(s),
        **_outcome(s, found.outcome),
        **conditions(s, found),
    }
    return _difference(present, wanted)


def phase(s: Situation, found: Next) -> Phase:
    """Where the attempt is."""
    if s.outcome is None:
        return "Finishing" if found.outcome else _phase_of_pod(s, found)
    if not is_complete(s):
        return "Finishing"
    if reporting_state(s) == "Superseded":
        return "Canceled"
    if s.outcome.status == "COMPLETED":
        return "Succeeded"
    return "Canceled" if _was_stopped(s, s.outcome) else "Failed"


def _was_stopped(s: Situation, outcome: OutcomeStatus) -> bool:
    """By people; the agent, told to stop, may have put it in other words."""
    return outcome.reason in STOPPED or s.deleting or s.attempt.spec.cancel is True


def _phase_of_pod(s: Situation, found: Next) -> Phase:
    pod = s.pod
    if found.next_execution or not s.pod_was_created:
        return "Pending"
    running = (pod and pod.started) or s.status.step or s.status.phase == "Running"
    return "Running" if running else "Starting"


def _execution(s: Situation, found: Next) -> JsonObject:
    """Which pod the attempt has; none between two executions, so that its number is known before it exists.

    With the outcome the agent's last step is over, too.
    """
    if found.next_execution:
        return {"executions": found.next_execution, "podName": None, "nodeName": None, "step": None}
    if s.outcome:
        return {"step": None}
    if not s.pod_was_created:
        return {}
    pod = s.pod
    placed = pod is not None and pod.started and pod.spec.node_name is not None
    node: JsonObject = {"nodeName": pod.spec.node_name} if pod and placed else {}
    return {"executions": s.execution, "podName": s.pod_name, **node}


def _reporting(s: Situation) -> JsonObject:
    """`Superseded` is written as soon as it is known; everything else once there is an outcome."""
    state = reporting_state(s)
    if s.outcome is None and state != "Superseded":
        return {}
    if state == "NotRequired":
        return {"reporting": {"state": state}}
    told: JsonObject = {"state": state, "lastError": _last_error(s)}
    if s.memory.reports:
        told["attempts"] = s.memory.reports
    written = s.status.reporting
    if state == "Accepted" and not (written and written.accepted_time):
        told["acceptedTime"] = timestamp(s.now)
    return {"reporting": told}


def _last_error(s: Situation) -> str | None:
    if s.superseded:
        return s.superseded
    trouble = s.trouble("Report")
    return trouble.message if trouble and reporting_state(s) == "Pending" else None


def _timings(s: Situation, found: Next) -> JsonObject:
    written = s.status.timings
    memory = s.memory
    made: JsonObject = {}
    if (written is None or written.queued is None) and memory.created_at:
        made["queued"] = _seconds((memory.created_at - _queued_since(s)).total_seconds())
    running = s.outcome is None and phase(s, found) == "Running"
    if (written is None or written.starting is None) and running and memory.created_at:
        made["starting"] = _seconds((s.now - memory.created_at).total_seconds())
    reported = reporting_state(s) == "Accepted" and memory.verdict and memory.outcome_seen_at
    if (written is None or written.reporting is None) and reported and memory.verdict and memory.outcome_seen_at:
        made["reporting"] = _seconds((memory.verdict.at - memory.outcome_seen_at).total_seconds())
    return {"timings": made} if made else {}


def _queued_since(s: Situation) -> datetime:
    """When the attempt was created, more exactly than the object says: it was first seen within that second."""
    created, seen = s.created, s.memory.first_seen
    within = created <= seen < created + timedelta(seconds=1) and not s.memory.adopted
    return seen if within else created


def _seconds(value: float) -> float:
    return round(max(value, 0.0), 3)


def _staging(s: Situation) -> JsonObject:
    written = s.status.staging
    gone = written is not None and written.state != "Deleted" and s.staging is None
    return {"staging": {"state": "Deleted"}} if gone else {}


def _outcome(s: Situation, outcome: Outcome | None) -> JsonObject:
    """The outcome that no agent can write; where evidence was found, also the commit that the agent did not report."""
    if outcome is None:
        return {}
    evidence = s.memory.evidence
    found = evidence.ref if evidence and outcome.status == "COMPLETED" else None
    return {"outcome": outcome.to_json(), **({"workspace": {"publishedRef": found}} if found else {})}


def _difference(present: JsonObject, wanted: JsonObject) -> JsonObject:
    """The part of a merge patch that changes something; `null` stands for absence."""
    patch: JsonObject = {}
    for key, value in wanted.items():
        old: JsonValue = present.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            if inner := _difference(old, value):
                patch[key] = inner
        elif isinstance(value, dict):
            patch[key] = {name: part for name, part in value.items() if part is not None}
        elif old != value:
            patch[key] = value
    return patch
