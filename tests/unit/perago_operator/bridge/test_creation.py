"""Every polled task becomes an attempt, or Conductor learns why not."""

import asyncio
from collections.abc import AsyncIterator
from math import nan
from typing import Any

import pytest

from perago.wire.depth import MOST_LEVELS
from perago_operator import pulse
from perago_operator.api.shared import Key
from perago_operator.api.task import PeragoTask
from perago_operator.bridge import creation as module
from perago_operator.bridge.claim import claim
from perago_operator.bridge.creation import Creation
from perago_operator.core.config import Config
from perago_operator.loops import Backoff
from perago_operator.ports import PolledTask, QuotaExceeded, Refused, Unreachable, WatchEvent
from perago_operator.watch.stores import AttemptStore
from tests.builders import attempt, completed, nested, task
from tests.fakes.conductor import FakeConductor
from tests.fakes.faulty import raising
from tests.fakes.kube import FakeCluster
from tests.fakes.waiting import in_time, until
from tests.faults.kinds import Held, lost

TASK = Key("ns", "build")
BUILD = PeragoTask.model_validate(task("build"))
AWAY = Unreachable("away")


class Subject:
    """Fakes, a store of the attempts that the watch has shown, and a creation whose retries wait for nothing."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.conductor = FakeConductor()
        self.shown = AttemptStore(lambda _: None)
        self.seconds = 0.0
        self.creation = Creation(
            self.cluster,
            self.conductor,
            self.shown,
            Config(),
            clock=lambda: self.seconds,
            backoff=lambda: Backoff(first=0, cap=0),
        )

    def show(self, name: str) -> None:
        """The watch shows an attempt."""
        self.shown.put(self.cluster.objects["PeragoAttempt", "ns", name])

    def follow(self, event: WatchEvent) -> None:
        """The watch shows what happens."""
        if event.kind == "DELETED":
            self.shown.remove(Key("ns", event.obj["metadata"]["name"]))
        else:
            self.shown.put(event.obj)

    async def polled(self, task_id: str = "t1") -> None:
        """A task is polled and handed over."""
        self.conductor.schedule("build", task_id, response_timeout_seconds=30)
        for polled in await self.conductor.poll("build", domain=None, worker_id="me", count=1, timeout_ms=0):
            self.creation.start(claim(polled, BUILD))

    async def later(self, seconds: float) -> None:
        """Time passes once creation has been tried in vain."""
        await until(lambda: "create_attempt" in self.cluster.faults.seen)
        self.seconds = seconds

    async def settled(self) -> None:
        """Everything under way has ended on its own."""
        await until(lambda: not self.creation._under_way)

    def attempts(self) -> list[str]:
        """Names of the attempts in the cluster."""
        return [name for kind, _, name in self.cluster.objects if kind == "PeragoAttempt"]


@pytest.fixture
async def subject() -> AsyncIterator[Subject]:
    """A subject; what is still under way at the end is canceled."""
    yield Subject()
    for left in asyncio.all_tasks() - {asyncio.current_task()}:
        left.cancel()


async def test_a_polled_task_becomes_an_attempt_named_after_it(subject: Subject) -> None:
    """The name is the deduplication."""
    await subject.polled("t1")
    await subject.settled()
    assert subject.attempts() == ["t1"]


async def test_a_task_handed_out_twice_is_one_attempt(subject: Subject) -> None:
    """Conductor may do that; AlreadyExists is success."""
    await subject.polled("t1")
    await subject.settled()
    again = claim((await _polled_again(subject))[0], BUILD)
    subject.creation.start(again)
    await subject.settled()
    assert subject.attempts() == ["t1"]


async def _polled_again(subject: Subject) -> list[PolledTask]:
    await subject.conductor.give_back(subject.conductor.tasks["t1"].identity)
    return await subject.conductor.poll("build", domain=None, worker_id="me", count=1, timeout_ms=0)


def ended(state: str) -> dict[str, Any]:
    """The status of an attempt that has an outcome, by how far Conductor has it."""
    return {"status": {"outcome": completed(), "reporting": {"state": state}}}


@pytest.mark.parametrize("watched", [True, False])
@pytest.mark.parametrize("state", ["Accepted", "Superseded"])
async def test_a_task_that_runs_again_under_its_id_has_a_new_attempt(
    subject: Subject, watched: bool, state: str
) -> None:
    """Conductor's rerun reuses task ids; the attempt of the first run has ended and serves nobody."""
    await subject.polled("t1")
    await subject.settled()
    first = subject.cluster.merge("PeragoAttempt", "ns", "t1", {**ended(state), "metadata": {"finalizers": []}})
    if watched:
        subject.cluster.listeners.append(subject.follow)
        subject.show("t1")
    subject.creation.start(claim((await _polled_again(subject))[0], BUILD))
    await subject.settled()
    assert subject.attempts() == ["t1"]
    assert subject.cluster.objects["PeragoAttempt", "ns", "t1"]["metadata"]["uid"] != first["metadata"]["uid"]


