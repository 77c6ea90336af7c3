"""The attempt fence: current only while both Conductor's task and the attempt's own object confirm it."""

import asyncio
from dataclasses import replace

import pytest

from perago.agent import fence as fences
from perago.agent.clients.attempt_api import AttemptGone, AttemptObject, ClusterRefused, attempt_object
from perago.agent.clients.conductor import FreshTask
from perago.agent.clients.http import NoAnswer, Server
from perago.agent.failures import failure_of
from perago.agent.fence import AttemptFence
from perago.attempt import is_current
from perago.errors import StaleAttemptError
from perago.wire import Reason
from tests.unit.perago.agent.test_publication import order

TASK = FreshTask(order().attempt)
OBJECT = AttemptObject("u2", deleted=False, canceled=False, input=None, staging=None)


def task(**changes: object) -> FreshTask:
    """The ordered task, as Conductor has it after these changes."""
    return FreshTask(TASK.attempt.model_copy(update=changes))


class Attempt:
    def __init__(self, found: AttemptObject | Exception) -> None:
        self.found = found

    async def get(self) -> AttemptObject:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


class Conductor:
    def __init__(self, *answers: FreshTask | Exception | None) -> None:
        self.answers = list(answers)

    async def task(self, task_id: str) -> FreshTask | None:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Hanging:
    """A Conductor that never answers."""

    canceled = False

    async def task(self, task_id: str) -> FreshTask | None:
        try:
            await asyncio.Event().wait()
        finally:
            self.canceled = True
        return None


def fence(task: FreshTask | Exception | None = TASK, found: AttemptObject | Exception = OBJECT) -> AttemptFence:
    polled = TASK.attempt.model_dump(exclude={"status"}) | {"start_time": 5}
    answers = (task, task if task is None else TASK)
    return AttemptFence(order(retry_seconds=0, outage_seconds=5, conductor=polled), Attempt(found), Conductor(*answers))


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fences, "DOUBT_SECONDS", 0)


@pytest.mark.parametrize("executions", [0, 1, 2])
async def test_the_last_execution_passes(executions: int) -> None:
    """Its number may not be written yet."""
    attempt = Attempt(replace(OBJECT, executions=executions))
    await AttemptFence(order(execution=2, outage_seconds=5), attempt, Conductor(TASK)).require()


async def test_the_same_task_in_progress_passes() -> None:
    """The fresh attempt is passed on to the task."""
    fresh = await fence().current()
    assert is_current(order().attempt, fresh)
    await fence().require()


@pytest.mark.parametrize(
    ("task", "found"),
    [
        pytest.param(task(status="TIMED_OUT"), OBJECT, id="timed out"),
        pytest.param(task(status="SCHEDULED"), OBJECT, id="back in the queue"),
        pytest.param(task(retry_count=2), OBJECT, id="another retry"),
        pytest.param(task(workflow_instance_id="other"), OBJECT, id="another workflow"),
        pytest.param(task(task_id="other"), OBJECT, id="another task"),
        pytest.param(task(start_time=9), OBJECT, id="a later run of the task"),
        pytest.param(None, OBJECT, id="unknown to Conductor"),
        pytest.param(TASK, replace(OBJECT, deleted=True), id="object being deleted"),
        pytest.param(TASK, replace(OBJECT, canceled=True), id="canceled"),
        pytest.param(TASK, replace(OBJECT, executions=2), id="a later execution runs"),
        pytest.param(TASK, replace(OBJECT, ended=True), id="its outcome is known"),
        pytest.param(TASK, AttemptGone("gone"), id="object gone"),
    ],
)
async def test_anything_else_is_stale(task: FreshTask | None, found: AttemptObject | Exception) -> None:
    """Either of the two is enough."""
    with pytest.raises(StaleAttemptError):
        await fence(task, found).require()


@pytest.mark.parametrize(
    ("status", "ended"),
    [
        ({}, False),
        ({"executions": 1}, False),
        ({"outcome": {"status": "FAILED"}, "executions": 2}, True),
        ({"outcome": {"status": "FAILED", "execution": 2}, "executions": 2}, True),
        ({"outcome": {"status": "FAILED", "execution": 1}, "executions": 2}, False),
        ({"outcome": {"status": "FAILED", "execution": 1}}, True),
    ],
)
def test_an_outcome_that_counts_is_the_end(status: dict[str, object], ended: bool) -> None:
    """Whoever wrote it, but not that of an execution which was given up."""
    assert attempt_object({"metadata": {"uid": "u2"}, "status": status}).ended is ended


async def test_conductor_says_twice_that_it_does_not_know_a_task() -> None:
    """One such answer makes no attempt stale: the work of a whole function would be thrown away."""
    await AttemptFence(order(outage_seconds=5), Attempt(OBJECT), Conductor(None, TASK)).require()


@pytest.mark.parametrize(
    ("fresh", "found", "reason"),
    [
        (TASK, replace(OBJECT, deleted=True), Reason.CANCELED),
        (TASK, replace(OBJECT, canceled=True), Reason.CANCELED),
        (TASK, replace(OBJECT, executions=2), Reason.STALE_ATTEMPT),
        (task(status="CANCELED"), OBJECT, Reason.STALE_ATTEMPT),
    ],
)
async def test_an_attempt_that_was_canceled_says_so(fresh: FreshTask, found: AttemptObject, reason: Reason) -> None:
    """Its outcome is final for Conductor, which retries one that is only stale, and knows of those that it canceled."""
    with pytest.raises(StaleAttemptError) as caught:
        await fence(fresh, found).require()
    failure = failure_of(caught.value)
    assert (failure.error, failure.reason) == ("StaleAttemptError", reason)


async def test_an_unreachable_conductor_is_asked_again() -> None:
    """One lost read makes no attempt stale."""
    await fence(NoAnswer(Server.CONDUCTOR, "silent")).require()


async def test_a_refusal_ends_the_other_question() -> None:
    """Nothing is asked any more when the fence has raised."""
    asked = Hanging()
    with pytest.raises(ClusterRefused):
        await AttemptFence(order(outage_seconds=5), Attempt(ClusterRefused("no")), asked).current()
    assert asked.canceled


async def test_a_standalone_attempt_is_fenced_by_its_object() -> None:
    """Conductor is not asked."""
    standalone = order(conductor=None)
    await AttemptFence(standalone, Attempt(OBJECT), None).require()
    with pytest.raises(StaleAttemptError):
        await AttemptFence(standalone, Attempt(replace(OBJECT, canceled=True)), None).require()
