"""What follows from s, time and limits; each case is a moment in an attempt's life."""

from dataclasses import replace
from typing import Any

import pytest

from perago.wire.depth import MOST_LEVELS
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.reading import read as read_attempt
from perago_operator.api.reasons import Reason
from perago_operator.core.answers import Standing, Verdict
from perago_operator.core.config import Config
from perago_operator.core.memory import Memory
from perago_operator.core.siblings import Sibling
from perago_operator.core.situation import Situation
from tests import builders as b


def at(seconds: float, attempt: dict[str, Any] | None = None, **more: Any) -> Situation:
    """The situation of an attempt so many seconds after its creation."""
    return b.situation(attempt, seconds, **more)


def read(standing: Standing, seconds: float = 1, *, after_report: bool = True) -> Memory:
    """Conductor was read, and that is all that is remembered."""
    return b.memory(verdict=Verdict(standing, f"it is {standing}", b.at(seconds), after_report))


def test_time_starts_with_the_first_pod() -> None:
    """Time in the queue is nobody's fault: the deadline does not count it."""
    queued = b.attempt(activeDeadlineSeconds=10, status={"timings": {"queued": 100}})
    assert at(105, queued).deadline_at == b.at(110)
    assert at(109, queued).stop is None
    assert at(110, queued).stop is not None


def test_before_the_first_pod_there_is_no_deadline() -> None:
    """However long it waits."""
    assert at(1e6, b.attempt(activeDeadlineSeconds=10)).deadline_at is None


def test_a_restarted_operator_counts_from_the_pods_creation() -> None:
    """Before the status contains it."""
    limited = b.attempt(activeDeadlineSeconds=10)
    pod = b.running_pod(meta={"creationTimestamp": b.stamp(20)})
    assert at(25, limited, pods=(pod,)).deadline_at == b.at(30)


@pytest.mark.parametrize(("ended", "stopped"), [(8, False), (9, False), (10, True), (12, True)])
def test_a_pod_that_ended_in_time_was_in_time(ended: int, stopped: bool) -> None:
    """End times have whole-second precision: one in the second of the deadline counts as late."""
    limited = b.attempt(activeDeadlineSeconds=10, status={"timings": {"queued": 0}})
    pod = b.ended_pod(task_ended={"finishedAt": b.stamp(ended)}, agent_ended={"finishedAt": b.stamp(ended)})
    assert (at(20, limited, pods=(pod,)).stop is not None) is stopped


def test_a_container_that_ended_in_time_is_not_the_pods_end() -> None:
    """The other one is still running after the deadline."""
    limited = b.attempt(activeDeadlineSeconds=10, status={"timings": {"queued": 0}})
    half = b.pod(containers=[b.container("agent", running=True), b.container("task", ended={"finishedAt": b.stamp(8)})])
    assert at(20, limited, pods=(half,)).stop is not None


def test_the_tasks_deadline_counts_where_the_attempt_has_none() -> None:
    """And the attempt's own where both have one."""
    task = b.task(activeDeadlineSeconds=7)
    ref: dict[str, Any] = {"taskRef": {"name": "build"}, "status": {"timings": {"queued": 0}}}
    assert at(1, b.attempt(**ref), task=task).deadline_at == b.at(7)
    assert at(1, b.attempt(activeDeadlineSeconds=3, **ref), task=task).deadline_at == b.at(3)


DELETED = {"deletionTimestamp": b.stamp(40), "deletionGracePeriodSeconds": 30}


@pytest.mark.parametrize(("seconds", "running"), [(39, True), (99, True), (100, False)])
def test_a_lingering_pod_is_lost_after_grace_and_patience(seconds: float, running: bool) -> None:
    """Its deletion time is the end of its grace; the patience is 60 s."""
    s = at(seconds, pods=(b.running_pod(meta=DELETED),))
    assert bool(s.running_pods) is running
    assert s.pod_over is not running


def test_a_pod_that_only_this_process_knows_is_not_over() -> None:
    """Its watch event is on the way."""
    assert not at(1, memory=b.memory(created=frozenset({"a1-1"}))).pod_over
    assert at(1, memory=b.memory(created=frozenset({"a1-1"}), seen=frozenset({"a1-1"}))).pod_over


def test_without_a_pod_nothing_is_over() -> None:
    """An attempt that waits has not failed."""
    assert not at(1).pod_over
    assert not at(1, b.attempt(status={"executions": 2, "podName": None})).pod_over


def test_a_deletion_is_the_first_reason_to_stop() -> None:
    """The reason is "attempt deleted" even if the attempt was canceled before."""
    both = b.attempt(cancel=True, meta={"deletionTimestamp": b.stamp(1)})
    stop = at(2, both).stop
    assert stop is not None
    assert (stop.reason, stop.message) == (Reason.ATTEMPT_DELETED, "attempt deleted")


