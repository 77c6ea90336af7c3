"""A poller takes what there is room for, at once, and nothing while it must not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.reasons import Reason
from perago_operator.api.shared import Key
from perago_operator.api.task import PeragoTask
from perago_operator.bridge.creation import Creation
from perago_operator.bridge.poller import PollSettings, TaskPoller
from perago_operator.bridge.usability import SHORTEST_PAUSE, Shown, Usability
from perago_operator.core.config import Config, Limits
from perago_operator.core.room import Scope
from perago_operator.ports import Unreachable, key_of
from perago_operator.watch.stores import AttemptStore, TaskStore
from tests.builders import START, attempt, completed, condition, failure, task
from tests.fakes.conductor import FakeConductor
from tests.fakes.faulty import raising
from tests.fakes.kube import FakeCluster
from tests.fakes.waiting import in_time, until
from tests.faults.kinds import lost, silent

LONG = 5.0
"""Seconds of the longest poll that Conductor takes; no test waits for its end."""


HUNDRED = Limits(per_task=100)


def peragotask(**spec: Any) -> PeragoTask:
    """A PeragoTask for task type `build`."""
    return PeragoTask.model_validate(task("build", **({"taskType": "build"} | spec)))


class Subject:
    """Fakes and a poller over them."""

    def __init__(self, seconds: float = LONG, limits: Limits = HUNDRED, **spec: Any) -> None:
        self.cluster = FakeCluster()
        self.conductor = FakeConductor()
        self.shown = AttemptStore(lambda _: None)
        self.tasks = TaskStore(self.shown, lambda _: None)
        self.seconds = 0.0
        self.usability = Usability(self.tasks, Config(), clock=lambda: self.seconds)
        self.failed: list[str] = []
        self.serves = True
        self.cluster.listeners.append(lambda event: self.shown.put(event.obj))
        creation = Creation(self.cluster, self.conductor, self.shown, Config(), clock=lambda: 0.0)
        self.poller = TaskPoller(
            peragotask(**spec),
            self.conductor,
            creation,
            Shown(self.shown, self.usability),
            PollSettings(
                lambda: "me",
                seconds,
                limits,
                failed=lambda: self.failed.append("poll"),
                serves=lambda _: self.serves,
            ),
            now=lambda: START,
        )
        self.running: asyncio.Task[None] | None = None

    def show(self, obj: dict[str, Any]) -> None:
        """The watch shows an attempt."""
        self.shown.put(obj)
        found = self.shown.get(key_of(obj))
        assert found is not None
        self.usability.heard(found)

    def run(self) -> "Subject":
        """Start polling."""
        self.running = asyncio.create_task(self.poller.run())
        return self

    def schedule(self, count: int) -> None:
        """So many tasks are scheduled in Conductor."""
        for _ in range(count):
            self.conductor.schedule("build")

    def attempts(self) -> int:
        """How many attempts there are."""
        return len(self.cluster.objects)

    def polls(self) -> int:
        """How many polls were started."""
        return self.conductor.faults.seen.count("poll")


@pytest.fixture(autouse=True)
async def _nothing_left() -> AsyncIterator[None]:
    yield
    for left in asyncio.all_tasks() - {asyncio.current_task()}:
        left.cancel()


async def test_a_task_becomes_an_attempt_as_soon_as_it_is_scheduled() -> None:
    """The long poll ends with the first task, however long it may last."""
    subject = Subject().run()
    await until(lambda: subject.polls() == 1)
    subject.schedule(1)
    await until(lambda: subject.attempts() == 1)


async def test_what_waits_is_taken_without_waiting_for_more() -> None:
    """A batch poll would wait for all it asked for; so the batch comes second, and does not wait."""
    subject = Subject()
    subject.schedule(30)
    subject.run()
    await until(lambda: subject.attempts() == 30)
    assert subject.polls() <= 5


async def test_no_more_attempts_than_max_concurrency() -> None:
    """Attempts that no watch has shown yet count as well."""
    subject = Subject(maxConcurrency=3)
    subject.schedule(5)
    subject.run()
    await until(lambda: subject.attempts() == 3)
    await until(lambda: subject.poller.state.reason == "MaxConcurrency")
    assert len(subject.conductor.tasks) - subject.attempts() == await subject.conductor.queue_size("build", None)


async def test_a_namespace_takes_no_more_than_its_limit() -> None:
    """Attempts of other PeragoTasks count as well; what is over the limit stays in Conductor."""
    subject = Subject(limits=Limits(per_namespace=3))
    other = attempt(meta={"name": "other", "uid": "uid-other"}, standalone=True)
    subject.cluster.add(other)
    subject.schedule(5)
    subject.run()
    await until(lambda: subject.attempts() == 3)
    await until(lambda: subject.poller.state.reason == "NamespaceLimit")
    assert subject.poller.state.message == "at most 3 attempts of namespace ns at once"
    assert await subject.conductor.queue_size("build", None) == 3


async def test_nothing_is_polled_while_attempts_wait_for_nodes() -> None:
    """It goes on when they have found room; that the task itself has none is told first."""
    subject = Subject()
    shown = PeragoAttempt.model_validate(attempt(meta={"name": "other", "uid": "uid-other"}, standalone=True))
    subject.shown.stay_out(shown, Scope.STARTING)
    subject.schedule(1)
    subject.run()
    await until(lambda: subject.poller.state.reason == "NodeLimit")
    assert (subject.polls(), subject.poller.state.polling) == (0, True)
    subject.shown.take_room(shown)
    subject.poller.wake()
    await until(lambda: subject.attempts() == 1)


async def test_room_that_was_made_is_used_at_once() -> None:
    """A finished attempt wakes the poller: nothing waits for a period."""
    subject = Subject(maxConcurrency=1)
    subject.schedule(2)
    subject.run()
    await until(lambda: subject.attempts() == 1)
    subject.cluster.merge("PeragoAttempt", "ns", "task-1", {"status": {"outcome": completed()}})
    subject.poller.wake()
    await until(lambda: subject.attempts() == 2)


async def test_nothing_is_polled_while_attempts_cannot_be_created() -> None:
    """Each task that is polled then would wait in this process alone."""
    subject = Subject()
    subject.cluster.faults.on("create_attempt", raising(Unreachable("away")), None)
    subject.schedule(1)
    subject.run()
    await until(lambda: subject.poller.state.reason == "AttemptsNotCreated")
    polls = subject.polls()
    subject.schedule(1)
    subject.poller.wake()
    await asyncio.sleep(0.05)
    assert subject.polls() == polls
    subject.cluster.faults.clear()
    await until(lambda: subject.attempts() == 2)


@pytest.mark.parametrize(("spec", "reason"), [({"paused": True}, "Paused"), ({"taskType": None}, "NoTaskType")])
async def test_who_must_not_poll_does_not(spec: dict[str, Any], reason: str) -> None:
    """Paused, or nothing to poll for."""
    subject = Subject(**spec)
    subject.schedule(1)
    subject.run()
    await until(lambda: subject.poller.state.reason == reason)
    assert (subject.polls(), subject.poller.state.polling) == (0, False)


async def test_a_namespace_that_is_set_aside_is_not_polled_for() -> None:
    """What is in Conductor can be taken by others meanwhile."""
    subject = Subject()
    subject.schedule(1)
    subject.serves = False
    subject.run()
    await until(lambda: subject.poller.state.reason == "NamespaceRefused")
    assert (subject.poller.state.polling, subject.polls()) == (False, 0)
    subject.serves = True
    subject.poller.wake()
    await until(lambda: subject.attempts() == 1)


async def test_unpausing_takes_effect_at_once() -> None:
    """The changed PeragoTask wakes the loop."""
    subject = Subject(paused=True).run()
    subject.schedule(1)
    await until(lambda: subject.poller.state.reason == "Paused")
    subject.poller.replace(peragotask())
    await until(lambda: subject.attempts() == 1)


async def test_a_domain_is_polled_from() -> None:
    """Tasks of other domains are left to others."""
    subject = Subject(domain="blue")
    subject.conductor.schedule("build", domain="green")
    subject.conductor.schedule("build", "mine", domain="blue")
    subject.run()
    await until(lambda: subject.attempts() == 1)
    assert ("PeragoAttempt", "ns", "mine") in subject.cluster.objects


async def test_a_failed_poll_is_told_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Conductor is away, and comes back."""
    subject = Subject()
    subject.conductor.faults.on("poll", raising(Unreachable("away")))
    subject.run()
    await until(lambda: subject.poller.state.reason == "PollFailed")
    subject.schedule(1)
    await until(lambda: subject.attempts() == 1)
    assert subject.poller.state.polling


