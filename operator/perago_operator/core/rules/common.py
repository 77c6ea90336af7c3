"""What several rules need: readings of a situation, and the steps and outcomes they share. Pure."""

from datetime import datetime

from perago.wire import Outcome
from perago_operator.api.reasons import ConditionType, Reason
from perago_operator.core import actions as do
from perago_operator.core.situation import Situation


def completed_at(s: Situation) -> datetime | None:
    conditions = (each for each in s.facts.status.conditions if each.type == ConditionType.COMPLETE)
    return next((each.last_transition_time for each in conditions if each.status == "True"), None)


def let_pods_go(s: Situation) -> tuple[do.Action, ...]:
    deletions = tuple(do.DeletePod(each.name) for each in s.facts.pods if s.undeleted(each))
    return deletions + tuple(do.ReleasePod(each.name) for each in s.facts.pods if s.unreleased(each))


def delete_staging(s: Situation) -> tuple[do.Action, ...]:
    branch = s.facts.staging
    return (do.DeleteStaging(branch.repository, branch.branch),) if branch else ()


def failure(s: Situation, reason: Reason, message: str) -> Outcome:
    return Outcome(status=s.resolved.result_for(reason, "FAILED"), reason=reason.value, message=message)


def invalid(message: str) -> Outcome:
    return Outcome(status="FAILED_WITH_TERMINAL_ERROR", reason=Reason.INVALID_TASK.value, message=message)
