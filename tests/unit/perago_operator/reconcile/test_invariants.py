"""Random lives: events, failing calls, clocks that are set, deaths of the operator; then calm, then the invariants.

- an outcome is accepted by Conductor at most once, and is never lost;
- an execution starts only when no earlier pod of its logical task may still publish;
- no pod, finalizer or staging branch outlives its attempt.
"""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loguru import logger

from perago_operator.api.shared import Key
from perago_operator.core.config import Config
from perago_operator.core.pod.model import Pod
from perago_operator.ports import WatchEvent
from tests import builders as b
from tests.examples import examples
from tests.faults.kinds import cut_before, lost
from tests.unit.perago_operator.world import World

CONFIG = Config(lost_node_patience=1e6, retried_patience=1e6, start_patience=1e6, unschedulable_patience=1e6)
"""Nodes are never given up here: the kubelet of this world always comes back in the end."""

CLUSTER_CALLS = ["create_pod", "patch_attempt_status", "delete_pod", "release_pod", "release_attempt", "pod_log_tail"]
CONDUCTOR_CALLS = ["report", "read", "extend_lease", "log"]
VERSIONS_CALLS = ["delete_branch", "find_publication"]

ENDINGS: dict[str, dict[str, Any]] = {
    "task failed": {},
    "task killed": {"task_ended": {"exitCode": 137, "reason": "OOMKilled"}},
    "agent killed": {"agent_ended": {"exitCode": 137, "reason": "OOMKilled"}},
    "evicted": {"reason": "Evicted", "message": "The node was low on resource: memory."},
}

steps = st.one_of(
    st.tuples(st.just("run")),
    st.tuples(st.just("end"), st.sampled_from(sorted(ENDINGS))),
    st.tuples(st.just("delete pod")),
    st.tuples(st.just("stage")),
    st.tuples(st.just("publish")),
    st.tuples(st.just("outcome"), st.sampled_from(["COMPLETED", "FAILED"])),
    st.tuples(st.just("die"), st.integers(0, 6)),
    st.tuples(st.just("fail"), st.sampled_from(CLUSTER_CALLS + CONDUCTOR_CALLS + VERSIONS_CALLS), st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 2.0, 21.0])),
    st.tuples(st.just("cancel in conductor")),
    st.tuples(st.just("time out in conductor")),
    st.tuples(st.just("cancel")),
    st.tuples(st.just("delete")),
    st.tuples(st.just("lag")),
    st.tuples(st.just("catch up")),
    st.tuples(st.just("set clock"), st.sampled_from([-600.0, 300.0])),
)

BEGINNINGS: list[list[tuple[Any, ...]]] = [
    [],
    [("run",), ("stage",)],
    [("run",), ("stage",), ("publish",)],
    [("lag",), ("run",)],
    [("run",), ("stage",), ("publish",), ("end", "agent killed")],
    [("run",), ("stage",), ("end", "evicted"), ("run",), ("stage",)],
    [("run",), ("stage",), ("time out in conductor",)],
]
"""Lives that chance alone would seldom begin with."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of lives, and no log of any."""
    logger.disable("perago_operator")
    yield
    logger.enable("perago_operator")


