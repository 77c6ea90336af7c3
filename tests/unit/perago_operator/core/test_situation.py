"""What follows from facts, time and limits; each case is a moment in an attempt's life."""

from typing import Any

import pytest

from perago_operator.api.reasons import Reason
from perago_operator.core.config import Config
from perago_operator.core.memory import Memory
from perago_operator.core.situation import Situation
from perago_operator.core.verdict import Standing, Verdict
from tests import builders as b


def at(seconds: float, attempt: dict[str, Any] | None = None, **more: Any) -> Situation:
    """The situation of an attempt so many seconds after its creation."""
    return b.situation(b.facts(attempt, **more), seconds)


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
    """Where the status does not tell yet."""
    limited = b.attempt(activeDeadlineSeconds=10)
    pod = b.running_pod(meta={"creationTimestamp": b.stamp(20)})
    assert at(25, limited, pods=(pod,)).deadline_at == b.at(30)


@pytest.mark.parametrize(("ended", "stopped"), [(8, False), (9, False), (10, True), (12, True)])
def test_a_pod_that_ended_in_time_was_in_time(ended: int, stopped: bool) -> None:
    """Ends are told in whole seconds: one in the second of the deadline counts as late."""
    limited = b.attempt(activeDeadlineSeconds=10, status={"timings": {"queued": 0}})
    pod = b.ended_pod(task_ended={"finishedAt": b.stamp(ended)}, agent_ended={"finishedAt": b.stamp(ended)})
    assert (at(20, limited, pods=(pod,)).stop is not None) is stopped


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
    """Conductor is told "attempt deleted" also of one that was canceled before."""
    both = b.attempt(cancel=True, meta={"deletionTimestamp": b.stamp(1)})
    stop = at(2, both).stop
    assert stop is not None
    assert (stop.reason, stop.message) == (Reason.ATTEMPT_DELETED, "attempt deleted")


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


@pytest.mark.parametrize(("timeout", "period"), [(60, 20), (600, 200), (0, 60)])
def test_the_lease_period_is_a_third_of_the_time_out(timeout: int, period: float) -> None:
    """Two heartbeats may fail; a task without a time-out has heartbeats for its cancellation alone."""
    task = b.conductor_task(response_timeout_seconds=timeout)
    assert at(1, b.attempt(conductor=task.to_json())).lease_period == period


def test_the_jitter_of_heartbeats_differs_by_attempt() -> None:
    """Thousands of attempts must not beat at once; and never later than the period."""
    moments = {b.situation(b.facts(memory=Memory(f"uid-{n}", b.START)), 1).heartbeat_at for n in range(50)}
    assert len(moments) > 40
    assert all(b.at(18) <= each <= b.at(20) for each in moments)


@pytest.mark.parametrize(
    ("status", "memory", "wanted"),
    [
        ({}, b.memory(), "Pending"),
        ({}, read(Standing.OPEN), "Pending"),
        ({}, read(Standing.ACCEPTED), "Accepted"),
        ({}, read(Standing.SUPERSEDED), "Superseded"),
        ({"reporting": {"state": "Accepted"}}, read(Standing.OPEN), "Accepted"),
        ({"reporting": {"state": "Superseded"}}, read(Standing.ACCEPTED), "Superseded"),
    ],
)
def test_the_reporting_state_is_written_once(status: dict[str, Any], memory: Memory, wanted: str) -> None:
    """From the last reading until it is settled; then the status counts."""
    told = b.attempt(status={"outcome": b.completed(), **status})
    assert at(2, told, memory=memory).reporting_state == wanted


@pytest.mark.parametrize(
    ("memory", "wanted"),
    [
        (b.memory(), True),
        (read(Standing.OPEN, after_report=False), True),
        (read(Standing.OPEN), True),
        (read(Standing.QUEUED), True),
        (read(Standing.ACCEPTED), False),
        (read(Standing.SUPERSEDED), False),
    ],
)
def test_a_report_is_wanted_until_it_is_settled(memory: Memory, wanted: bool) -> None:
    """An earlier heartbeat says nothing about it."""
    assert at(2, b.attempt(status={"outcome": b.completed()}), memory=memory).report_wanted is wanted


def test_no_report_without_an_outcome_or_without_conductor() -> None:
    """There is nothing to say, or nobody to say it to."""
    assert not at(1).report_wanted
    assert not at(1, b.attempt(standalone=True, status={"outcome": b.completed()})).report_wanted


@pytest.mark.parametrize(("timeout", "until"), [(60, 22), (600, 62)])
def test_doubt_lasts_a_lease_period_and_has_a_cap(timeout: int, until: float) -> None:
    """Long time-outs would hold finalizers for minutes."""
    conductor = b.conductor_task(response_timeout_seconds=timeout).to_json()
    told = b.attempt(conductor=conductor, status={"outcome": b.completed(), "reporting": {"state": "Accepted"}})
    assert at(5, told, memory=b.memory(doubt_since=b.at(2))).doubt_until == b.at(until)


def test_a_reading_after_the_doubt_ends_it() -> None:
    """Nothing can land any more."""
    told = b.attempt(status={"outcome": b.completed(), "reporting": {"state": "Accepted"}})
    verdict = Verdict(Standing.ACCEPTED, "", b.at(23), after_report=True)
    assert at(24, told, memory=b.memory(doubt_since=b.at(2), verdict=verdict)).doubt_until is None


def test_a_pod_is_held_until_it_is_deleted_and_released() -> None:
    """By us, or as its object shows."""
    told = b.attempt(status={"outcome": b.completed()})
    pod = b.ended_pod()
    assert at(1, told, pods=(pod,)).unreleased_pods != ()
    ours = b.memory(deleted=frozenset({"a1-1"}), released_pods=frozenset({"a1-1"}))
    assert at(1, told, pods=(pod,), memory=ours).unreleased_pods == ()
    shown = b.ended_pod(meta={"deletionTimestamp": b.stamp(1), "finalizers": []})
    assert at(1, told, pods=(shown,)).unreleased_pods == ()


def test_limits_come_from_the_settings() -> None:
    """A test may have little patience."""
    impatient = Config(lost_node_patience=1)
    s = b.situation(b.facts(pods=(b.running_pod(meta=DELETED),)), 41, impatient)
    assert s.running_pods == ()