async def test_a_try_after_a_failed_poll_is_no_poll_yet() -> None:
    """Conductor takes the call and does not answer: that nothing is polled is said until it does."""
    subject = Subject()
    subject.conductor.faults.on("poll", raising(Unreachable("away")))
    subject.conductor.faults.on("poll", silent)
    subject.run()
    await until(lambda: subject.polls() == 2)
    assert (subject.poller.state.reason, subject.poller.state.message) == ("PollFailed", "away")


async def test_a_lost_poll_is_never_repeated_by_itself() -> None:
    """Its tasks stay IN_PROGRESS in Conductor, and whoever adopts tasks is told to look for them."""
    subject = Subject()
    subject.schedule(1)
    subject.conductor.faults.on("poll", lost)
    subject.run()
    await until(lambda: subject.poller.state.reason == "PollFailed")
    assert (subject.conductor.tasks["task-1"].status, subject.failed) == ("IN_PROGRESS", ["poll"])


CHANGES: dict[str, Callable[[TaskPoller], None]] = {
    "paused": lambda poller: poller.replace(peragotask(paused=True)),
    "another task type": lambda poller: poller.replace(peragotask(taskType="test")),
    "another domain": lambda poller: poller.replace(peragotask(domain="north")),
    "an older PeragoTask": lambda poller: poller.yield_to(Key("ns", "elder")),
    "deleted": lambda poller: poller.stop(gone=True),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_what_is_not_served_any_more_goes_back(change: Callable[[TaskPoller], None]) -> None:
    """The poll was under way when somebody changed the PeragoTask; others may take its task."""
    subject = Subject().run()
    await until(lambda: subject.polls() == 1)
    change(subject.poller)
    subject.schedule(1)
    await until(lambda: "give_back" in subject.conductor.faults.seen)
    assert (subject.conductor.tasks["task-1"].status, subject.attempts()) == ("SCHEDULED", 0)


async def test_stopping_awaits_the_poll_under_way_and_keeps_what_it_brings() -> None:
    """Nothing that Conductor handed out is lost at a shutdown."""
    subject = Subject().run()
    await until(lambda: subject.polls() == 1)
    subject.poller.stop()
    subject.schedule(2)
    assert subject.running is not None
    await in_time(subject.running)
    await until(lambda: subject.attempts() == 1)
    assert subject.conductor.tasks["task-2"].status == "SCHEDULED"


async def test_the_time_of_the_last_poll_is_kept() -> None:
    """People see in the status that polling goes on."""
    subject = Subject(seconds=0.001).run()
    await until(lambda: subject.polls() > 1)
    assert subject.poller.state.last_poll == START


def ended(number: int, reason: str) -> dict[str, Any]:
    """An attempt of the PeragoTask that has ended for this reason."""
    meta = {"name": f"a{number}", "uid": f"uid-{number}"}
    return attempt(meta=meta, status={"outcome": failure(reason)}, taskRef={"name": "build"})


async def test_a_task_that_cannot_be_run_is_taken_once_for_trial() -> None:
    """Not at the speed of polling: what fails one attempt would fail all of them."""
    subject = Subject()
    subject.show(ended(1, "InvalidTask"))
    subject.schedule(3)
    subject.run()
    await until(lambda: subject.poller.state.reason is Reason.TASK_NOT_READY)
    assert subject.polls() == 0
    subject.seconds = SHORTEST_PAUSE
    subject.poller.wake()
    await until(lambda: subject.attempts() == 1)
    await until(lambda: not subject.conductor.queues["build", None] or subject.polls() == 1)
    subject.poller.wake()
    for _ in range(50):
        await asyncio.sleep(0)
    assert (subject.attempts(), subject.polls()) == (1, 1)
    assert not subject.poller.state.polling


async def test_a_trial_keeps_to_what_may_run_at_once() -> None:
    """The attempt that waits for its image has all the room there is."""
    subject = Subject(maxConcurrency=1)
    pulls = condition("PodReady", "False", Reason.IMAGE_PULL.value, message="no such image")
    subject.show(
        attempt(meta={"name": "a1", "uid": "uid-1"}, status={"conditions": [pulls]}, taskRef={"name": "build"})
    )
    subject.seconds = SHORTEST_PAUSE
    subject.schedule(1)
    subject.run()
    await until(lambda: subject.poller.state.reason is Reason.TASK_NOT_READY)
    subject.poller.wake()
    for _ in range(50):
        await asyncio.sleep(0)
    assert subject.polls() == 0


async def test_a_change_of_the_peragotask_is_tried_at_once() -> None:
    """Its image may be another one now."""
    subject = Subject()
    subject.show(ended(1, "InvalidTask"))
    subject.run()
    await until(lambda: subject.poller.state.reason is Reason.TASK_NOT_READY)
    subject.poller.replace(peragotask(image="app:2"))
    await until(lambda: subject.polls() == 1)
