"""What Conductor's answer means for an attempt."""

from typing import Any

import pytest

from perago.wire import Outcome, stored_output
from perago_operator.core import actions as do
from perago_operator.core.answers import ConductorTaskState, Standing, Verdict
from perago_operator.core.config import Config
from perago_operator.core.memory import Memory, Trouble
from perago_operator.core.reporting import (
    doubt_until,
    heartbeat_at,
    heartbeat_period,
    judge,
    report_is_wanted,
    reporting_state,
)
from perago_operator.core.situation import Situation
from tests import builders as b

OURS = Outcome(status="COMPLETED", reason="Completed", output={"result": 1})
TASK = b.conductor_task()
FAILED = Outcome(status="FAILED", reason="TaskFailed", message="it broke")


@pytest.mark.parametrize(
    ("known", "shown", "standing"),
    [
        (5, 5, Standing.OPEN),
        (5, 9, Standing.SUPERSEDED),
        (5, 0, Standing.SUPERSEDED),
        (None, 9, Standing.OPEN),
        (5, None, Standing.OPEN),
    ],
)
@pytest.mark.parametrize("outcome", [None, OURS])
def test_a_task_that_was_run_again_waits_for_another_attempt(
    known: int | None, shown: int | None, standing: Standing, outcome: Outcome | None
) -> None:
    """It has the same id, and another start time, or none between the rerun and its poll."""
    reading = ConductorTaskState("IN_PROGRESS", {}, start_time=shown)
    task = b.conductor_task(start_time=known)
    assert judge(reading, task, outcome, at=b.at(1)).standing is standing


def test_a_workflow_that_is_unknown_is_asked_for_once_more() -> None:
    """As a task that is; of a task that has ended it does not matter."""
    open_ = ConductorTaskState("IN_PROGRESS", {}, workflow_missing=True)
    assert judge(open_, TASK, OURS, at=b.at(1)).standing is Standing.MISSING
    ended = ConductorTaskState("COMPLETED", {"result": 1}, workflow_missing=True)
    assert judge(ended, TASK, OURS, at=b.at(1)).standing is Standing.ACCEPTED


def judged(status: str | None, output: dict[str, Any] | None = None, outcome: Outcome | None = None) -> Verdict:
    """The verdict on a reading."""
    reading = None if status is None else ConductorTaskState(status, output or {})
    return judge(reading, TASK, outcome, at=b.at(1))


@pytest.mark.parametrize("outcome", [None, OURS])
@pytest.mark.parametrize(
    ("status", "expected"),
    [("IN_PROGRESS", Standing.OPEN), ("SCHEDULED", Standing.QUEUED), (None, Standing.MISSING)],
)
def test_an_open_task_is_open_before_and_after_a_report(
    status: str | None, expected: Standing, outcome: Outcome | None
) -> None:
    """A report that was answered 200 may not have counted."""
    assert judged(status, outcome=outcome).standing is expected


@pytest.mark.parametrize(
    "status", ["COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT", "CANCELED", "SKIPPED"]
)
def test_a_task_that_ended_without_us_is_superseded(status: str) -> None:
    """Before anything was reported, every end is somebody else's."""
    assert judged(status).standing is Standing.SUPERSEDED


def test_our_result_is_accepted() -> None:
    """Same status, same output."""
    assert judged("COMPLETED", {"result": 1}, OURS).standing is Standing.ACCEPTED
    assert judged("FAILED", {}, FAILED).standing is Standing.ACCEPTED


@pytest.mark.parametrize(
    ("status", "output"),
    [("COMPLETED", {"result": 2}), ("COMPLETED", {}), ("FAILED", {}), ("TIMED_OUT", {"result": 1})],
)
def test_another_result_is_not_ours(status: str, output: dict[str, Any]) -> None:
    """Somebody completed it by hand, or it timed out just before."""
    assert judged(status, output, OURS).standing is Standing.SUPERSEDED


def test_numbers_are_compared_as_json_has_them() -> None:
    """Conductor may give 1 back as 1.0."""
    assert judged("COMPLETED", {"result": 1.0}, OURS).standing is Standing.ACCEPTED


def test_a_large_output_that_conductor_moved_away_is_ours() -> None:
    """Over 3 MiB it shows none; the status has to do."""
    large = {"result": "x" * 200_000}
    outcome = Outcome(status="COMPLETED", reason="Completed", **stored_output(large))
    assert judged("COMPLETED", {}, outcome).standing is Standing.ACCEPTED
    assert judged("COMPLETED", large, outcome).standing is Standing.ACCEPTED


