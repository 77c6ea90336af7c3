"""Numbers by PeragoTask: what waits and why, what can be run, and what has ended."""

from typing import Any

import pytest

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.reasons import Reason
from perago_operator.process.taskgauges import finished, task_gauges
from perago_operator.watch.stores import Stores
from tests import builders as b


def stores() -> Stores:
    """Empty ones."""
    return Stores(lambda _: None)


def read(filled: Stores) -> dict[str, dict[tuple[str, ...], float]]:
    """All numbers by their labels."""
    return {gauge.name: dict(gauge.read()) for gauge in task_gauges(filled)}


def attempt(**status: Any) -> PeragoAttempt:
    """An attempt with this status."""
    return PeragoAttempt.model_validate(b.attempt(status=status))


def test_attempts_that_wait_are_counted_by_what_they_wait_for() -> None:
    """One that nobody has looked at counts, and one whose pod runs does not."""
    filled = stores()
    waiting = [b.condition("PodReady", "False", "QuotaExceeded")]
    running = [b.condition("PodReady", "True", "PodRunning")]
    for number, conditions in enumerate((waiting, waiting, running, [])):
        name = {"name": f"a{number}", "uid": f"uid-{number}"}
        filled.attempts.put(b.attempt(meta=name, status={"conditions": conditions}, taskRef={"name": "build"}))
    ended = {"conditions": waiting, "outcome": b.failure()}
    filled.attempts.put(b.attempt(meta={"name": "ended", "uid": "ended"}, status=ended, taskRef={"name": "build"}))
    assert read(filled)["perago_attempts_waiting"] == {
        ("ns", "build", "QuotaExceeded"): 2,
        ("ns", "build", "Unseen"): 1,
    }


def test_the_conditions_of_a_peragotask_are_numbers() -> None:
    """With their reasons, and with how many tasks wait in Conductor."""
    filled = stores()
    conditions = [b.condition("Ready", "True", "TaskComplete"), b.condition("Polling", "False", "PollFailed")]
    filled.tasks.put(b.task() | {"status": {"queued": 7, "conditions": conditions}})
    numbers = read(filled)
    assert numbers["perago_task_ready"] == {("ns", "build", "TaskComplete"): 1}
    assert numbers["perago_task_polling"] == {("ns", "build", "PollFailed"): 0}
    assert numbers["perago_task_queued"] == {("ns", "build"): 7}


@pytest.mark.parametrize(("reason", "label"), [("OOMKilled", "OOMKilled"), ("SomeErrorOfATask", "TaskException")])
def test_an_attempt_that_ends_is_told_once(reason: str, label: str) -> None:
    """With how it ended, and how long its parts took; a name that a task chose is no label."""
    before = attempt(phase="Finishing")
    after = attempt(phase="Failed", outcome=b.failure(reason), timings={"queued": 1, "executing": 2.5})
    told = finished(before, after)
    assert told is not None
    assert (told.namespace, told.status, told.reason) == ("ns", "FAILED", label)
    assert told.seconds == {"queued": 1, "executing": 2.5}
    assert finished(after, after) is None


def test_an_attempt_that_was_over_before_is_not_told() -> None:
    """A new leader lists those that the one before has told."""
    over = attempt(phase="Succeeded", outcome=b.completed())
    assert finished(None, over) is None
    assert finished(over, None) is None


def test_exceptions_are_the_one_reason_that_is_no_published_word() -> None:
    """Of all published words, none is replaced."""
    ended = (attempt(phase="Failed", outcome=b.failure(reason.value)) for reason in Reason)
    told = [finished(attempt(phase="Running"), after) for after in ended]
    assert [one.reason for one in told if one] == [reason.value for reason in Reason]
