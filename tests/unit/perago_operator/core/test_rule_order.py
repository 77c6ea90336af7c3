"""What the order of the table is for: each pair of neighbours, in a situation for both or never in the same one.

Exchanging two neighbours of `TOGETHER` makes a test here fail; exchanging two of `APART` changes nothing.
"""

from itertools import pairwise
from typing import Any

import pytest

from perago_operator.core import actions as do
from perago_operator.core.answers import Publication
from perago_operator.core.memory import Evidence, Trouble
from perago_operator.core.rules import RULES, Rule
from perago_operator.core.siblings import Sibling
from perago_operator.core.situation import Situation
from tests import builders as b
from tests.unit.perago_operator.core.situations import LEAVING, PULLS, SILENT, situations

BY_NAME = {rule.__name__: rule for rule in RULES}
NEIGHBOURS = [(first.__name__, second.__name__) for first, second in pairwise(RULES)]


def refused(permanent: bool = False) -> dict[do.Kind, Trouble]:
    """The API server did not take the pod."""
    return {do.CreatePod: Trouble(1, b.at(9), None, "no", permanent)}


OVER = {"outcome": b.completed(), "reporting": {"state": "Accepted"}, "conditions": [b.condition("Complete")]}
DOUBT = b.memory(doubt_since=b.at(1))
BETWEEN = {"executions": 2, "podName": None}
LOSS = {"execution": 1, "message": "Evicted", "since": b.stamp(0), "until": b.stamp(5)}
PAUSED = {**BETWEEN, "disruption": LOSS}
RETRY = b.conductor_task(retry_count=1).to_json()
EARLIER = (Sibling("a0", 0, settled=False),)
GREEDY = {"spec": {"hostPID": True}}
PUBLISHED = b.memory(evidence=Evidence(1, Publication("commit-b", {"perago.output": '{"result":1}'})))
UNKNOWN: dict[str, Any] = {"task": None, "taskRef": {"name": "build"}}

TOGETHER: dict[tuple[str, str], Situation] = {
    # a pod that was kept does not stay because its attempt is over
    ("kept_pod_is_due", "attempt_is_over"): b.situation(
        b.attempt(keepFailedPodsSeconds=1, status={**OVER, "outcome": b.failure()}, meta={"finalizers": []}),
        30,
        pods=(b.ended_pod(),),
    ),
    # an attempt that was let go is only waited for, whatever may still land
    ("attempt_is_over", "late_call_may_have_landed"): b.situation(
        b.attempt(status=OVER, meta={"finalizers": []}), 6, memory=DOUBT
    ),
    # the finalizer stays until no call can land any more
    ("late_call_may_have_landed", "nothing_is_left"): b.situation(b.attempt(status=OVER), 6, memory=DOUBT),
    # the attempt is let go, not reported for ever
    ("nothing_is_left", "outcome_is_known"): b.situation(b.attempt(status=OVER), 6),
    # an outcome is reported even if somebody cancels meanwhile
    ("outcome_is_known", "stopping"): b.situation(
        b.attempt(cancel=True, status={"outcome": b.completed()}), pods=(b.running_pod(),)
    ),
    # a pod whose agent gave up is deleted, whether a watch shows it or not
    ("agent_gave_up", "pod_is_missing"): b.situation(
        b.attempt(status={"outcome": b.given_up()}), 40, memory=b.memory(created=frozenset({"a1-1"}))
    ),
    # the branch of a pod that may still run is left alone
    ("pod_is_missing", "staging_may_be_merged"): b.situation(
        b.attempt(status={"podName": "a1-1", "executions": 1, "staging": b.STAGING})
    ),
    # lakeFS's answer is final once nothing can be merged any more
    ("staging_may_be_merged", "evidence_is_missing"): b.situation(
        b.attempt(status={"staging": b.STAGING}), pods=(b.ended_pod(),)
    ),
    # the answer that an earlier execution got is old
    ("evidence_is_missing", "work_was_published"): b.situation(
        b.attempt(status={"executions": 2, "staging": {**b.STAGING, "state": "Deleted"}}),
        pods=(b.ended_pod(2),),
        memory=PUBLISHED,
    ),
    # what was published before the stop is published
    ("work_was_published", "stopped"): b.situation(
        b.attempt(cancel=True, status={"staging": b.STAGING}), pods=(b.ended_pod(),), memory=PUBLISHED
    ),
    # the agent knows better than its pod why it ended
    ("infrastructure_failed", "disrupted"): b.situation(
        b.attempt(status={"outcome": b.given_up()}), pods=(b.pod(phase="Failed", reason="Evicted"),)
    ),
    # what the pod is about to say comes before what its log says
    ("end_may_be_explained", "log_is_missing"): b.situation(
        None, 11, pods=(b.ended_pod(task_ended={"exitCode": 143}, phase="Running"),)
    ),
    # the message wants the log
    ("log_is_missing", "failed"): b.situation(pods=(b.ended_pod(),)),
    # a deleted pod that has ended is not waited for
    ("failed", "pod_is_leaving"): b.situation(
        pods=(b.ended_pod(meta=LEAVING),), memory=b.memory(logs={"a1-1": "boom"})
    ),
    # a pod that is being deleted needs no other deletion
    ("pod_is_leaving", "one_container_ended"): b.situation(
        None, 20, pods=(b.pod(meta=LEAVING, containers=[b.container("agent", ended={}), PULLS]),)
    ),
    # without its agent the task need not start
    ("one_container_ended", "pod_cannot_start"): b.situation(
        None, 20, pods=(b.pod(containers=[b.container("agent", ended={}), PULLS]),)
    ),
    # what keeps a pod from starting is said
    ("pod_cannot_start", "pod_starts"): b.situation(pods=(b.pod(containers=[b.container("agent"), PULLS]),)),
    # nobody is at work as far as one knows
    ("node_is_silent", "pod_runs"): b.situation(pods=(b.running_pod(conditions=SILENT),)),
    # the current pod is not let go while it runs
    ("pod_runs", "former_pod_is_held"): b.situation(pods=(b.running_pod(),)),
    # the branch of a pod goes after the pod
    ("former_pod_is_held", "former_staging_is_left"): b.situation(
        b.attempt(status={**BETWEEN, "staging": b.STAGING}), pods=(b.ended_pod(),)
    ),
    # a zombie is fenced, whatever its attempt may claim
    ("former_staging_is_left", "claim_is_false"): b.situation(
        b.attempt(status={**BETWEEN, "staging": b.STAGING}), claim="not polled"
    ),
    # nobody waits in the name of a task that is not its own
    ("claim_is_false", "execution_is_paused"): b.situation(b.attempt(status=PAUSED), claim="not polled"),
    # people read when there is another pod, and of the PeragoTask only then
    ("execution_is_paused", "task_is_unknown"): b.situation(b.attempt(**UNKNOWN, status=PAUSED)),
    # while the task is unknown, nothing about the attempt is judged
    ("task_is_unknown", "template_is_refused"): b.situation(b.attempt(**UNKNOWN, podTemplate=GREEDY)),
    # what can never run need not wait for its turn
    ("template_is_refused", "earlier_attempt_may_publish"): b.situation(
        b.attempt(conductor=RETRY, podTemplate=GREEDY), siblings=EARLIER
    ),
    # people read of the fence, which more room would not open
    ("earlier_attempt_may_publish", "too_many_run"): b.situation(
        b.attempt(conductor=RETRY, **UNKNOWN), task=b.task(maxConcurrency=1), siblings=EARLIER, ahead=1
    ),
    # an attempt that waits for room needs no finalizer yet
    ("too_many_run", "attempt_is_not_held"): b.situation(
        b.attempt(meta={"finalizers": []}, **UNKNOWN), task=b.task(maxConcurrency=1), ahead=1
    ),
    # no outcome is written to an attempt that could vanish
    ("attempt_is_not_held", "pod_was_refused"): b.situation(
        b.attempt(meta={"finalizers": []}), memory=b.memory(troubles=refused(permanent=True))
    ),
    # a pod that will always be refused is not tried again
    ("pod_was_refused", "pod_can_start"): b.situation(memory=b.memory(troubles=refused(permanent=True))),
}
"""Pairs whose order matters: a situation for both, in which the first decides."""

