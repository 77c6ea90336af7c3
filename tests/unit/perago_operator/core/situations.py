"""Attempts, pods and memories in every combination: what holds for each of them is a property of the core."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.core.answers import Standing, Verdict
from perago_operator.core.config import Config
from perago_operator.core.memory import Evidence, Memory
from perago_operator.core.pod.model import Pod
from perago_operator.core.situation import Situation
from tests import builders as b

LEAVING = {"deletionTimestamp": b.stamp(31), "deletionGracePeriodSeconds": 30}
SILENT = [
    {"type": "ContainersReady", "status": "True"},
    {"type": "Ready", "status": "False", "lastTransitionTime": b.stamp(1)},
]
"""Conditions of a pod whose node does not answer."""
PULLS = b.container("task", waiting={"reason": "ErrImagePull"})


def _attempts() -> Iterator[PeragoAttempt]:
    statuses: list[dict[str, Any]] = [
        {},
        {"podName": "a1-1", "executions": 1},
        {"podName": "a1-1", "executions": 1, "staging": b.STAGING},
        {"executions": 2, "podName": None},
        {"outcome": b.failure()},
        {"podName": "a1-1", "executions": 1, "outcome": b.given_up()},
        {"reporting": {"state": "Superseded"}},
    ]
    changes: list[dict[str, Any]] = [
        {},
        {"cancel": True},
        {"meta": {"deletionTimestamp": b.stamp(1)}},
        {"activeDeadlineSeconds": 5},
        {"disruptionRetries": 0},
    ]
    for status, change in product(statuses, changes):
        yield PeragoAttempt.model_validate(b.attempt(status=status, **change))


def _pods() -> Iterator[tuple[Pod, ...]]:
    killed = {"exitCode": 137, "reason": "OOMKilled"}
    pods: list[tuple[dict[str, Any], ...]] = [
        (),
        (b.pod(),),
        (b.running_pod(),),
        (b.running_pod(meta=LEAVING),),
        (b.ended_pod(),),
        (b.ended_pod(meta=LEAVING),),
        (b.ended_pod(task_ended=killed),),
        (b.ended_pod(agent_ended=killed),),
        (b.pod(phase="Failed", reason="Evicted"),),
        (b.pod(containers=[b.container("agent", ended={}), PULLS]),),
        (b.running_pod(conditions=SILENT),),
        (b.ended_pod(task_ended={"exitCode": 143}, phase="Running"),),
        (b.ended_pod(), b.running_pod(2)),
    ]
    for group in pods:
        yield tuple(Pod.model_validate(pod) for pod in group)


MEMORIES: tuple[Memory, ...] = (
    b.memory(),
    b.memory(created=frozenset({"a1-1"})),
    b.memory(created=frozenset({"a1-1"}), deleted=frozenset({"uid-a1-1"})),
    b.memory(created=frozenset({"a1-1", "a1-2"}), seen=frozenset({"a1-1"})),
    b.memory(created=frozenset({"a1-1"}), seen=frozenset({"a1-1"})),
    b.memory(logs={"a1-1": "boom"}),
    b.memory(evidence=Evidence(1)),
    b.memory(verdict=Verdict(Standing.SUPERSEDED, "gone", b.at(1), after_report=False)),
)


def situations() -> Iterator[Situation]:
    """All of them, soon after the start and much later."""
    attempts, pods = tuple(_attempts()), tuple(_pods())
    for attempt, group, memory, seconds in product(attempts, pods, MEMORIES, (2.0, 1000.0)):
        yield Situation(attempt, None, group, memory, (), 0, b.at(seconds), Config())
