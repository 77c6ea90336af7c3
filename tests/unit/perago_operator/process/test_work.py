"""A leader at work over fakes: nothing before the lists, everything afterwards, and an end without losses."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from perago_operator.loops import Backoff
from perago_operator.ports import Refused, Unreachable
from tests import builders as b
from tests.fakes.faulty import raising
from tests.fakes.waiting import in_time, until
from tests.faults.kinds import Held, passed, silent
from tests.unit.perago_operator.replica import Replica, at_work


class Subject(Replica):
    """A replica of which only the work is run."""

    def __init__(self, namespaces: tuple[str | None, ...] = (None,), **settings: Any) -> None:
        super().__init__(namespaces, **settings)
        self.work = self.operator.work
        self.running: asyncio.Task[None] | None = None

    def run(self) -> asyncio.Task[None]:
        """Start to work."""
        self.running = asyncio.create_task(self.work.run())
        return self.running

    def polling(self, name: str) -> dict[str, Any]:
        """The condition of a PeragoTask that says whether it polls."""
        conditions = self.cluster.objects["PeragoTask", "ns", name].get("status", {}).get("conditions", [])
        return next((one for one in conditions if one["type"] == "Polling"), {"reason": "none yet"})

    def tasks_of_attempts(self) -> dict[str, str]:
        """The PeragoTask of each attempt."""
        attempts = {name: obj for (kind, _, name), obj in self.cluster.objects.items() if kind == "PeragoAttempt"}
        return {name: obj["spec"]["taskRef"]["name"] for name, obj in attempts.items()}

    async def end(self, seconds: float) -> None:
        """Stop working, as a replica does at its end."""
        if self.running is not None:
            self.running.cancel()
            await asyncio.gather(self.running, return_exceptions=True)
        await self.work.stop(seconds)


@pytest.fixture
async def subject() -> AsyncIterator[Subject]:
    """A subject with one PeragoTask."""
    subject = Subject()
    subject.cluster.add(b.task("build", taskType="build", maxConcurrency=5))
    yield subject
    await subject.end(0.1)


def pollers() -> list[str]:
    """The polling loops that have not ended."""
    return [name for name in at_work() if name.startswith("poll for")]


async def test_a_scheduled_task_becomes_an_attempt_and_a_pod(subject: Subject) -> None:
    """From Conductor's queue to the API server, without a look at a clock."""
    subject.run()
    subject.conductor.schedule("build", "t1")
    await until(lambda: subject.pod_names() == ["t1-1"])
    assert subject.polled == [("build", 1)]


@pytest.mark.parametrize("missing", ["attempts", "tasks", "pods"])
async def test_nothing_is_done_before_everything_is_listed(subject: Subject, missing: str) -> None:
    """An attempt that is there already gets its pod only when attempts, PeragoTasks and pods are all known."""
    subject.cluster.add(b.attempt(standalone=True))
    broken = getattr(subject, missing)
    broken.faults.on("page", raising(Unreachable("away")), None)
    subject.conductor.schedule("build", "t1")
    subject.run()
    await until(lambda: all("page" in feed.faults.seen for feed in subject.feeds))
    await subject.rest()
    assert (subject.calls(), subject.work.working, subject.work.active) == ([], False, 0)
    broken.faults.clear()
    await until(lambda: subject.pod_names() == ["a1-1", "t1-1"])


REFUSED = Refused("GET …: HTTP 403: the operator may not", status=403, message="the operator may not")


class TwoNamespaces(Subject):
    """A replica that serves two namespaces, of which the API server refuses the second, in part or as a whole."""

    def __init__(self) -> None:
        super().__init__(("ns", "other"))
        self.refusing = dict(zip(("attempts", "tasks", "pods"), self.feeds_of(self.scopes[1]), strict=True))

    def refuse(self, *kinds: str) -> None:
        """These kinds of objects cannot be listed any more; a watch that is open notices that at its end."""
        for kind in kinds:
            self.refusing[kind].faults.on("page", raising(REFUSED), None)
            if self.work.working:
                self.refusing[kind].faults.on("watch", raising(REFUSED))
                self.refusing[kind].end()

    def allow(self) -> None:
        """All of it can be listed again."""
        for feed in self.refusing.values():
            feed.faults.clear()