APART: dict[tuple[str, str], str] = {
    ("stopped", "pod_not_seen_yet"): "a pod of a stopped attempt that the watch has yet to show is stopped above",
    ("stopping", "agent_gave_up"): "an attempt that must stop gets no other execution",
    ("pod_not_seen_yet", "infrastructure_failed"): "of an agent that gave up, the pod is looked for above",
    ("disrupted", "end_may_be_explained"): "a disruption is explained",
    ("pod_starts", "node_is_silent"): "only of a pod that has started does one know that its node is silent",
}
"""Pairs whose order does not matter: where no rule above them matches, they never match together; and why."""


def test_every_pair_of_neighbours_is_accounted_for() -> None:
    """A new row needs an entry for each of its sides."""
    assert sorted([*TOGETHER, *APART]) == sorted(NEIGHBOURS)


def matching(s: Situation) -> list[str]:
    """The rules that match, in the order of the table."""
    return [rule.__name__ for rule in RULES if rule(s) is not None]


@pytest.mark.parametrize("pair", TOGETHER, ids=lambda pair: f"{pair[0]}, {pair[1]}")
def test_where_two_neighbours_match_the_first_decides(pair: tuple[str, str]) -> None:
    """And no rule above them does."""
    assert matching(TOGETHER[pair])[:2] == list(pair)


@pytest.mark.parametrize("pair", APART, ids=lambda pair: f"{pair[0]}, {pair[1]}")
def test_neighbours_that_exclude_each_other_never_match_together(pair: tuple[str, str]) -> None:
    """In thousands of situations, each of the two decides some."""
    first, second = (BY_NAME[name] for name in pair)
    above = RULES[: RULES.index(first)]
    decided = {(bool(first(s)), bool(second(s))) for s in situations() if not any(rule(s) for rule in above)}
    assert (True, True) not in decided
    assert {(True, False), (False, True)} <= decided


def test_some_rule_always_matches() -> None:
    """The last one does when no other did: no attempt is without a decision."""
    rules: tuple[Rule, ...] = RULES
    assert all(any(rule(s) is not None for rule in rules) for s in situations())
