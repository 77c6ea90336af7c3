"""What the objects of the cluster say, in the words of their API. PURE."""

from collections.abc import Collection
from datetime import datetime

from tests.chaos.auditor.evidence import Evidence, Object

TTL_GRACE = 60.0
"""Seconds that the operator has to delete an attempt whose time to live is over."""


def task_id(attempt: Object) -> str:
    """The Conductor task of an attempt, or an empty string."""
    return str(attempt["spec"].get("conductor", {}).get("taskId", ""))


def reporting(attempt: Object) -> str:
    """Where the report to Conductor stands."""
    return str(attempt.get("status", {}).get("reporting", {}).get("state", ""))


def logical_task(pod: Object) -> str:
    """The label that all pods of one logical task share."""
    return str(pod["metadata"].get("labels", {}).get("perago.dev/logical-task", ""))


def attempt_of(pod: Object) -> str:
    """The name of the attempt that a pod belongs to."""
    return str(pod["metadata"].get("labels", {}).get("perago.dev/attempt", ""))


def is_over(pod: Object) -> bool:
    """Nothing in the pod runs any more, or ever will."""
    return pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def is_complete(attempt: Object) -> bool:
    """The attempt says that it is over and cleaned up."""
    conditions = attempt.get("status", {}).get("conditions", [])
    return any(one["type"] == "Complete" and one["status"] == "True" for one in conditions)


def is_past_its_time(attempt: Object, evidence: Evidence) -> bool:
    """It should have been deleted some time ago."""
    seconds = evidence.expected.ttls.get(attempt["spec"].get("conductor", {}).get("taskType", ""))
    done = [one for one in attempt["status"]["conditions"] if one["type"] == "Complete"]
    return seconds is not None and evidence.now - _seconds(done[0]["lastTransitionTime"]) > seconds + TTL_GRACE


def last_states(evidence: Evidence) -> Collection[Object]:
    """Each attempt as it was seen last, also those that are deleted by now."""
    states = (one.obj for one in evidence.sightings if one.change != "GAP" and one.obj["kind"] == "PeragoAttempt")
    seen = {state["metadata"]["uid"]: state for state in states}
    return (seen | {attempt["metadata"]["uid"]: attempt for attempt in evidence.attempts}).values()


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
