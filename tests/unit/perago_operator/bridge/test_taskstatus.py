"""A PeragoTask's status is written when it has changed, not for every poll."""

from datetime import timedelta
from typing import Any

import pytest

from perago_operator.api.reasons import Reason
from perago_operator.api.task import PeragoTask, TaskSpec
from perago_operator.bridge.poller import PollState
from perago_operator.bridge.taskstatus import TaskNumbers, status_patch
from perago_operator.bridge.usability import Unusable
from tests.builders import START, task
from tests.fakes.kube import merged

NUMBERS = TaskNumbers(active=2, pending_pods=1, queued=5)
POLLING = PollState(Reason.POLLING, "at most 3 attempts at once", START)


def peragotask(status: dict[str, Any] | None = None, **spec: Any) -> PeragoTask:
    """A PeragoTask with this status."""
    return PeragoTask.model_validate(task("build", **spec) | {"status": status or {}})


def settled(numbers: TaskNumbers = NUMBERS, state: PollState = POLLING) -> PeragoTask:
    """A PeragoTask whose status says exactly this."""
    patch = status_patch(peragotask(), numbers, state, START)
    assert patch is not None
    return PeragoTask.model_validate(merged(task("build"), patch))


def patch_of(task: PeragoTask, numbers: TaskNumbers, state: PollState, seconds: float = 0) -> dict[str, Any]:
    """What is written, so many seconds after the start."""
    patch: Any = status_patch(task, numbers, state, START + timedelta(seconds=seconds))
    return {} if patch is None else dict(patch["status"])


def test_the_first_status_says_everything() -> None:
    """Numbers, conditions, time of the last poll."""
    patch = patch_of(peragotask(), NUMBERS, POLLING)
    assert patch["active"] == 2
    assert set(patch) == {"active", "pendingPods", "queued", "conditions", "lastPollTime"}


def test_attempts_that_wait_for_room_are_counted() -> None:
    """Nothing is written for a task none of whose attempts has ever waited."""
    waiting = TaskNumbers(2, 1, 5, waiting_for_room=3)
    assert patch_of(settled(), waiting, POLLING) == {"waitingForRoom": 3}
    assert patch_of(settled(waiting), NUMBERS, POLLING) == {"waitingForRoom": 0}


def test_a_peragotask_that_cannot_be_read_says_so() -> None:
    """Whatever else is missing because of that."""
    task = peragotask().model_copy(update={"problem": "spec.module: wrong", "spec": TaskSpec()})
    unusable = Unusable(Reason.INVALID_SPEC, "the PeragoTask cannot be read: spec.module: wrong")
    patch: Any = status_patch(task, NUMBERS, POLLING, START, unusable)
    ready = next(one for one in patch["status"]["conditions"] if one["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec")


def test_what_is_written_already_is_not_written_again() -> None:
    """No write, no event, nobody woken."""
    assert status_patch(settled(), NUMBERS, POLLING, START) is None


def test_polling_alone_is_written_once_a_minute() -> None:
    """Another poll a second later is nothing new; a minute later it is."""
    later = PollState(Reason.POLLING, POLLING.message, START + timedelta(seconds=59))
    assert patch_of(settled(), NUMBERS, later, 59) == {}
    minute = PollState(Reason.POLLING, POLLING.message, START + timedelta(seconds=60))
    assert patch_of(settled(), NUMBERS, minute, 60) == {"lastPollTime": "2026-01-01T00:01:00Z"}


def test_an_unknown_queue_keeps_the_last_number() -> None:
    """Conductor could not be asked."""
    assert "queued" not in patch_of(settled(), TaskNumbers(2, 1, None), POLLING)


def test_a_condition_that_turns_has_a_new_transition_time() -> None:
    """Whole seconds, as they are stored."""
    patch = patch_of(settled(), NUMBERS, PollState(Reason.POLL_FAILED, "refused"), 7)
    polling = next(condition for condition in patch["conditions"] if condition["type"] == "Polling")
    assert (polling["status"], polling["lastTransitionTime"]) == ("False", "2026-01-01T00:00:07Z")


def test_a_condition_with_another_reason_keeps_its_transition_time() -> None:
    """Polling and MaxConcurrency are both True."""
    patch = patch_of(settled(), NUMBERS, PollState(Reason.MAX_CONCURRENCY), 7)
    polling = next(condition for condition in patch["conditions"] if condition["type"] == "Polling")
    assert (polling["reason"], polling["lastTransitionTime"]) == ("MaxConcurrency", "2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"module": "app.task"}, "spec.image is not set; each attempt has to set it"),
        ({}, "spec.module and spec.image are not set; each attempt has to set them"),
    ],
)
def test_a_task_without_code_is_not_ready_and_says_what_is_missing(spec: dict[str, Any], message: str) -> None:
    """Its attempts have to bring it."""
    bare = PeragoTask.model_validate({"metadata": {"name": "bare", "namespace": "ns"}, "spec": spec})
    patch = patch_of(bare, NUMBERS, PollState(Reason.NO_TASK_TYPE))
    ready = next(condition for condition in patch["conditions"] if condition["type"] == "Ready")
    assert (ready["status"], ready["reason"], ready["message"]) == ("False", "TaskIncomplete", message)


def test_a_state_without_words_is_explained_by_its_reason() -> None:
    """A paused PeragoTask says why nothing is polled."""
    [polling, _] = patch_of(peragotask(), NUMBERS, PollState(Reason.PAUSED))["conditions"]
    assert polling["message"] == Reason.PAUSED.sentence


def test_why_attempts_cannot_run_is_said_with_what_to_do() -> None:
    """With the attempt that has shown it."""
    unusable = Unusable(Reason.LAKEFS_UNAUTHORIZED, "attempt a1: 401")
    patch: Any = status_patch(peragotask(), NUMBERS, POLLING, START, unusable)
    (ready,) = (one for one in patch["status"]["conditions"] if one["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "LakeFSUnauthorized")
    assert ready["message"].startswith("attempt a1: 401; correct accessKeyId and secretAccessKey in the Secret")
