"""What Conductor's answer means for an attempt."""

from typing import Any

import pytest

from perago.wire import Outcome, stored_output
from perago_operator.core.verdict import Standing, Verdict, judge
from tests import builders as b

OURS = Outcome(status="COMPLETED", reason="Completed", output={"result": 1})
FAILED = Outcome(status="FAILED", reason="TaskFailed", message="it broke")


def judged(status: str | None, output: dict[str, Any] | None = None, outcome: Outcome | None = None) -> Verdict:
    """The verdict on a reading."""
    return judge(status, output or {}, outcome, at=b.at(1))


@pytest.mark.parametrize("outcome", [None, OURS])
@pytest.mark.parametrize(
    ("status", "wanted"), [("IN_PROGRESS", Standing.OPEN), ("SCHEDULED", Standing.QUEUED), (None, Standing.SUPERSEDED)]
)
def test_an_open_task_is_open_before_and_after_a_report(
    status: str | None, wanted: Standing, outcome: Outcome | None
) -> None:
    """A report that was answered 200 may not have counted."""
    assert judged(status, outcome=outcome).standing is wanted


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


def test_the_detail_names_the_status() -> None:
    """It becomes the message that people read."""
    assert "TIMED_OUT" in judged("TIMED_OUT").detail
    assert "no longer knows" in judged(None).detail