async def test_a_task_that_is_run_again_waits_for_the_end_of_its_former_run(subject: Subject) -> None:
    """Its attempt is at work still, and has yet to learn that nobody waits for it."""
    await subject.polled("t1")
    await subject.settled()
    first = subject.cluster.objects["PeragoAttempt", "ns", "t1"]
    subject.conductor.cancel("t1")
    subject.conductor.rerun("t1")
    polled = await subject.conductor.poll("build", domain=None, worker_id="me", count=1, timeout_ms=0)
    subject.creation.start(claim(polled[0], BUILD))
    await until(lambda: subject.conductor.faults.seen.count("read") > 2)
    assert subject.cluster.objects["PeragoAttempt", "ns", "t1"] == first
    subject.cluster.merge("PeragoAttempt", "ns", "t1", {**ended("Superseded"), "metadata": {"finalizers": []}})
    await subject.settled()
    second = subject.cluster.objects["PeragoAttempt", "ns", "t1"]
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    assert second["spec"]["conductor"]["startTime"] == polled[0].task.start_time


@pytest.mark.parametrize("returns", [True, False])
async def test_a_task_that_conductor_does_not_know_is_given_up_at_the_second_look(
    subject: Subject, returns: bool
) -> None:
    """Seconds apart: one answer leaves no task without an attempt."""
    subject.cluster.faults.on("create_attempt", raising(AWAY), None)
    await subject.polled("t1")
    task = subject.conductor.tasks.pop("t1")
    await subject.later(11)
    await until(lambda: subject.conductor.faults.seen.count("read") == 1)
    if returns:
        subject.conductor.tasks["t1"] = task
    await subject.later(30)
    await until(lambda: subject.conductor.faults.seen.count("read") == 2)
    subject.cluster.faults.clear()
    await subject.settled()
    assert subject.attempts() == (["t1"] if returns else [])


async def test_an_attempt_that_cannot_be_read_serves_its_task_like_any_other(subject: Subject) -> None:
    """An older CRD let it through: it gets an outcome, which is the task's."""
    strange = subject.cluster.add(attempt(meta={"name": "t1", "finalizers": []}, input="none"))
    await subject.polled("t1")
    await subject.settled()
    assert subject.cluster.objects["PeragoAttempt", "ns", "t1"] == strange
    subject.seconds = 31.0
    assert subject.creation.unseen(TASK) == frozenset()
    assert subject.conductor.tasks["t1"].status == "IN_PROGRESS"


@pytest.mark.parametrize(
    ("params", "words"), [(nested(MOST_LEVELS), "more than 100 levels"), ({"a": nan}, "the input.params.a is NaN")]
)
async def test_a_task_whose_input_no_attempt_can_have_fails_at_once(subject: Subject, params: Any, words: str) -> None:
    """Conductor takes a thousand levels; a retry would bring the same input."""
    subject.conductor.schedule("build", "t1", input_data={"params": params})
    polled = await subject.conductor.poll("build", domain=None, worker_id="me", count=1, timeout_ms=0)
    subject.creation.start(claim(polled[0], BUILD))
    await subject.settled()
    task = subject.conductor.tasks["t1"]
    assert (subject.attempts(), task.status) == ([], "FAILED_WITH_TERMINAL_ERROR")
    assert words in str(task.reason)


