"""What must hold in every course of events, checked from the servers alone; it shares no decision with the operator.

`Watcher` looks each second while things happen, `at_the_end` once when nothing is left to do.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from perago.wire import metadata_keys
from perago.wire.times import timestamp
from tests import builders as b
from tests.crash.pods import BRANCH, REPOSITORY, PodRun
from tests.crash.world import RESPONSE_SECONDS, World
from tests.fakes.conductor_server import COMPLETED, TERMINAL, TIMED_OUT, FakeTask

EXPLAINED_WITHIN = 75.0
"""Seconds after which a wait has to stand in a condition while somebody leads: two calls may take 30 s each."""
WINDOW = 10.0
"""Seconds over which calls are counted for their budget."""
SLACK = 33.0
"""Seconds of a response time-out of 60 that may be lost while no task times out: heartbeats come every 20 s at least,
and those of a new leader within 7 s."""
SLACK_OF_ADOPTION = 50.0
"""The same of a task that has no attempt: a leader looks for such tasks as soon as it begins."""
BUDGET = {"conductor.poll": 40, "feed.watch": 110, "feed.page": 60}
"""Calls of one kind within a window, where it is not `MOST`."""
MOST = 25


@dataclass
class Watcher:
    """Looks at a world each second."""

    waiting: dict[str, float] = field(default_factory=dict)
    """Since when an object waits, by what it is called, while somebody is at work."""
    told: set[str] = field(default_factory=set)

    def look(self, world: World) -> None:
        """Note what is wrong now."""
        leaders = [r.name for r in world.replicas if r.alive and r.operator and r.operator.leadership.leading]
        if len(leaders) > 1:
            self._tell(world, f"two replicas lead: {' and '.join(leaders)}")
        able = world.leader is not None and not world.exchange.is_away("cluster")
        exchange = world.exchange
        if world.leader is None or world.seconds < exchange.hung_until or exchange.is_away("conductor"):
            world.unable.append(world.seconds)
        holders = [run.name for run in world.nodes.runs.values() if run.holds_turn]
        if len(holders) > 1:
            self._tell(world, f"two attempts have the turn: {' and '.join(holders)}")
        waits = dict(_unexplained(world)) if able else {}
        self.waiting = {who: self.waiting.get(who, world.seconds) for who in waits}
        for who, since in self.waiting.items():
            if world.seconds - since > EXPLAINED_WITHIN:
                self._tell(world, f"{who} waits, and no condition says what for: {waits[who]}")

    def _tell(self, world: World, what: str) -> None:
        if what not in self.told:
            self.told.add(what)
            world.violations.append(f"{what} (second {world.seconds:.0f})")


def _unexplained(world: World) -> Iterator[tuple[str, str]]:
    """Attempts and tasks that wait without a word: every wait is explained by a condition."""
    busy = {run.attempt_uid for run in world.nodes.runs.values() if run.at_work}
    served = set()
    for attempt in world.cluster.of("PeragoAttempt"):
        served.add(attempt["spec"].get("conductor", {}).get("taskId"))
        over = "outcome" in attempt.get("status", {}) and not attempt["metadata"].get("finalizers")
        if not over and attempt["metadata"]["uid"] not in busy and not _says_why(attempt.get("status", {})):
            yield f"attempt {attempt['metadata']['name']}", f"phase {attempt.get('status', {}).get('phase')}"
    for id_, task in world.conductor.tasks.items():
        if task.status == "IN_PROGRESS" and id_ not in served and not _polling_is_said_to_fail(world):
            yield f"task {id_}", "it is in progress, and no attempt serves it"


def _says_why(status: dict[str, Any]) -> bool:
    wanted = ("Reported", "StagingDeleted", "PodReady") if "outcome" in status else ("PodReady",)
    return any(
        one["type"] in wanted and one["status"] == "False" and one["message"] for one in status.get("conditions", [])
    )


def _polling_is_said_to_fail(world: World) -> bool:
    task = world.cluster.get("PeragoTask", "build") or {}
    conditions = task.get("status", {}).get("conditions", [])
    return any(one["type"] == "Polling" and one["status"] == "False" for one in conditions)


def at_the_end(world: World) -> Iterator[str]:
    """What does not hold."""
    yield from world.violations
    yield from world.nodes.wrong
    yield from world.errors
    for id_, task in world.conductor.tasks.items():
        yield from _accepted_once(world, id_, task)
        yield from _not_dropped(world, id_, task)
        yield from _result_is_the_agents(world, id_, task)
        yield from _given_up_is_replaced(world, id_, task)
        yield from _cancel_is_final(world, id_, task)
    yield from _status_is_true(world)
    yield from _publications(world)
    yield from _nothing_of_others(world)
    yield from _rates(world)


def _accepted_once(world: World, id_: str, task: FakeTask) -> Iterator[str]:
    """An outcome is accepted at most once, unless a late lease has brought the task back to life."""
    if task.accepted > 1 + world.conductor.revived[id_]:
        yield f"Conductor accepted {task.accepted} results of task {id_}"


def _not_dropped(world: World, id_: str, task: FakeTask) -> Iterator[str]:
    """No polled task is dropped: it times out only if the scenario wants that, or nobody could keep it alive."""
    unable = sum(1 for second in world.unable if task.updated < second <= task.updated + RESPONSE_SECONDS)
    made = _attempt_was_made(world, id_)
    if task.status == TIMED_OUT and id_ not in world.excused and unable <= (SLACK if made else SLACK_OF_ADOPTION):
        words = "its attempt did not end" if made else "no attempt was made of it"
        yield f"task {id_} timed out: {words}"
    if task.status in TERMINAL and task.accepted == 0 and task.status != TIMED_OUT and id_ not in world.excused:
        yield f"task {id_} ended as {task.status}, which nobody asked for"


def _attempt_was_made(world: World, id_: str) -> bool:
    """Since the task was handed out."""
    since = timestamp(b.at(world.conductor.taken.get(id_, 0.0)))
    made = (event.obj["metadata"] for event in world.cluster.history if event.obj["kind"] == "PeragoAttempt")
    return any(metadata["name"] == id_ and metadata["creationTimestamp"] >= since for metadata in made)


def _result_is_the_agents(world: World, id_: str, task: FakeTask) -> Iterator[str]:
    """An outcome is never lost: what an agent has recorded is what Conductor has."""
    recorded = [run for run in _runs_of(world, id_) if run.recorded is not None and not run.gave_up]
    for run in recorded[-1:] if task.accepted else ():
        assert run.recorded is not None
        want = run.recorded["status"], run.recorded.get("output") or {}
        if want != (task.status, task.output):
            yield f"the agent of {run.name} recorded {want}, and Conductor has {(task.status, task.output)}"


def _given_up_is_replaced(world: World, id_: str, task: FakeTask) -> Iterator[str]:
    """Conductor never learns that an agent gave up on the infrastructure while another execution is left."""
    runs = _runs_of(world, id_)
    if task.accepted and task.status != COMPLETED and runs and runs[-1].gave_up and id_ not in world.excused:
        yield f"task {id_} is {task.status}, because the agent of {runs[-1].name} gave up, and no execution followed"


def _cancel_is_final(world: World, id_: str, task: FakeTask) -> Iterator[str]:
    """Conductor retries what is FAILED, which nobody wants of an attempt that was canceled."""
    if id_ in world.canceled and task.status == "FAILED":
        yield f"task {id_} is FAILED and retried, although its attempt was canceled"


def _status_is_true(world: World) -> Iterator[str]:
    """What an attempt's status says of Conductor is so."""
    for attempt in world.cluster.of("PeragoAttempt"):
        status, id_ = attempt.get("status", {}), attempt["spec"].get("conductor", {}).get("taskId")
        task = world.conductor.tasks.get(id_)
        if task is None or status.get("reporting", {}).get("state") != "Accepted":
            continue
        if task.accepted == 0 or task.status != status["outcome"]["status"]:
            yield f"attempt {attempt['metadata']['name']} says that its result was accepted; {id_} is {task.status}"