class Lives:
    """A world with a first attempt, perhaps its retry, their pods, agents and staging branches."""

    def __init__(self) -> None:
        self.world = World(CONFIG, quiet=True)
        self.world.cluster.listeners.append(self._watch_creation)
        self.faults: list[str] = []
        self.said: set[str] = set()
        """Attempts whose agent wrote the outcome: it publishes no more."""
        self.published: set[str] = set()
        self.current = b.NAME

    def _watch_creation(self, event: WatchEvent) -> None:
        name = event.obj["metadata"]["name"]
        if event.kind == "ADDED" and event.obj["kind"] == "Pod":
            self.faults += [f"{pod} runs beside {name}" for pod in self._may_publish() if pod != name]
        if event.kind == "MODIFIED" and "outcome" in event.obj.get("status", {}) and name not in self.said:
            mine = [pod for pod in self._may_publish() if pod.rpartition("-")[0] == name and self.running(pod)]
            self.faults += [f"{name} has an outcome while {pod} runs" for pod in mine]

    def _may_publish(self) -> list[str]:
        """Pods that may run, and whose agent has not made its last report."""
        pods = [Pod.model_validate(obj) for (kind, _, _), obj in self.world.cluster.objects.items() if kind == "Pod"]
        return [pod.name for pod in pods if not pod.ended and pod.name.rpartition("-")[0] not in self.said]

    def running(self, pod: str) -> bool:
        """Its containers run, as reported by the kubelet."""
        phase = self.world.cluster.objects["Pod", "ns", pod].get("status", {}).get("phase")
        return str(phase) == "Running"

    def pod(self) -> Any:
        """The current attempt's newest pod, if the cluster has it."""
        named = [obj for (kind, _, name), obj in self.world.cluster.objects.items() if kind == "Pod"]
        mine = [pod for pod in named if pod["metadata"]["name"].startswith(f"{self.current}-")]
        return max(mine, key=lambda pod: pod["metadata"]["name"], default=None)

    def runs(self) -> bool:
        """The agent of the current attempt can act, and has not made its last report."""
        pod = self.pod()
        running = pod is not None and self.running(pod["metadata"]["name"])
        return running and self._attempt() is not None and "outcome" not in self._attempt().get("status", {})

    def _attempt(self) -> Any:
        return self.world.cluster.objects.get(("PeragoAttempt", "ns", self.current))

    def _kubelet(self, shown: Any) -> None:
        pod = self.pod()
        if pod is not None and pod.get("status", {}).get("phase") not in ("Failed", "Succeeded"):
            name = pod["metadata"]["name"]
            self.world.cluster.merge("Pod", "ns", name, {"spec": shown["spec"], "status": shown["status"]})

    def _agent(self, **status: Any) -> None:
        self.world.cluster.merge("PeragoAttempt", "ns", self.current, {"status": status})

    async def step(self, kind: str, *more: Any) -> None:
        """One thing happens."""
        await getattr(self, f"_{kind.replace(' ', '_')}")(*more)
        await self.world.settle()

    async def _run(self) -> None:
        self._kubelet(b.running_pod())

    async def _end(self, how: str) -> None:
        self._kubelet(b.ended_pod(**ENDINGS[how]))

    async def _delete_pod(self) -> None:
        if self.pod() is not None:
            self.world.cluster.delete("Pod", "ns", self.pod()["metadata"]["name"])

    async def _stage(self) -> None:
        if self.runs():
            branch = b.staging_branch(self._attempt(), int(self.pod()["metadata"]["name"].rpartition("-")[2]))
            self._agent(staging={"repository": "repo", "branch": branch, "state": "Planned"})
            self.world.versions.branch("repo", branch)

    async def _publish(self) -> None:
        staging = (self._attempt() or {}).get("status", {}).get("staging", {})
        branches = self.world.versions.repositories.get("repo")
        if self.runs() and branches and staging.get("branch") in branches.branches:
            uid = self._attempt()["metadata"]["uid"]
            if any(commit.ref == f"commit-{uid}" for commit in branches.branches.get("main", [])):
                return
            self.published.add(self.current)
            metadata = {"perago.attempt-uid": uid, "perago.output": '{"result":1}'}
            branches.branches["main"] = []  # what an earlier attempt has published is replaced
            self.world.versions.commit("repo", "main", "commit-a")
            self.world.versions.commit("repo", "main", f"commit-{uid}", metadata)

    async def _outcome(self, status: str) -> None:
        if self.runs():
            self.said.add(self.current)
            self._agent(outcome=b.completed() if status == "COMPLETED" else b.failure())

    async def _lag(self) -> None:
        self.world.lag()

    async def _catch_up(self) -> None:
        self.world.catch_up()

    async def _die(self, ticks: int) -> None:
        for _ in range(ticks):
            await asyncio.sleep(0)
        await self.world.restart()

    async def _fail(self, method: str, landed: bool) -> None:
        fakes = {"delete_branch": self.world.versions, "find_publication": self.world.versions}
        fake = self.world.conductor if method in CONDUCTOR_CALLS else fakes.get(method, self.world.cluster)
        fake.faults.on(method, lost if landed else cut_before)

    async def _wait(self, seconds: float) -> None:
        await self.world.pass_time(seconds, Key("ns", self.current))

    async def _set_clock(self, seconds: float) -> None:
        self.world.set_by += timedelta(seconds=seconds)

    async def _cancel_in_conductor(self) -> None:
        task = self.world.conductor.tasks[self.current]
        if task.status == "IN_PROGRESS":
            task.status = "CANCELED"

    async def _time_out_in_conductor(self) -> None:
        if self.current != b.NAME or self.world.conductor.tasks[b.NAME].status != "IN_PROGRESS":
            return
        retry = self.world.conductor.time_out(b.NAME)
        polled = await self.world.conductor.poll("build", domain=None, worker_id="w", count=1, timeout_ms=1)
        meta = {"name": retry, "uid": f"uid-{retry}"}
        self.world.cluster.add(b.attempt(conductor=polled[0].task.to_json(), meta=meta))
        self.current = retry

    async def _cancel(self) -> None:
        if self._attempt():
            self.world.cluster.merge("PeragoAttempt", "ns", self.current, {"spec": {"cancel": True}})

    async def _delete(self) -> None:
        if self._attempt():
            self.world.cluster.delete("PeragoAttempt", "ns", self.current)

    async def calm_down(self) -> None:
        """Nothing fails any more, every pod comes to its end, and time goes by."""
        self.world.catch_up()
        await self.world.settle()
        names = sorted(name for kind, _, name in self.world.cluster.objects if kind == "PeragoAttempt")
        for _ in range(12):
            for kind, _, name in list(self.world.cluster.objects):
                if kind == "Pod":
                    shown = {"spec": b.ended_pod()["spec"], "status": b.ended_pod()["status"]}
                    self.world.cluster.merge("Pod", "ns", name, shown)
                    await self.world.settle()
            for name in names:
                await self.world.pass_time(61, Key("ns", name))


