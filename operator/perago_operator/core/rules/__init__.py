"""The table: what happens to an attempt in every situation. The first rule that matches decides. Pure.

The order is part of the rules' meaning: each may rely on the ones above it not having matched. What a rule says stands
in its docstring; `tests/unit/perago_operator/core/test_rules.py` has a test for each.
"""

from perago_operator.core.rules import finishing, pod, starting, stopping
from perago_operator.core.rules.next import Next, Notice, Rule

__all__ = ["RULES", "Next", "Notice", "Rule"]

RULES: tuple[Rule, ...] = (
    # the outcome is known
    finishing.attempt_is_over,
    finishing.late_call_may_have_landed,
    finishing.nothing_is_left,
    finishing.outcome_is_known,
    # the attempt is not to go on, or its pod is over
    stopping.stopping,
    stopping.evidence_is_missing,
    stopping.work_was_published,
    stopping.stopped,
    # the pod is there
    pod.pod_not_seen_yet,
    pod.disrupted,
    pod.log_is_missing,
    pod.failed,
    pod.pod_is_leaving,
    pod.one_container_ended,
    pod.pod_cannot_start,
    pod.pod_starts,
    pod.pod_runs,
    # there is no pod yet
    starting.former_pod_is_held,
    starting.former_staging_is_left,
    starting.task_is_unknown,
    starting.template_is_refused,
    starting.earlier_attempt_may_publish,
    starting.too_many_run,
    starting.attempt_is_not_held,
    starting.pod_was_refused,
    starting.pod_can_start,
)
