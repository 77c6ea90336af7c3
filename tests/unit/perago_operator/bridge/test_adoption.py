"""A task that was polled and has no attempt gets one, unless it is anybody else's."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from perago_operator.bridge import adoption as module
from perago_operator.bridge.adoption import Adoption, Fate, Finding, fate, pause, worker_name
from perago_operator.bridge.claim import claim
from perago_operator.bridge.creation import Creation
from perago_operator.core.config import Config
from perago_operator.core.names import ATTEMPT_FINALIZER, same_installation
from perago_operator.loops import Backoff
from perago_operator.ports import PolledTask, Refused, Unreachable, WatchEvent, key_of
from perago_operator.watch.stores import Stores
from tests import builders as b
from tests.fakes.conductor import FakeConductor
from tests.fakes.faulty import raising
from tests.fakes.kube import FakeCluster
from tests.fakes.waiting import until
from tests.faults.kinds import lost

OURS, FORMER = worker_name("pod-2", "ns.perago", "uid-1"), worker_name("pod-1", "ns.perago", "uid-1")
ANOTHER = worker_name("pod-2", "ns.perago", "uid-2")
AWAY = Unreachable("away")

FATES = {
    "polled by a former leader": (Finding(FORMER), Fate.ADOPT),
    "polled by a former leader, and served by nobody": (Finding(FORMER, served=False), Fate.GIVE_BACK),
    "polled by ourselves, perhaps a moment ago": (Finding(OURS), Fate.LOOK_AGAIN),
    "polled by ourselves, and served by nobody": (Finding(OURS, served=False), Fate.LOOK_AGAIN),
    "polled by ourselves, and found twice": (Finding(OURS, seen_before=True), Fate.ADOPT),
    "found twice, and served by nobody": (Finding(OURS, seen_before=True, served=False), Fate.GIVE_BACK),
    "polled in another cluster": (Finding(ANOTHER, seen_before=True), Fate.LEAVE),
    "polled by another installation": (Finding(worker_name("pod-2", "x.perago", "uid-1")), Fate.LEAVE),
    "polled by another program": (Finding("pod-2", seen_before=True), Fate.LEAVE),
    "polled by nobody": (Finding("", seen_before=True, served=False), Fate.LEAVE),
    "it has an attempt": (Finding(FORMER, has_attempt=True, seen_before=True), Fate.LEAVE),
    "a former run may come back to life": (Finding(FORMER, former_is_held=True, seen_before=True), Fate.LOOK_AGAIN),
    "its workflow has ended": (Finding(FORMER, workflow_ended=True), Fate.LEAVE),
    "it has an attempt, and its PeragoTask is gone": (Finding(FORMER, has_attempt=True, served=False), Fate.LEAVE),
}


@pytest.mark.parametrize(("finding", "want"), FATES.values(), ids=FATES)
def test_what_becomes_of_a_task(finding: Finding, want: Fate) -> None:
    """Only what this installation has polled and nobody works on is touched."""
    assert fate(finding, OURS) is want


def test_a_worker_id_names_replica_and_installation() -> None:
    """It is shown in Conductor's UI."""
    assert worker_name("perago-7d9f-x2x", "jobs.perago", "6b9f") == "perago-7d9f-x2x@jobs.perago/6b9f"


def test_installations_are_told_apart() -> None:
    """By name and by the Lease's UID; without a UID nothing is known."""
    assert same_installation(OURS, FORMER)
    assert same_installation(worker_name("a@b", "ns.perago", "uid-1"), OURS)
    assert not same_installation(ANOTHER, OURS)
    assert not same_installation(worker_name("a", "ns.perago", ""), worker_name("a", "ns.perago", ""))
    assert not same_installation("", "")


