"""The operator's share of an attempt's status, derived from the situation; a merge patch of what differs. Pure."""

from datetime import datetime, timedelta

from pydantic import JsonValue

from perago.wire import ENDED_PHASES, WHILE_AT_WORK
from perago.wire.times import timestamp
from perago_operator.api.attempt_status import LONGEST_ERROR, Phase, Timings
from perago_operator.api.base import JsonObject
from perago_operator.api.outcome_status import LONGEST_MESSAGE, OutcomeStatus
from perago_operator.api.reasons import Reason
from perago_operator.core import actions as do
from perago_operator.core import names, turns
from perago_operator.core.conditions import conditions, is_complete
from perago_operator.core.log import log_status
from perago_operator.core.pauses import disruption
from perago_operator.core.reporting import reporting_state
from perago_operator.core.rules import Ruling
from perago_operator.core.situation import Situation

AGENT_OVER: JsonObject = dict.fromkeys(WHILE_AT_WORK)
"""A pod that is lost leaves it behind."""
STOPPED = frozenset({Reason.CANCELED, Reason.ATTEMPT_DELETED, Reason.SUPERSEDED})
"""Reasons of attempts that did not fail but were stopped."""


def status_patch(s: Situation, ruling: Ruling) -> JsonObject:
    """What to merge into the status so that it says what is known; empty when it says so already."""
    target: JsonObject = {
        "phase": phase(s, ruling),
        **_execution(s, ruling),
        **_reporting(s),
        **_timings(s),
        **_staging(s),
        **_turn(s),
        **_outcome(s, ruling),
        **log_status(s),
        **conditions(s, ruling),
    }
    return _difference(s.status.to_json(), target)


def phase(s: Situation, ruling: Ruling) -> Phase:
    """Where the attempt is; at its end it stays there, also once its output is no longer at hand (`watch.settled`)."""
    if s.status.phase in ENDED_PHASES and is_complete(s):
        return s.status.phase
    if s.outcome is None:
        return "Finishing" if ruling.outcome else _phase_of_pod(s, ruling)
    if not is_complete(s):
        return "Finishing"
    if reporting_state(s) == "Superseded":
        return "Canceled"
    if s.outcome.status == "COMPLETED":
        return "Succeeded"
    return "Canceled" if _was_stopped(s, s.outcome) else "Failed"


def _was_stopped(s: Situation, outcome: OutcomeStatus) -> bool:
    """By people; the agent, asked to stop, may have put it in other words."""
    return outcome.reason in STOPPED or s.deleting or s.attempt.spec.cancel is True


def _phase_of_pod(s: Situation, ruling: Ruling) -> Phase:
    if ruling.next_execution or not s.pod_was_created:
        return "Pending"
    return "Running" if s.running else "Starting"


def _execution(s: Situation, ruling: Ruling) -> JsonObject:
    """Which pod the attempt has; none between two executions, so that its number is known before it exists.

    With the outcome the agent's last step is over, too, and what it waited for.
    """
    if ruling.next_execution:
        return {
            "executions": ruling.next_execution,
            "podName": None,
            "nodeName": None,
            "disruption": disruption(s, ruling.disruption),
            **AGENT_OVER,
        }
    over = AGENT_OVER if s.outcome else {}
    if s.completed:
        return dict(over)
    if not s.pod_was_created:
        return {**over, **_told_by_agent(s)}
    node: JsonObject = {"nodeName": s.node_name} if s.node_name else {}
    return {"executions": s.execution, "podName": s.pod_name, **node, **over}


def _told_by_agent(s: Situation) -> JsonObject:
    """The pod whose agent wrote the outcome: a leader may have let it go, and died before its status named it."""
    by = s.outcome.execution if s.outcome else None
    return {"executions": by, "podName": names.pod_name(s.name, by)} if by else {}