def test_readings_before_a_report_are_heartbeats() -> None:
    """Only those after it can reopen it."""
    assert judged("IN_PROGRESS").after_report is False
    assert judged("IN_PROGRESS", outcome=OURS).after_report is True


def test_a_task_in_a_workflow_that_has_ended_is_superseded() -> None:
    """A late heartbeat may have revived it, and its workflow accepts no result any more."""
    revived = ConductorTaskState("IN_PROGRESS", {}, workflow_ended=True)
    assert judge(revived, TASK, OURS, at=b.at(1)).standing is Standing.SUPERSEDED
    ours = ConductorTaskState("COMPLETED", {"result": 1}, workflow_ended=True)
    assert judge(ours, TASK, OURS, at=b.at(1)).standing is Standing.ACCEPTED


def test_heartbeats_end_when_reports_have_failed_for_too_long() -> None:
    """Conductor's own time-out is the better end: nobody gets that result any more."""
    done = b.attempt(status={"outcome": b.completed()})
    trouble = Trouble(9, b.at(9000), None, "the report had no effect")
    memory = b.memory(outcome_seen_at=b.at(1), heartbeat_at=b.at(1), troubles={do.Report: trouble})
    assert heartbeat_at(b.situation(done, 3600, memory=memory)) is not None
    assert heartbeat_at(b.situation(done, 3601, memory=memory)) is None


def test_a_task_that_is_missing_is_looked_for_once_more_soon() -> None:
    """Not a heartbeat's period later."""
    assert heartbeat_at(b.situation(None, 3, memory=b.memory(task_missing_since=b.at(2)))) == b.at(7)


def test_the_detail_names_the_status() -> None:
    """It becomes the message that people read."""
    assert "TIMED_OUT" in judged("TIMED_OUT").detail
    canceled = judge(ConductorTaskState("CANCELED", {}, "terminated by ada"), TASK, None, at=b.at(1))
    assert (
        canceled.detail == "Conductor shows the task as CANCELED, which this attempt did not report: terminated by ada"
    )
    assert "no longer knows" in judged(None).detail


def at(seconds: float, attempt: dict[str, Any] | None = None, **more: Any) -> Situation:
    """The situation of an attempt so many seconds after its creation."""
    return b.situation(attempt, seconds, **more)


def read(standing: Standing, seconds: float = 1, *, after_report: bool = True) -> Memory:
    """Conductor was read, and that is all that is remembered."""
    return b.memory(verdict=Verdict(standing, f"it is {standing}", b.at(seconds), after_report))


@pytest.mark.parametrize(("timeout", "period"), [(60, 20), (600, 200), (0, 60)])
def test_the_heartbeat_period_is_a_third_of_the_time_out(timeout: int, period: float) -> None:
    """Two heartbeats may fail; a task without a time-out has heartbeats for its cancellation alone."""
    task = b.conductor_task(response_timeout_seconds=timeout)
    assert heartbeat_period(task, Config()) == period


def test_the_jitter_of_heartbeats_differs_by_attempt() -> None:
    """Thousands of attempts must not beat at once; and never later than the period."""
    moments = {heartbeat_at(b.situation(memory=Memory(f"uid-{n}", b.START))) for n in range(50)}
    assert len(moments) > 40
    assert all(moment and b.at(18) <= moment <= b.at(20) for moment in moments)


def test_an_operator_that_takes_over_spreads_its_first_heartbeats() -> None:
    """All of them would be due at once."""
    adopted = [Memory(f"uid-{number}", b.at(100), adopted=True) for number in range(50)]
    moments = {heartbeat_at(b.situation(seconds=100, memory=memory)) for memory in adopted}
    assert len(moments) > 40
    assert all(moment and b.at(100) <= moment <= b.at(110) for moment in moments)


@pytest.mark.parametrize(
    ("status", "memory", "beats"),
    [
        ({}, b.memory(), True),
        ({}, read(Standing.SUPERSEDED), False),
        ({"outcome": b.completed()}, b.memory(), False),
        ({"outcome": b.completed()}, b.memory(troubles={do.Report: Trouble(1, b.at(9), None, "away")}), True),
    ],
    ids=["at work", "superseded", "ended", "ended, and reports fail"],
)
def test_heartbeats_go_out_as_long_as_conductor_waits(status: dict[str, Any], memory: Memory, beats: bool) -> None:
    """Also after the outcome, while reports fail: the task must not time out meanwhile."""
    assert (heartbeat_at(at(2, b.attempt(status=status), memory=memory)) is not None) is beats