def test_a_spec_that_cannot_be_read_is_a_reason_to_stop() -> None:
    """For good: the same spec would come again."""
    deep = read_attempt(PeragoAttempt, b.attempt(input={"params": b.nested(MOST_LEVELS)}))
    stop = replace(at(1), attempt=deep).stop
    assert stop is not None
    words = "the attempt cannot be read: spec.input: it has more than 100 levels of lists and objects. Make it flatter"
    assert (stop.reason, stop.message, stop.result) == (Reason.INVALID_SPEC, words, "FAILED_WITH_TERMINAL_ERROR")


def test_cancel_false_is_no_cancel() -> None:
    """Nor is its absence."""
    assert at(1, b.attempt(cancel=False)).stop is None


def test_superseded_is_told_in_conductors_words() -> None:
    """From the reading, then from the status."""
    assert at(1, memory=read(Standing.SUPERSEDED)).superseded == "it is Superseded"
    written = b.attempt(status={"reporting": {"state": "Superseded", "lastError": "it was TIMED_OUT"}})
    assert at(1, written).superseded == "it was TIMED_OUT"


def test_an_accepted_attempt_is_never_superseded() -> None:
    """What happens to the task afterwards is no longer about it."""
    accepted = b.attempt(status={"outcome": b.completed(), "reporting": {"state": "Accepted"}})
    assert at(1, accepted, memory=read(Standing.SUPERSEDED)).superseded is None


GONE = frozenset({"uid-a1-1"})


@pytest.mark.parametrize(
    ("meta", "memory", "held"),
    [
        ({}, b.memory(), (True, True)),
        ({}, b.memory(deleted=GONE, released_pods=GONE), (False, False)),
        ({"deletionTimestamp": b.stamp(1), "finalizers": []}, b.memory(), (False, False)),
        ({"finalizers": []}, b.memory(), (True, False)),
    ],
)
def test_a_pod_is_held_until_it_is_deleted_and_released(
    meta: dict[str, Any], memory: Memory, held: tuple[bool, bool]
) -> None:
    """By us, or as its object shows."""
    s = at(1, pods=(b.ended_pod(meta=meta),), memory=memory)
    assert (s.undeleted(s.pods[0]), s.unreleased(s.pods[0])) == held


def test_limits_come_from_the_settings() -> None:
    """A test may have little patience."""
    impatient = Config(lost_node_patience=1)
    s = b.situation(seconds=41, pods=(b.running_pod(meta=DELETED),), config=impatient)
    assert s.running_pods == ()


@pytest.mark.parametrize(
    ("status", "pods", "created", "execution"),
    [
        ({}, (), (), 0),
        ({"executions": 2}, (), (), 2),
        ({}, (1,), (), 1),
        ({"executions": 1}, (1, 2), (), 2),
        ({}, (), ("a1-3",), 3),
    ],
)
def test_the_execution_is_the_highest_that_is_known(
    status: dict[str, Any], pods: tuple[int, ...], created: tuple[str, ...], execution: int
) -> None:
    """By status, by pods, or because this process just made one."""
    raw = tuple(b.pod(number) for number in pods)
    s = b.situation(b.attempt(status=status), pods=raw, memory=b.memory(created=frozenset(created)))
    assert s.execution == execution


def test_the_current_pod_is_that_of_the_execution() -> None:
    """Others belong to executions that it has replaced."""
    s = b.situation(pods=(b.pod(1), b.pod(2)))
    assert s.pod is s.pods[1]


def test_between_two_executions_the_next_pod_is_not_there() -> None:
    """Its number is written already."""
    s = b.situation(b.attempt(status={"executions": 2, "podName": None}), pods=(b.pod(1),))
    assert (s.pod, s.pod_name, s.pod_was_created) == (None, "a1-2", False)


@pytest.mark.parametrize(
    ("meta", "memory", "held"),
    [
        ({}, b.memory(), True),
        ({"finalizers": []}, b.memory(), False),
        ({"finalizers": []}, b.memory(held=True), True),
        ({"finalizers": ["somebody/else"]}, b.memory(), False),
        ({}, b.memory(released="1"), False),
        ({"resourceVersion": "2"}, b.memory(released="1"), True),
        ({"resourceVersion": "2", "finalizers": []}, b.memory(released="1"), False),
    ],
)
def test_held_is_what_was_done_last(meta: dict[str, Any], memory: Any, held: bool) -> None:
    """The watch may not show it yet."""
    assert b.situation(b.attempt(meta=meta), memory=memory).held is held


@pytest.mark.parametrize(("state", "there"), [("Planned", True), ("Active", True), ("Deleted", False)])
def test_a_staging_branch_may_exist_until_it_is_deleted(state: str, there: bool) -> None:
    """Planned is enough: it is written before the branch is made."""
    s = b.situation(b.attempt(status={"staging": {**b.STAGING, "state": state}}))
    assert (s.staging is not None) is there