def _reporting(s: Situation) -> JsonObject:
    """`Superseded` is written as soon as it is known, and so is a false claim; all else once there is an outcome."""
    state, written = reporting_state(s), s.status.reporting
    if s.outcome is None and state != "Superseded" and not s.claim:
        return {}
    if state == "NotRequired":
        return {"reporting": {"state": state}}
    reporting: JsonObject = {"state": state, "lastError": _last_error(s)}
    if s.memory.reports:
        reporting["attempts"] = s.memory.reports
    if state == "Accepted" and not (written and written.accepted_time):
        reporting["acceptedTime"] = timestamp(s.time_of_day)
    return {"reporting": reporting}


def _last_error(s: Situation) -> str | None:
    """A server's own words may be of any length, and the API server takes no more than the CRD says."""
    if s.superseded:
        return s.superseded[:LONGEST_ERROR]
    trouble = s.trouble(do.Report)
    return trouble.message[:LONGEST_ERROR] if trouble and reporting_state(s) == "Pending" else None


def _timings(s: Situation) -> JsonObject:
    """The operator's share of the timings, each written once."""
    written = s.status.timings or Timings()
    seconds = {
        "queued": _queued(s) if written.queued is None else None,
        "starting": _starting(s) if written.starting is None else None,
        "reporting": _reporting_time(s) if written.reporting is None else None,
    }
    timings: JsonObject = {name: round(max(value, 0.0), 3) for name, value in seconds.items() if value is not None}
    return {"timings": timings} if timings else {}


def _queued(s: Situation) -> float | None:
    created_at = s.memory.created_at
    return (created_at - _queued_since(s)).total_seconds() if created_at else None


def _queued_since(s: Situation) -> datetime:
    """When the attempt was created, more exactly than the object says: it was first seen within that second."""
    created, seen = s.created, s.memory.first_seen
    within = created <= seen < created + timedelta(seconds=1) and not s.memory.adopted
    return seen if within else created


def _starting(s: Situation) -> float | None:
    created_at, running_at = s.memory.created_at, s.memory.running_at
    return (running_at - created_at).total_seconds() if created_at and running_at else None


def _reporting_time(s: Situation) -> float | None:
    verdict, since = s.memory.verdict, s.memory.outcome_seen_at
    accepted = reporting_state(s) == "Accepted"
    return (verdict.at - since).total_seconds() if accepted and verdict and since else None


def _staging(s: Situation) -> JsonObject:
    written = s.status.staging
    gone = written is not None and written.state != "Deleted" and s.staging is None
    return {"staging": {"state": "Deleted"}} if gone else {}


def _turn(s: Situation) -> JsonObject:
    """Behind whom the attempt waits; written for each request, so that its agent knows that somebody has seen it."""
    requested, written = turns.turn_of(s.attempt).requested, turns.turn_of(s.attempt).waiting
    if requested is None or s.turn_behind is None:
        return {"turn": {"waiting": None}} if written else {}
    return {"turn": {"waiting": {**requested.id._asdict(), "behind": s.turn_behind}}}


def _outcome(s: Situation, ruling: Ruling) -> JsonObject:
    """The outcome that no agent can write; with the commit that evidence found and the agent did not report.

    One that does not count is taken away before, or with the execution that it is of: a merge would leave parts of it.
    """
    if s.foreign_outcome or (ruling.next_execution and s.status.outcome):
        return {"outcome": None}
    outcome = ruling.outcome
    if outcome is None:
        return {}
    published = s.publication is not None and outcome.status == "COMPLETED"
    workspace: JsonObject = {"workspace": {"publishedRef": s.publication.ref}} if s.publication and published else {}
    given_up = dict.fromkeys(s.status.outcome.to_json()) if s.status.outcome else {}
    message = {"message": outcome.message[:LONGEST_MESSAGE]} if outcome.message else {}
    return {"outcome": {**given_up, **outcome.to_json(), **message}, **workspace}


def _difference(present: JsonObject, target: JsonObject) -> JsonObject:
    """The part of a merge patch that changes something; `null` stands for absence."""
    patch: JsonObject = {}
    for key, value in target.items():
        old: JsonValue = present.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            if inner := _difference(old, value):
                patch[key] = inner
        elif isinstance(value, dict):
            patch[key] = {name: part for name, part in value.items() if part is not None}
        elif old != value:
            patch[key] = value
    return patch