async def test_an_attempt_whose_result_is_still_reported_is_not_replaced(subject: Subject) -> None:
    """Conductor handed the task out twice; the first result counts, and the second claim ends with it."""
    await subject.polled("t1")
    await subject.settled()
    first = subject.cluster.merge("PeragoAttempt", "ns", "t1", ended("Pending"))
    subject.creation.start(claim((await _polled_again(subject))[0], BUILD))
    await until(lambda: subject.conductor.faults.seen.count("read") > 2)
    assert subject.creation.trouble(TASK) is None
    subject.conductor.cancel("t1")
    await subject.settled()
    assert subject.cluster.objects["PeragoAttempt", "ns", "t1"] == first


@pytest.mark.parametrize("error", [AWAY, Refused("no", status=400, message="bad request")], ids=["500", "400"])
async def test_a_read_that_conductor_does_not_answer_is_no_failure_of_the_api_server(
    subject: Subject, error: Exception
) -> None:
    """It neither stops polls nor fails the task, which runs again under its id once Conductor answers."""
    await subject.polled("t1")
    await subject.settled()
    subject.cluster.merge("PeragoAttempt", "ns", "t1", {**ended("Accepted"), "metadata": {"finalizers": []}})
    subject.conductor.faults.on("read", raising(error), None)
    subject.creation.start(claim((await _polled_again(subject))[0], BUILD))
    await until(lambda: subject.conductor.faults.seen.count("read") > 2)
    assert subject.creation.trouble(TASK) is None
    subject.conductor.faults.clear()
    await subject.settled()
    assert (subject.attempts(), subject.conductor.tasks["t1"].status) == (["t1"], "IN_PROGRESS")
    assert subject.cluster.objects["PeragoAttempt", "ns", "t1"].get("status") is None


@pytest.mark.parametrize("error", [AWAY, QuotaExceeded("full"), Refused("no", status=403, message="forbidden")])
async def test_creation_is_tried_until_it_succeeds(subject: Subject, error: Exception) -> None:
    """Nothing that may pass loses a task."""
    subject.cluster.faults.on("create_attempt", raising(error), 7)
    await subject.polled()
    await subject.settled()
    assert subject.attempts() == ["t1"]


async def test_a_creation_whose_answer_is_lost_is_not_a_second_attempt(subject: Subject) -> None:
    """The next try finds it there."""
    subject.cluster.faults.on("create_attempt", lost)
    await subject.polled()
    await subject.settled()
    assert subject.attempts() == ["t1"]


async def test_the_lease_is_extended_while_the_api_server_is_away(subject: Subject) -> None:
    """Else Conductor would time the task out."""
    subject.cluster.faults.on("create_attempt", raising(AWAY), None)
    await subject.polled()
    await subject.later(11.0)
    await until(lambda: subject.conductor.tasks["t1"].leases == 1)
    subject.cluster.faults.clear()
    await subject.settled()
    assert subject.attempts() == ["t1"]