@pytest.fixture
async def two(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TwoNamespaces]:
    """A subject with a PeragoTask and an attempt in each namespace; what is refused is tried again at once."""
    monkeypatch.setattr(Backoff, "delay", lambda _: 0.0)
    two = TwoNamespaces()
    for namespace in ("ns", "other"):
        metadata = b.metadata("build", f"uid-build-{namespace}", namespace=namespace)
        two.cluster.add(b.task("build", taskType=namespace) | {"metadata": metadata})
        meta = {"name": f"a-{namespace}", "namespace": namespace, "uid": f"uid-{namespace}"}
        two.cluster.add(b.attempt(standalone=True, meta=meta))
    yield two
    await two.end(0.1)


@pytest.mark.parametrize("kinds", [("attempts", "tasks", "pods"), ("attempts",), ("tasks",), ("pods",)])
async def test_a_namespace_that_refuses_is_in_nobodys_way(two: TwoNamespaces, kinds: tuple[str, ...]) -> None:
    """It is being deleted, or its Role is gone: the others are served, and no probe fails for as long as it lasts."""
    two.refuse(*kinds)
    two.run()
    await until(lambda: two.work.working and two.pod_names() == ["a-ns-1"])
    two.seconds = 400.0
    refusing = [watch for watch in two.work.watches if watch.name in {f"{kind} of other" for kind in kinds}]
    await until(lambda: all(watch.silent_seconds() == 0 for watch in refusing))
    assert two.operator.health(bytes).ready["work"]() is None
    two.allow()
    await until(lambda: two.pod_names() == ["a-ns-1", "a-other-1"])


async def test_a_namespace_that_refuses_later_is_left_alone_until_it_does_not(two: TwoNamespaces) -> None:
    """Nobody can say what has become of its attempts and pods, and Conductor may hand its tasks to others."""
    two.run()
    await until(lambda: two.work.working and two.pod_names() == ["a-ns-1", "a-other-1"])
    two.refuse("pods")
    await until(lambda: "other" not in two.work.served)
    two.cluster.merge("PeragoAttempt", "other", "a-other", {"spec": {"cancel": True}})
    two.cluster.merge("PeragoAttempt", "ns", "a-ns", {"spec": {"cancel": True}})
    await until(lambda: "deletionTimestamp" in two.cluster.objects["Pod", "ns", "a-ns-1"]["metadata"])
    await until(lambda: two.refusing["pods"].faults.seen.count("page") > 1)
    assert "deletionTimestamp" not in two.cluster.objects["Pod", "other", "a-other-1"]["metadata"]
    two.allow()
    await until(lambda: "deletionTimestamp" in two.cluster.objects["Pod", "other", "a-other-1"]["metadata"])


async def test_a_watch_of_peragotasks_that_is_refused_later_ends_no_other(two: TwoNamespaces) -> None:
    """kopf ends as a whole when one of its requests is refused."""
    two.watch_refuses["other"] = REFUSED
    two.refusing["tasks"].faults.on("page", passed)
    two.refuse("tasks")
    two.run()
    await until(lambda: two.work.working)
    two.refused.set()
    await until(lambda: "other" not in two.work.served)
    await until(lambda: two.refusing["tasks"].faults.seen.count("page") > 1)
    assert two.running is not None
    assert not two.running.done()
    two.allow()
    await until(lambda: "other" in two.work.served)


async def test_nothing_is_polled_before_attempts_are_watched(subject: Subject) -> None:
    """A poller counts the attempts that the watch has shown."""
    subject.watch_begins.clear()
    subject.cluster.add(b.attempt(standalone=True))
    subject.run()
    await until(lambda: subject.pod_names() == ["a1-1"])
    await subject.rest()
    assert (pollers(), subject.work.working) == ([], False)
    subject.watch_begins.set()
    await subject.until_polled()


