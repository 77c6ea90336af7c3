"""The conditions of an attempt, derived from the situation. Pure."""

from pydantic import JsonValue

from perago_operator.api.base import JsonObject, timestamp
from perago_operator.api.reasons import ConditionType, Reason
from perago_operator.api.shared import Condition
from perago_operator.core.reporting import reporting_state
from perago_operator.core.rules import Next
from perago_operator.core.situation import Situation

MESSAGE_LIMIT = 1024
"""Characters of a condition's message: a pod's own words can be long."""

State = tuple[bool, Reason, str]


def conditions(s: Situation, found: Next) -> JsonObject:
    """`{"conditions": […]}` when one of them changes; lists are replaced as a whole in a merge patch."""
    wanted = {
        ConditionType.POD_READY: _pod_ready(s, found),
        ConditionType.PUBLISHED: _published(s),
        ConditionType.STAGING_DELETED: _staging_deleted(s),
        ConditionType.REPORTED: _reported(s),
        ConditionType.COMPLETE: _complete(s),
    }
    written = {each.type: each for each in s.status.conditions}
    changed = {kind: state for kind, state in wanted.items() if state and not _says(written.get(kind), state)}
    if not changed:
        return {}
    others = [each.to_json() for each in written.values() if each.type not in changed]
    new = [_condition(s, kind, state, written.get(kind)) for kind, state in changed.items()]
    return {"conditions": list[JsonValue]([*others, *new])}


def _says(written: Condition | None, state: State) -> bool:
    holds, reason, message = state
    wanted = (_word(holds), reason.value, message[:MESSAGE_LIMIT])
    return written is not None and (written.status, written.reason, written.message) == wanted


def _condition(s: Situation, kind: ConditionType, state: State, written: Condition | None) -> JsonObject:
    holds, reason, message = state
    unchanged = written is not None and written.status == _word(holds)
    since = timestamp(written.last_transition_time if written and unchanged else s.now)
    return {
        "type": kind.value,
        "status": _word(holds),
        "reason": reason.value,
        "message": message[:MESSAGE_LIMIT],
        "lastTransitionTime": since,
        "observedGeneration": s.attempt.metadata.generation,
    }


def _word(holds: bool) -> str:
    return "True" if holds else "False"


def _pod_ready(s: Situation, found: Next) -> State | None:
    if found.notice:
        return False, found.notice.reason, found.notice.message
    if s.outcome:
        had_pod = s.execution > 0
        return (False, Reason.POD_ENDED, "the pod has done its work") if had_pod else None
    if s.pod and s.pod.started and not s.pod_over:
        return True, Reason.POD_RUNNING, f"pod {s.pod.name} runs"
    return None


def _published(s: Situation) -> State | None:
    if s.outcome is None:
        return None
    evidence, workspace = s.memory.evidence, s.status.workspace
    ref = (workspace.published_ref if workspace else None) or (evidence.ref if evidence else None)
    if s.outcome.status != "COMPLETED" or ref is None:
        return False, Reason.NOT_PUBLISHED, "nothing was published"
    if workspace and ref == workspace.input_ref:
        return False, Reason.NO_CHANGE, "the task changed nothing"
    return True, Reason.PUBLISHED, f"commit {ref}"


def _staging_deleted(s: Situation) -> State | None:
    if s.outcome is None:
        return None
    if s.status.staging is None:
        return True, Reason.NO_STAGING, "no staging branch was made"
    if s.staging is None:
        return True, Reason.STAGING_GONE, f"branch {s.status.staging.branch} is deleted"
    trouble = s.trouble("DeleteStaging")
    told = trouble.message if trouble else f"branch {s.staging.branch} is still to be deleted"
    return False, Reason.STAGING_PENDING, told


def _reported(s: Situation) -> State | None:
    if s.outcome is None:
        return None
    state = reporting_state(s)
    if state == "Accepted":
        return True, Reason.ACCEPTED, "Conductor has the result"
    if state == "NotRequired":
        return True, Reason.NOT_REQUIRED, "the attempt belongs to no Conductor task"
    if state == "Superseded":
        return True, Reason.SUPERSEDED, s.superseded or ""
    trouble = s.trouble("Report")
    return False, Reason.REPORT_PENDING, trouble.message if trouble else "the result is being reported"


def _complete(s: Situation) -> State | None:
    return (True, Reason.FINISHED, "nothing is left to do") if is_complete(s) else None


def is_complete(s: Situation) -> bool:
    """Nothing is left to do: reported, pods let go, staging branch gone."""
    held = any(s.undeleted(pod) or s.unreleased(pod) for pod in s.pods)
    settled = s.outcome is not None and reporting_state(s) != "Pending"
    return settled and not held and not s.pod_unseen and s.staging is None