def test_a_branch_that_we_deleted_is_gone() -> None:
    """Before the status shows it."""
    s = b.situation(
        b.attempt(status={"staging": b.STAGING}), memory=b.memory(staging_deleted=frozenset({b.STAGING["branch"]}))
    )
    assert s.staging is None


def test_siblings_are_earlier_or_later_by_their_retry() -> None:
    """Only an earlier one that may publish is waited for."""
    second = b.attempt(conductor=b.conductor_task(retry_count=1).to_json())
    first, third = Sibling("first", 0, settled=False), Sibling("third", 2, settled=False)
    s = b.situation(second, siblings=(first, third))
    assert (s.unsettled_earlier, s.later_sibling) == (first, third)
    assert b.situation(second, siblings=(third,)).unsettled_earlier is None
    assert b.situation(second, siblings=(first,)).later_sibling is None
    assert b.situation(second, siblings=(Sibling("first", 0, settled=True),)).unsettled_earlier is None


def test_an_attempt_with_an_outcome_is_not_superseded_by_its_retry() -> None:
    """Conductor made the retry because of this outcome."""
    later = Sibling("a2", retry_count=1, settled=False)
    assert b.situation(siblings=(later,)).superseded is not None
    assert b.situation(b.attempt(status={"outcome": b.failure()}), siblings=(later,)).superseded is None


def sibling(seconds: float, retry: int, *, ended: bool = False) -> Sibling:
    """Created so many seconds after the attempt; it may still publish."""
    return Sibling("other", retry, settled=False, created=b.at(seconds), ended=ended)


@pytest.mark.parametrize(
    ("other", "superseded"),
    [
        (sibling(60, 1), True),
        (sibling(60, 1, ended=True), False),
        (sibling(-60, 1, ended=True), False),
        (sibling(-60, 1), False),
        (sibling(60, 0), False),
    ],
    ids=["its retry", "a retry that has ended", "of an earlier run", "of an earlier run, at work", "of a later run"],
)
def test_only_a_retry_that_came_later_and_goes_on_supersedes(other: Sibling, superseded: bool) -> None:
    """Conductor's restart of a workflow counts retries from 0 again."""
    assert (b.situation(siblings=(other,)).superseded is not None) == superseded


def test_the_retry_before_does_not_supersede_because_its_attempt_came_late() -> None:
    """The API server was away when it was polled: Conductor says which of the two it waits for."""
    second = b.attempt(conductor=b.conductor_task(retry_count=1).to_json())
    assert b.situation(second, siblings=(sibling(60, 0),)).superseded is None


@pytest.mark.parametrize("retry", [0, 1])
def test_an_attempt_of_an_earlier_run_is_waited_for(retry: int) -> None:
    """It may still publish, whatever its number."""
    assert b.situation(siblings=(sibling(-60, retry),)).unsettled_earlier is not None
    assert b.situation(siblings=(sibling(60, retry),)).unsettled_earlier is None


def test_an_attempt_whose_agent_gave_up_has_not_ended() -> None:
    """Its next execution may publish, until its outcome counts."""
    gave_up = {"executions": 1, "outcome": b.given_up()}
    for status, ends in ((gave_up, False), ({**gave_up, "reporting": {"state": "Pending"}}, True)):
        assert Sibling.of(PeragoAttempt.model_validate(b.attempt(status=status)), has_pods=True).ended == ends


def test_an_attempt_of_an_earlier_run_may_start_until_conductor_has_ended_it() -> None:
    """This attempt does not supersede it, so that it has no pod yet says nothing."""
    waiting = Sibling("other", 1, settled=True, created=b.at(-60))
    assert b.situation(siblings=(waiting,)).unsettled_earlier == waiting
    ended = Sibling("other", 1, settled=True, created=b.at(-60), ended=True)
    assert b.situation(siblings=(ended,)).unsettled_earlier is None


def test_a_sibling_of_the_same_retry_is_neither_earlier_nor_later() -> None:
    """Conductor's rerun hands out the same retry again: two such attempts must not wait for each other."""
    s = b.situation(siblings=(Sibling("same", 0, settled=False),))
    assert (s.unsettled_earlier, s.later_sibling) == (None, None)


def test_a_standalone_attempt_has_no_task_in_conductor() -> None:
    """And is known by its name."""
    s = b.situation(b.attempt(standalone=True))
    assert (s.conductor, s.name, s.deleting) == (None, b.NAME, False)


@pytest.mark.parametrize(("written", "counts"), [({"execution": 2}, True), ({}, True), ({"execution": 1}, False)])
def test_an_outcome_counts_if_its_execution_does(written: dict[str, Any], counts: bool) -> None:
    """The operator's own carries none."""
    ended = b.attempt(status={"executions": 2, "outcome": b.failure(**written)})
    assert (b.situation(ended).outcome is not None) == counts
    assert Sibling.of(PeragoAttempt.model_validate(ended), has_pods=True).ended == counts