async def live(happenings: list[tuple[Any, ...]]) -> Lives:
    """A whole life, then calm."""
    lives = Lives()
    await lives.world.add_polled()
    for happening in happenings:
        await lives.step(*happening)
    await lives.calm_down()
    return lives


@settings(max_examples=examples(250), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(BEGINNINGS), st.lists(steps, max_size=12))
def test_whatever_happens_the_invariants_hold(beginning: list[tuple[Any, ...]], then: list[tuple[Any, ...]]) -> None:
    """One accepted result an attempt that was not superseded, no overlap, nothing left."""
    lives = asyncio.run(live([*beginning, *then]))
    world = lives.world
    assert lives.faults == []
    assert world.pods == []
    repository = world.versions.repositories.get("repo")
    assert repository is None or set(repository.branches) <= {"main"}
    for task in world.conductor.tasks.values():
        assert task.accepted <= 1
        assert task.status != "IN_PROGRESS"
    for (kind, _, name), attempt in world.cluster.objects.items():
        assert (kind, attempt["metadata"]["finalizers"]) == ("PeragoAttempt", [])
        _check_ending(attempt["status"], published=name in lives.published, said=name in lives.said)


def _check_ending(status: dict[str, Any], *, published: bool, said: bool) -> None:
    """The report is settled, and published work is what is reported."""
    assert status["reporting"]["state"] in ("Accepted", "Superseded")
    if published and not said and status["reporting"]["state"] == "Accepted":
        assert status["outcome"]["status"] == "COMPLETED"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=8), st.integers(0, 5))
def test_an_outcome_of_the_agent_is_what_conductor_gets(happenings: list[tuple[Any, ...]], ticks: int) -> None:
    """Written once by the agent, it is reported as it is, whatever happens afterwards."""
    kinds = ("die", "fail", "wait", "end", "delete pod", "delete", "cancel", "lag", "catch up", "set clock")
    quiet = [happening for happening in happenings if happening[0] in kinds]
    lives = asyncio.run(live([("run",), ("outcome", "COMPLETED"), ("die", ticks), *quiet]))
    task = lives.world.conductor.tasks[b.NAME]
    assert (task.status, task.accepted) == ("COMPLETED", 1)