async def test_a_call_that_hangs_holds_back_no_heartbeat(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server may take as long to answer as the task may wait."""
    monkeypatch.setattr(module, "heartbeat_period", lambda *_: 0.0)
    monkeypatch.setattr(pulse, "LEAST_SECONDS", 0.0)
    slow = Held()
    subject.cluster.faults.on("create_attempt", slow)
    await subject.polled()
    await until(lambda: subject.conductor.tasks["t1"].leases == 2)
    slow.release()
    await subject.settled()
    assert subject.cluster.faults.seen == ["create_attempt"]


async def test_no_lease_keeps_a_task_that_the_api_server_forbids(subject: Subject) -> None:
    """A forbidden attempt is nobody's outage: Conductor may give the task to somebody else."""
    subject.cluster.faults.on("create_attempt", raising(Refused("no", status=403, message="forbidden")), None)
    await subject.polled()
    await subject.later(11.0)
    await until(lambda: "read" in subject.conductor.faults.seen)
    assert "extend_lease" not in subject.conductor.faults.seen


async def test_a_task_that_conductor_has_ended_is_given_up(subject: Subject) -> None:
    """No attempt is created for a canceled task."""
    subject.cluster.faults.on("create_attempt", raising(AWAY), None)
    await subject.polled()
    subject.conductor.cancel("t1")
    await subject.later(11.0)
    await subject.settled()
    assert subject.attempts() == []


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_an_attempt_that_can_never_be_made_is_reported(subject: Subject, status: int) -> None:
    """Trying again would always fail, and so would a retry by Conductor."""
    subject.cluster.faults.on("create_attempt", raising(Refused("no", status=status, message="too large")), None)
    await subject.polled()
    await subject.settled()
    task = subject.conductor.tasks["t1"]
    assert (task.status, task.reason) == ("FAILED_WITH_TERMINAL_ERROR", "the attempt was refused: too large")


async def test_a_refusal_is_reported_until_conductor_takes_it(subject: Subject) -> None:
    """Otherwise the task would wait for its response time-out, and be handed out again."""
    subject.cluster.faults.on("create_attempt", raising(Refused("no", status=422, message="too large")), None)
    subject.conductor.faults.on("report", raising(AWAY), 3)
    await subject.polled()
    await subject.settled()
    assert subject.conductor.tasks["t1"].status == "FAILED_WITH_TERMINAL_ERROR"


async def test_a_created_attempt_counts_before_the_watch_shows_it(subject: Subject) -> None:
    """Otherwise a poller would take more than it has room for."""
    await subject.polled()
    await subject.settled()
    assert subject.creation.unseen(TASK) == {"t1"}
    subject.show("t1")
    assert subject.creation.unseen(TASK) == frozenset()


async def test_an_attempt_that_no_watch_ever_shows_stops_counting(subject: Subject) -> None:
    """It was deleted before the watch was there."""
    await subject.polled()
    await subject.settled()
    subject.seconds = 31.0
    assert subject.creation.unseen(TASK) == frozenset()


async def test_what_cannot_be_created_in_time_goes_back_to_conductor(subject: Subject) -> None:
    """At a shutdown nothing that was polled is lost: another replica gets it at once."""
    subject.cluster.faults.on("create_attempt", raising(AWAY), None)
    await subject.polled()
    await in_time(subject.creation.settle(0.01))
    assert subject.conductor.tasks["t1"].status == "SCHEDULED"


async def test_everything_goes_back_once_creation_has_ceased(subject: Subject) -> None:
    """What is under way, and what the last polls bring."""
    subject.cluster.faults.on("create_attempt", raising(AWAY), None)
    await subject.polled("t1")
    subject.creation.cease()
    await subject.polled("t2")
    await in_time(subject.creation.given_back(10))
    assert [subject.conductor.tasks[task].status for task in ("t1", "t2")] == ["SCHEDULED", "SCHEDULED"]


REFUSED = Refused("no", status=403, message="forbidden")


@pytest.mark.parametrize(
    ("error", "concerned"),
    [(AWAY, {"build", "neighbour"}), (QuotaExceeded("full"), {"build", "neighbour"}), (REFUSED, {"build"})],
    ids=["no answer", "quota", "forbidden"],
)
async def test_a_creation_that_fails_is_a_reason_not_to_poll(
    subject: Subject, error: Exception, concerned: set[str]
) -> None:
    """For its own PeragoTask, and for its whole namespace if that is full or its webhook is away; for no other."""
    peragotasks = [TASK, Key("ns", "neighbour"), Key("another", "elsewhere")]
    subject.cluster.faults.on("create_attempt", raising(error), None)
    await subject.polled()
    await until(lambda: subject.creation.trouble(TASK) is not None)
    assert {key.name for key in peragotasks if subject.creation.trouble(key)} == concerned
    subject.cluster.faults.clear()
    await subject.settled()
    assert subject.creation.trouble(TASK) is None


async def test_what_goes_back_at_the_end_is_not_lost_with_leadership(subject: Subject) -> None:
    """The end is given up while Conductor is slow; what it had begun to give back goes back once."""
    subject.cluster.faults.on("create_attempt", raising(AWAY), None)
    slow = Held()
    subject.conductor.faults.on("give_back", slow)
    await subject.polled()
    settling = asyncio.create_task(subject.creation.settle(0))
    await slow.reached()
    settling.cancel()
    subject.creation.cease()
    slow.release()
    await in_time(subject.creation.given_back(10))
    assert subject.conductor.faults.seen.count("give_back") == 1
    assert subject.conductor.tasks["t1"].status == "SCHEDULED"


async def test_settling_awaits_creations_under_way(subject: Subject) -> None:
    """A slow API server has the time of the shutdown."""
    subject.cluster.faults.on("create_attempt", raising(AWAY), 3)
    await subject.polled()
    await in_time(subject.creation.settle(10))
    assert subject.attempts() == ["t1"]
    assert subject.conductor.tasks["t1"].status == "IN_PROGRESS"