@pytest.mark.parametrize(
    ("status", "memory", "expected"),
    [
        ({}, b.memory(), "Pending"),
        ({}, read(Standing.OPEN), "Pending"),
        ({}, read(Standing.ACCEPTED), "Accepted"),
        ({}, read(Standing.SUPERSEDED), "Superseded"),
        ({"reporting": {"state": "Accepted"}}, read(Standing.OPEN), "Accepted"),
        ({"reporting": {"state": "Superseded"}}, read(Standing.ACCEPTED), "Superseded"),
    ],
)
def test_the_reporting_state_is_written_once(status: dict[str, Any], memory: Memory, expected: str) -> None:
    """From the last reading until it is settled; then the status counts."""
    ended = b.attempt(status={"outcome": b.completed(), **status})
    assert reporting_state(at(2, ended, memory=memory)) == expected


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        (b.memory(), True),
        (read(Standing.OPEN, after_report=False), True),
        (read(Standing.OPEN), True),
        (read(Standing.QUEUED), True),
        (read(Standing.ACCEPTED), False),
        (read(Standing.SUPERSEDED), False),
    ],
)
def test_a_report_is_wanted_until_it_is_settled(memory: Memory, expected: bool) -> None:
    """An earlier heartbeat says nothing about it."""
    assert report_is_wanted(at(2, b.attempt(status={"outcome": b.completed()}), memory=memory)) is expected


def test_only_a_reading_after_the_report_reopens_it() -> None:
    """A heartbeat's reading is older than the result, which the status says was accepted."""
    accepted = b.attempt(status={"outcome": b.completed(), "reporting": {"state": "Accepted"}})
    assert report_is_wanted(at(2, accepted, memory=read(Standing.OPEN)))
    assert not report_is_wanted(at(2, accepted, memory=read(Standing.OPEN, after_report=False)))


def test_a_task_that_is_rerun_does_not_get_the_first_result_again() -> None:
    """It is queued anew; once it is polled, its first attempt is deleted, whatever is in doubt."""
    accepted: dict[str, Any] = {"outcome": b.completed(), "reporting": {"state": "Accepted"}}
    deleting = b.attempt(status=accepted, meta={"deletionTimestamp": b.stamp(1)})
    assert not report_is_wanted(at(2, b.attempt(status=accepted), memory=read(Standing.QUEUED)))
    assert not report_is_wanted(at(2, deleting, memory=read(Standing.OPEN)))
    assert doubt_until(at(5, deleting, memory=b.memory(doubt_since=b.at(2)))) is None


def test_a_superseded_attempt_never_reports() -> None:
    """Whatever is read later: the task is another attempt's by now."""
    superseded = b.attempt(status={"outcome": b.completed(), "reporting": {"state": "Superseded"}})
    assert not report_is_wanted(at(2, superseded, memory=read(Standing.OPEN)))


def test_no_report_without_an_outcome_or_without_conductor() -> None:
    """There is nothing to say, or nobody to say it to."""
    assert not report_is_wanted(at(1))
    assert not report_is_wanted(at(1, b.attempt(standalone=True, status={"outcome": b.completed()})))


@pytest.mark.parametrize(("timeout", "until"), [(60, 22), (600, 62)])
def test_doubt_lasts_a_heartbeat_period_and_has_a_cap(timeout: int, until: float) -> None:
    """Long time-outs would hold finalizers for minutes."""
    conductor = b.conductor_task(response_timeout_seconds=timeout).to_json()
    ended = b.attempt(conductor=conductor, status={"outcome": b.completed(), "reporting": {"state": "Accepted"}})
    assert doubt_until(at(5, ended, memory=b.memory(doubt_since=b.at(2)))) == b.at(until)


@pytest.mark.parametrize(("read_at", "until"), [(21, 22), (22, None), (23, None)])
def test_a_reading_after_the_doubt_ends_it(read_at: float, until: float | None) -> None:
    """From then on nothing can land; a reading before that may have come too early."""
    ended = b.attempt(status={"outcome": b.completed(), "reporting": {"state": "Accepted"}})
    verdict = Verdict(Standing.ACCEPTED, "", b.at(read_at), after_report=True)
    s = at(24, ended, memory=b.memory(doubt_since=b.at(2), verdict=verdict))
    assert doubt_until(s) == (None if until is None else b.at(until))