class Subject:
    """Fakes, what their watches show, and a leader's adoption over them."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.conductor = FakeConductor()
        self.stores = Stores(lambda _: None)
        self.seconds = 0.0
        self.cluster.listeners.append(self._show)
        self.creation, self.adoption = self.leader()
        self.cluster.add(b.task("build", taskType="build"))

    def _show(self, event: WatchEvent) -> None:
        store = self._store(event.obj["kind"])
        store.remove(key_of(event.obj)) if event.kind == "DELETED" else store.put(event.obj)

    def _store(self, kind: str) -> Any:
        return {"PeragoAttempt": self.stores.attempts, "PeragoTask": self.stores.tasks}[kind]

    def leader(self, worker_id: str = OURS) -> tuple[Creation, Adoption]:
        """What a leader begins with."""
        attempts, tasks = self.stores.attempts, self.stores.tasks
        creation = Creation(
            self.cluster,
            self.conductor,
            attempts,
            Config(),
            clock=lambda: self.seconds,
            backoff=lambda: Backoff(first=0, cap=0),
        )
        return creation, Adoption(
            self.conductor, creation, attempts, tasks, lambda: worker_id, clock=lambda: self.seconds
        )

    async def polled(self, task_id: str = "t1", by: str = FORMER, **more: Any) -> PolledTask:
        """A task is handed out."""
        self.conductor.schedule("build", task_id, response_timeout_seconds=30, **more)
        domain = more.get("domain")
        [polled] = await self.conductor.poll("build", domain=domain, worker_id=by, count=1, timeout_ms=0)
        return polled

    async def look(self) -> None:
        """Look once, let what is adopted become attempts, and let the time pass that a second look waits for."""
        await self.adoption.look()
        await until(lambda: not self.creation._under_way)
        self.seconds += module.SECOND_LOOK_SECONDS

    def attempts(self) -> list[str]:
        """Names of the attempts that exist."""
        return sorted(name for kind, _, name in self.cluster.objects if kind == "PeragoAttempt")

    def status(self, task_id: str = "t1") -> str:
        """A task's status in Conductor."""
        return self.conductor.tasks[task_id].status


@pytest.fixture
async def subject() -> AsyncIterator[Subject]:
    """A subject; what is still under way at the end is canceled."""
    yield Subject()
    for left in asyncio.all_tasks() - {asyncio.current_task()}:
        left.cancel()


async def test_what_a_killed_leader_had_polled_gets_an_attempt(subject: Subject) -> None:
    """Its response time-out begins anew, and its input is the attempt's, as if it had been polled just now."""
    polled = await subject.polled(input_data={"params": {"n": 1}})
    await subject.look()
    [attempt] = subject.stores.attempts
    expected = claim(polled, next(iter(subject.stores.tasks))).manifest["spec"]
    assert subject.cluster.objects["PeragoAttempt", "ns", "t1"]["spec"] == expected
    assert (attempt.metadata.name, subject.conductor.tasks["t1"].leases) == ("t1", 1)


@pytest.mark.parametrize("kept", [True, False], ids=["created", "not created"])
async def test_a_kill_while_an_attempt_is_created_loses_and_doubles_nothing(subject: Subject, kept: bool) -> None:
    """The call may have landed or not."""
    dying, _ = subject.leader(FORMER)
    subject.cluster.faults.on("create_attempt", lost if kept else raising(AWAY))
    dying.start(claim(await subject.polled(), next(iter(subject.stores.tasks))))
    await until(lambda: "create_attempt" in subject.cluster.faults.seen)
    dying.kill()
    await subject.look()
    assert (subject.attempts(), subject.status()) == (["t1"], "IN_PROGRESS")


async def test_a_lost_answer_to_our_own_poll_is_made_up_for(subject: Subject) -> None:
    """At the second look, for the first one may have come between the poll and its answer."""
    await subject.polled(by=OURS)
    await subject.look()
    assert (subject.attempts(), subject.conductor.tasks["t1"].leases) == ([], 0)
    await subject.look()
    assert subject.attempts() == ["t1"]


async def test_what_became_an_attempt_meanwhile_is_left_alone(subject: Subject) -> None:
    """Only its own reconciler writes to its task."""
    polled = await subject.polled(by=OURS)
    await subject.look()
    subject.creation.start(claim(polled, next(iter(subject.stores.tasks))))
    await subject.look()
    await subject.look()
    assert (subject.attempts(), subject.conductor.tasks["t1"].leases) == (["t1"], 0)
    assert subject.conductor.faults.seen.count("find") == 1


async def test_a_claim_under_way_is_left_alone(subject: Subject) -> None:
    """It looks after its task itself."""
    subject.cluster.faults.on("create_attempt", raising(AWAY), None)
    subject.creation.start(claim(await subject.polled(by=OURS), next(iter(subject.stores.tasks))))
    await subject.adoption.look()
    await subject.adoption.look()
    assert "find" not in subject.conductor.faults.seen


async def test_what_others_polled_is_left_alone(subject: Subject) -> None:
    """However often it is found."""
    await subject.polled("t1", by=ANOTHER)
    await subject.polled("t2", by="somebody")
    for _ in range(3):
        await subject.look()
    assert (subject.attempts(), subject.status("t1"), subject.status("t2")) == ([], "IN_PROGRESS", "IN_PROGRESS")
    assert not {"extend_lease", "give_back"} & set(subject.conductor.faults.seen)


async def test_a_paused_peragotask_adopts(subject: Subject) -> None:
    """A pause ends no work that had begun."""
    await subject.polled()
    subject.cluster.merge("PeragoTask", "ns", "build", {"spec": {"paused": True}})
    await subject.look()
    assert subject.attempts() == ["t1"]


