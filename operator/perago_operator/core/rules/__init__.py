"""The table: what happens to an attempt in every situation. The first rule that matches decides. Pure.

The order is part of the rules' meaning: each may rely on the ones above it not having matched. Names say when a rule
matches, comments what it does; the details stand in the rules' docstrings, and a test for each of them in
`tests/unit/perago_operator/core/test_rules.py`. Heartbeats to Conductor go on beside all of them (`reporting`).
"""

from perago_operator.core.rules import ending, finishing, pod, starting
from perago_operator.core.rules.ruling import Notice, Rule, Ruling

__all__ = ["RULES", "Notice", "Rule", "Ruling"]

RULES: tuple[Rule, ...] = (
    # the outcome is known, and is not that of an agent which gave up on the infrastructure and is replaced
    finishing.kept_pod_is_due,  # let the pod go that people could look at, or that came late
    finishing.attempt_is_over,  # wait for the time to live, then delete the attempt
    finishing.late_call_may_have_landed,  # wait a heartbeat period, then read Conductor's task once more
    finishing.nothing_is_left,  # take our finalizer off the attempt
    finishing.outcome_is_known,  # report it, delete the staging branch, save the log, let the pods go
    # the attempt must stop, or its pod is over
    ending.stopping,  # delete the pod, wait for its end
    ending.agent_gave_up,  # delete the pod, wait for its end
    ending.pod_is_missing,  # no watch shows it: ask the API server
    ending.staging_may_be_merged,  # delete the staging branch, so that lakeFS's answer is final
    ending.evidence_is_missing,  # ask lakeFS whether the work was published
    ending.work_was_published,  # end: COMPLETED, with the output that the commit carries
    ending.stopped,  # end: FAILED, or terminal where the spec cannot be read, with the reason to stop
    # the pod is there
    pod.pod_not_seen_yet,  # wait for the watch
    pod.infrastructure_failed,  # count the next execution up
    pod.disrupted,  # count the next execution up; too often: end, FAILED
    pod.end_may_be_explained,  # wait a moment for the pod's own words
    pod.log_is_missing,  # read the last lines of the task's log
    pod.failed,  # end: FAILED or terminal, with what the pod shows
    pod.pod_is_leaving,  # wait for its end, until it counts as lost
    pod.one_container_ended,  # wait a moment, then delete the pod
    pod.pod_cannot_start,  # say why, wait; patience over: end, FAILED or terminal
    pod.pod_starts,  # wait; patience over: end, FAILED
    pod.node_is_silent,  # say so; patience over: delete the pod
    pod.pod_runs,  # leave it alone until its deadline
    # there is no pod yet
    starting.former_pod_is_held,  # delete and release it
    starting.former_staging_is_left,  # delete the branch
    starting.claim_is_false,  # end: terminal, reported to nobody
    starting.execution_is_paused,  # wait, for longer each time
    starting.task_is_unknown,  # say which, wait for it; patience over: end, FAILED
    starting.template_is_refused,  # end: terminal, with the field
    starting.earlier_attempt_may_publish,  # wait for its end; patience over: end, FAILED
    starting.too_many_run,  # wait for room
    starting.attempt_is_not_held,  # put our finalizer on the attempt
    starting.pod_was_refused,  # end: terminal or, patience over, FAILED, with the API server's words
    starting.pod_can_start,  # create the pod
)