def _publications(world: World) -> Iterator[str]:
    """A target branch never holds two publications of one logical task, and what it holds is what was reported."""
    by_task: defaultdict[str, list[str]] = defaultdict(list)
    history = world.versions.repositories[REPOSITORY].branches[BRANCH]
    for commit in history:
        if logical := commit.metadata.get(metadata_keys.LOGICAL_TASK):
            by_task[logical].append(commit.ref)
    for logical, commits in by_task.items():
        if len(commits) > 1:
            yield f"{BRANCH} holds {len(commits)} publications of {logical}: {commits}"
    refs = {commit.ref for commit in history}
    for id_, task in world.conductor.tasks.items():
        published = {commit for run in _runs_of(world, id_) for commit in run.published} & refs
        if published and task.status != COMPLETED and id_ not in world.excused:
            yield f"task {id_} is {task.status}, although {published} is published"
        if task.status == COMPLETED and (ref := task.output.get("workspace", {}).get("ref")) not in refs | {None}:
            yield f"task {id_} is completed with {ref}, which {BRANCH} does not hold"


def _nothing_of_others(world: World) -> Iterator[str]:
    """Nothing of somebody else's is ever touched."""
    for identity, made in world.foreign.items():
        if (found := world.cluster.objects.get(identity)) != made:
            yield f"{'/'.join(identity)} of somebody else was {'changed' if found else 'deleted'}"
    there = world.versions.repositories[REPOSITORY].branches.keys()
    yield from (f"branch {name} of somebody else was deleted" for name in world.foreign_branches - there)


def _rates(world: World) -> Iterator[str]:
    """No call is made more often than its budget allows."""
    for call, times in world.exchange.times.items():
        budget = BUDGET.get(call, MOST)
        for begin, end in zip(times, times[budget:], strict=False):
            if end - begin < WINDOW:
                yield f"{call} was called more than {budget} times within {WINDOW:.0f} s (from second {begin:.0f})"
                break


def _runs_of(world: World, task_id: str) -> list[PodRun]:
    return [run for run in world.nodes.runs.values() if run.attempt == task_id]