@pytest.mark.parametrize("domain", [None, "north"])
async def test_the_peragotask_of_the_domain_adopts(subject: Subject, domain: str | None) -> None:
    """Its attempts run with its settings."""
    subject.cluster.add(b.task("northern", taskType="build", domain="north"))
    await subject.polled(domain=domain)
    await subject.look()
    [attempt] = subject.stores.attempts
    assert attempt.spec.task_ref is not None
    assert attempt.spec.task_ref.name == ("northern" if domain else "build")
    assert attempt.spec.conductor is not None
    assert attempt.spec.conductor.domain == domain


async def test_what_no_peragotask_serves_any_more_goes_back(subject: Subject) -> None:
    """An attempt that is left of the deleted PeragoTask tells which type to look for."""
    first = await subject.polled("t1")
    subject.cluster.add(b.attempt(meta={"name": "t1"}, conductor=first.task.to_json()))
    await subject.polled("t2")
    subject.stores.tasks.remove(next(iter(subject.stores.tasks)).metadata.key)
    await subject.look()
    assert (subject.attempts(), subject.status("t1"), subject.status("t2")) == (["t1"], "IN_PROGRESS", "SCHEDULED")


async def test_a_task_that_has_ended_meanwhile_is_left_alone(subject: Subject) -> None:
    """The index is late."""
    await subject.polled()
    subject.conductor.cancel("t1")

    subject.conductor.late_in_index = ["t1", "unknown"]
    await subject.look()
    assert (subject.attempts(), subject.status()) == ([], "CANCELED")


async def test_a_task_is_adopted_once(subject: Subject) -> None:
    """Otherwise looks would keep one alive whose attempt exists, but is not shown by any watch."""
    subject.cluster.objects["PeragoAttempt", "ns", "t1"] = b.attempt(meta={"name": "t1"})
    await subject.polled()
    for _ in range(3):
        await subject.look()
        subject.seconds += 60
    assert subject.conductor.tasks["t1"].leases == 1


def former(*finalizers: str, state: str = "Accepted") -> dict[str, Any]:
    """The attempt of the task's first run, which has failed."""
    status = {"outcome": b.failure(), "reporting": {"state": state}}
    return b.attempt(status=status, meta={"name": "t1", "uid": "first", "finalizers": list(finalizers)})


async def test_a_rerun_whose_poll_was_lost_is_adopted(subject: Subject) -> None:
    """The attempt of the first run makes way, as it does for a rerun that a poll has brought."""
    subject.cluster.add(former())
    await subject.polled()
    await subject.look()
    assert subject.cluster.objects["PeragoAttempt", "ns", "t1"]["metadata"]["uid"] != "first"
    assert subject.status() == "IN_PROGRESS"


async def test_a_second_rerun_is_adopted_too(subject: Subject) -> None:
    """Each run was polled for itself."""
    await subject.polled()
    await subject.look()
    await subject.look()
    subject.cluster.merge("PeragoAttempt", "ns", "t1", {**former(), "metadata": {"uid": "second", "finalizers": []}})
    await subject.look()
    assert subject.cluster.objects["PeragoAttempt", "ns", "t1"]["metadata"]["uid"] != "second"


@pytest.mark.parametrize(
    "first", [former(ATTEMPT_FINALIZER), former(state="Pending")], ids=["it is held", "it is being reported"]
)
async def test_a_first_run_that_may_have_come_back_to_life_is_left_alone(
    subject: Subject, first: dict[str, Any]
) -> None:
    """A late heartbeat does that; its own reconciler reports the result once more."""
    subject.cluster.add(first)
    await subject.polled()
    await subject.look()
    await subject.look()
    assert subject.cluster.objects["PeragoAttempt", "ns", "t1"]["metadata"]["uid"] == "first"
    assert subject.conductor.tasks["t1"].leases == 0


@pytest.mark.parametrize(
    "first", [former(ATTEMPT_FINALIZER), former(state="Pending")], ids=["it is held", "it is being reported"]
)
async def test_a_rerun_is_kept_alive_until_its_former_run_is_over(subject: Subject, first: dict[str, Any]) -> None:
    """Its start time tells it from a former run that has come back to life."""
    first["spec"]["conductor"]["startTime"] = 5
    subject.cluster.add(first)
    await subject.polled()
    looking = asyncio.create_task(subject.adoption.look())
    await until(lambda: subject.conductor.tasks["t1"].leases > 0)
    await looking
    assert subject.creation.is_creating("t1")


async def test_a_task_of_a_workflow_that_has_ended_is_left_alone(subject: Subject) -> None:
    """A late heartbeat has brought it back to life, and nobody waits for its result."""
    await subject.polled()
    subject.conductor.workflows["workflow-of-t1"].status = "FAILED"
    await subject.look()
    assert (subject.attempts(), subject.conductor.tasks["t1"].leases) == ([], 0)