@pytest.mark.parametrize("end", ["outcome", "deletion"])
async def test_an_attempt_that_ends_makes_room_for_a_poll_at_once(
    subject: Subject, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poller hears of it from the watch, not when it looks again or when the PeragoTask's status is written."""
    monkeypatch.setattr("perago_operator.bridge.pollers.STATUS_SECONDS", 3600.0)
    subject.cluster.merge("PeragoTask", "ns", "build", {"spec": {"maxConcurrency": 1}})
    subject.run()
    subject.conductor.schedule("build", "t1")
    await until(lambda: subject.pod_names() == ["t1-1"])
    subject.conductor.schedule("build", "t2")
    await subject.rest()
    assert ("PeragoAttempt", "ns", "t2") not in subject.cluster.objects
    if end == "outcome":
        subject.cluster.merge("PeragoAttempt", "ns", "t1", {"status": {"outcome": b.completed()}})
    else:
        subject.cluster.merge("PeragoAttempt", "ns", "t1", {"metadata": {"finalizers": None}})
        await subject.rest()
        subject.cluster.delete("PeragoAttempt", "ns", "t1")
    await until(lambda: ("PeragoAttempt", "ns", "t2") in subject.cluster.objects)


async def test_a_part_that_ends_ends_the_work(subject: Subject) -> None:
    """A process that no longer watches must not look alive."""
    running = subject.run()
    await until(lambda: subject.work.working)
    subject.watch_ends.set()
    with pytest.raises(RuntimeError, match="watch tasks has ended"):
        await in_time(running)


async def test_the_end_loses_nothing_that_was_polled(subject: Subject) -> None:
    """What the last poll brought is an attempt, and no poll follows it."""
    subject.run()
    await subject.until_polled()
    ids = [subject.conductor.schedule("build") for _ in range(3)]
    await subject.end(5)
    for task_id in ids:
        taken = subject.conductor.tasks[task_id].status == "IN_PROGRESS"
        assert taken == (("PeragoAttempt", "ns", task_id) in subject.cluster.objects)
    assert pollers() == []


async def test_the_end_waits_for_the_attempts_of_what_was_polled(subject: Subject) -> None:
    """Only this process knows that the task was handed out."""
    created = Held()
    subject.cluster.faults.on("create_attempt", created)
    subject.run()
    subject.conductor.schedule("build", "t1")
    await created.reached()
    ending = asyncio.create_task(subject.end(3600))
    await until(lambda: pollers() == [])
    await subject.rest()
    assert not ending.done()
    created.release()
    await in_time(ending)


def run_with_a_younger_peragotask(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work beside a PeragoTask `another` for the same queue, with statuses that are written at once."""
    monkeypatch.setattr("perago_operator.bridge.pollers.STATUS_SECONDS", 0.0)
    younger = b.task("another", taskType="build")
    subject.cluster.add(younger | {"metadata": younger["metadata"] | {"creationTimestamp": b.stamp(1)}})
    subject.run()


async def test_of_two_peragotasks_for_a_queue_the_older_serves(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The younger one says so, and takes over once the older one is gone."""
    run_with_a_younger_peragotask(subject, monkeypatch)
    subject.conductor.schedule("build", "t1")
    await until(lambda: "t1" in subject.tasks_of_attempts())
    await until(lambda: subject.polling("another")["reason"] == "TaskTypeServed")
    assert subject.polling("another")["status"] == "False"
    assert subject.polling("another")["message"].startswith("PeragoTask ns/build, which is older, takes the tasks of")
    subject.cluster.delete("PeragoTask", "ns", "build")
    await until(lambda: subject.polling("another")["reason"] == "Polling")
    subject.conductor.schedule("build", "t2")
    await until(lambda: "t2" in subject.tasks_of_attempts())
    assert subject.tasks_of_attempts() == {"t1": "build", "t2": "another"}


async def test_a_peragotask_with_a_domain_of_its_own_serves_beside_another(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it gets it later."""
    run_with_a_younger_peragotask(subject, monkeypatch)
    await until(lambda: subject.polling("another")["reason"] == "TaskTypeServed")
    subject.cluster.merge("PeragoTask", "ns", "another", {"spec": {"domain": "north"}})
    subject.conductor.schedule("build", "t1", domain="north")
    await until(lambda: subject.tasks_of_attempts() == {"t1": "another"})


@pytest.mark.parametrize("change", ["paused", "deleted"])
async def test_what_was_polled_becomes_an_attempt_whatever_happens_to_its_peragotask(
    subject: Subject, change: str
) -> None:
    """Conductor has handed it out: the attempt says what it waits for."""
    subject.cluster.faults.on("create_attempt", raising(Unreachable("away")), None)
    subject.run()
    subject.conductor.schedule("build", "t1")
    await until(lambda: "create_attempt" in subject.cluster.faults.seen)
    if change == "paused":
        subject.cluster.merge("PeragoTask", "ns", "build", {"spec": {"paused": True}})
    else:
        subject.cluster.delete("PeragoTask", "ns", "build")
    subject.cluster.faults.clear()
    await until(lambda: subject.tasks_of_attempts() == {"t1": "build"})
    assert subject.conductor.tasks["t1"].status == "IN_PROGRESS"


async def test_a_deleted_peragotask_is_polled_for_no_more(subject: Subject) -> None:
    """Its poller ends with the poll that is under way."""
    subject.run()
    await subject.until_polled()
    subject.cluster.delete("PeragoTask", "ns", "build")
    await until(lambda: pollers() == [])
    subject.conductor.schedule("build", "late")
    await subject.rest()
    assert subject.conductor.tasks["late"].status == "SCHEDULED"


async def test_the_end_has_a_limit(subject: Subject) -> None:
    """A Conductor that does not answer must not keep the next leader waiting."""
    subject.conductor.faults.on("poll", silent)
    subject.run()
    await subject.until_polled()
    async with asyncio.timeout(4):
        await subject.end(0.1)


async def test_nothing_goes_on_beside_the_next_leader(subject: Subject) -> None:
    """While tasks are given back, nothing but the last poll goes on: no sweep of staging branches, no watch."""
    slow = Held()
    running = subject.run()
    await until(lambda: subject.work.working)
    subject.cluster.faults.on("create_attempt", raising(Unreachable("away")), None)
    subject.conductor.faults.on("give_back", slow)
    subject.conductor.schedule("build", "t1")
    await until(lambda: "create_attempt" in subject.cluster.faults.seen)
    assert "sweep of staging branches" in at_work()
    running.cancel()
    giving_back = asyncio.create_task(subject.work.give_back(10), name="give back all")
    await slow.reached()
    assert set(at_work()) - {"poll for build"} == {"give back all", "give back ns/t1"}
    slow.release()
    await in_time(giving_back)


async def test_the_sweep_can_be_switched_off() -> None:
    """Then no part of the work waits for nothing."""
    subject = Subject(sweep_seconds=0)
    subject.run()
    await until(lambda: subject.work.working)
    assert "sweep of staging branches" not in at_work()
    await subject.end(0.1)


async def test_a_kill_ends_everything_at_once(subject: Subject) -> None:
    """Polls, creations, looks and watches: nothing goes on that could disturb the next leader."""
    create_pod = Held()
    subject.cluster.faults.on("create_pod", create_pod)
    subject.cluster.add(b.attempt(standalone=True))
    running = subject.run()
    await create_pod.reached()
    await until(lambda: subject.work.working)
    subject.cluster.faults.on("create_attempt", raising(Unreachable("away")), None)
    subject.conductor.schedule("build", "t1")
    await until(lambda: "create_attempt" in subject.cluster.faults.seen)
    assert {"attempt ns/a1", "create attempt ns/t1", "poll for build", "status of build", "watch pods"} <= set(
        at_work()
    )
    running.cancel()
    subject.work.kill()
    await subject.rest()
    assert at_work() == []