async def test_a_workflow_that_is_unknown_is_asked_for_once_more(subject: Subject) -> None:
    """One answer does not leave a task to its time-out."""
    await subject.polled()
    del subject.conductor.workflows["workflow-of-t1"]
    await subject.look()
    assert subject.adoption._undecided == {"t1": 0.0}
    await subject.look()
    assert (subject.attempts(), subject.adoption._undecided) == ([], {})


async def test_a_type_that_conductor_refuses_stops_no_other(subject: Subject) -> None:
    """Its name may be one that a search cannot hold."""
    subject.cluster.add(b.task("another", taskType="another"))
    refusal = Refused("Incorrectly formatted query string", status=400, message="")
    subject.conductor.faults.on("in_progress", raising(refusal))
    await subject.polled()
    await subject.look()
    assert subject.attempts() == ["t1"]


async def test_a_conductor_that_does_not_answer_decides_nothing(subject: Subject, monkeypatch: Any) -> None:
    """Looks go on until it does."""
    monkeypatch.setattr(module, "SECOND_LOOK_SECONDS", 0.0)
    subject.creation, subject.adoption = subject.leader()
    await subject.polled("t1")
    for call in ("in_progress", "find", "extend_lease"):
        subject.conductor.faults.on(call, raising(AWAY))
    looking = asyncio.create_task(subject.adoption.run())
    await until(lambda: subject.attempts() == ["t1"])
    assert not looking.done()


async def test_looks_go_on(subject: Subject, monkeypatch: Any) -> None:
    """What a later poll loses is found, too."""
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(module, "SECOND_LOOK_SECONDS", 0.0)
    looking = asyncio.create_task(subject.adoption.run())
    await until(lambda: "in_progress" in subject.conductor.faults.seen)
    await subject.polled(by=OURS)
    await until(lambda: subject.attempts() == ["t1"])
    looking.cancel()


async def test_a_poll_that_fails_is_followed_by_two_looks(subject: Subject, monkeypatch: Any) -> None:
    """Soon, and when the poll is certainly over, even if the first one finds nothing: the index may be late."""
    monkeypatch.setattr(module, "SECOND_LOOK_SECONDS", 0.0)
    monkeypatch.setattr(module, "FIRST_LOOK_SECONDS", 0.0)
    looking = asyncio.create_task(subject.adoption.run())
    looks = subject.conductor.faults.seen
    await _rest(looks, 2)
    subject.adoption.poll_failed()
    await _rest(looks, 4)
    looking.cancel()


async def test_a_poll_that_fails_is_not_looked_for_late(subject: Subject, monkeypatch: Any) -> None:
    """A leader that waits for its second look looks soon, or a lost answer would cost twice the time."""
    monkeypatch.setattr(module, "FIRST_LOOK_SECONDS", 0.0)
    looking = asyncio.create_task(subject.adoption.run())
    looks = subject.conductor.faults.seen
    await _rest(looks, 1)
    subject.adoption.poll_failed()
    await _rest(looks, 2)
    looking.cancel()


async def test_a_look_that_comes_early_decides_nothing(subject: Subject) -> None:
    """Another poll has failed meanwhile: the answer to this one may still be under way."""
    await subject.polled(by=OURS)
    await subject.look()
    subject.seconds -= 1
    await subject.look()
    assert subject.attempts() == []
    subject.seconds = module.SECOND_LOOK_SECONDS
    await subject.look()
    assert subject.attempts() == ["t1"]


@pytest.mark.parametrize(
    ("undecided", "poll_failed", "seconds"),
    [([], False, 300.0), ([], True, 25.0), ([90.0, 95.0], False, 15.0), ([99.0], True, 24.0), ([60.0], False, 0.0)],
)
def test_the_next_look_is_when_something_can_be_decided(
    undecided: list[float], poll_failed: bool, seconds: float
) -> None:
    """At the latest, and not later than a poll without an answer can take."""
    assert pause(undecided, 100.0, poll_failed=poll_failed) == seconds


async def test_a_new_leader_looks_twice(subject: Subject, monkeypatch: Any) -> None:
    """A poll of the leader before may be under way at its first look."""
    monkeypatch.setattr(module, "SECOND_LOOK_SECONDS", 0.0)
    looking = asyncio.create_task(subject.adoption.run())
    await _rest(subject.conductor.faults.seen, 2)
    looking.cancel()


async def _rest(looks: list[str], count: int) -> None:
    """So many looks, and no more."""
    await until(lambda: looks.count("in_progress") == count)
    for _ in range(20):
        await asyncio.sleep(0)
    assert looks.count("in_progress") == count
