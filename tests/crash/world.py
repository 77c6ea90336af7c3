"""One course of events: servers, nodes, replicas of the operator one after the other, and a clock that jumps.

The operator is the real one, put together by `process.assembly` over counted calls. What happens follows from the
scenario and the plan of faults alone.
"""

import asyncio
import random
import uuid
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from perago_operator.process.assembly import Operator, Outside
from perago_operator.process.leader import Leadership
from perago_operator.process.work import Scope
from perago_operator.settings import Settings
from tests import builders as b
from tests.crash.calls import Exchange
from tests.crash.faults import Plan
from tests.crash.pods import BRANCH, INPUT_REF, REPOSITORY, Chooser, Nodes
from tests.crash.processes import Process, remembered, started
from tests.crash.servers import Servers
from tests.fakes.conductor_server import TERMINAL, TaskType
from tests.virtual.loop import VirtualLoop

TASK = "build"
RESPONSE_SECONDS = 60
RESTART_SECONDS = 1.0
"""After which the cluster starts a replica anew."""
LONGEST = 900.0
"""Seconds after which a course of events counts as one that never comes to rest."""
CALM_SECONDS = 4.0
"""For how long nothing may be left before the end is believed."""


@dataclass(eq=False)
class Replica(Process):
    """One life of one replica."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    operator: Operator | None = None
    skew: float = 0.0
    """How far its time of day is off."""


@dataclass(eq=False)
class World:
    """Everything in one course of events."""

    plan: Plan
    body: Chooser
    settings: dict[str, Any] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    """What was seen to be wrong while it happened."""
    replicas: list[Replica] = field(default_factory=list)
    excused: set[str] = field(default_factory=set)
    """Conductor's tasks that the scenario itself ends, or lets time out."""
    canceled: set[str] = field(default_factory=set)
    """Conductor's tasks whose attempts somebody has canceled or deleted while they ran."""
    foreign: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    """Objects of others, as they were made."""
    foreign_branches: set[str] = field(default_factory=set)
    unable: list[float] = field(default_factory=list)
    """Seconds in which nobody led, a call to Conductor was hanging, or Conductor was away."""
    expire: bool = False
    """Whether attempts are deleted when their time is over, before the end is believed."""
    errors: list[str] = field(default_factory=list)
    """Faults of its own that the operator has logged."""
    scripted: bool = False
    """Whether all that the scenario does has been done."""

    def __post_init__(self) -> None:
        self.exchange = Exchange(self.plan)
        self.servers = Servers(self.exchange)
        self.cluster, self.conductor, self.versions = (
            self.servers.cluster,
            self.servers.conductor,
            self.servers.versions,
        )
        self.nodes = Nodes(self.servers, lambda run: self.body(run))
        self.skew = 0.0
        self.versions.commit(REPOSITORY, BRANCH, INPUT_REF)
        self._add_foreign()
        self.conductor.types[TASK] = TaskType(retries=2, response_seconds=RESPONSE_SECONDS)

    @property
    def seconds(self) -> float:
        """The time since the beginning."""
        return asyncio.get_running_loop().time()

    # --- replicas

    def start_replica(self) -> Replica:
        """Another replica, which leads once it can."""
        replica = Replica(f"replica-{len(self.replicas) + 1}")
        self.replicas.append(replica)
        started(replica, self._live(replica), lambda: self._ended(replica))
        return replica

    async def _live(self, replica: Replica) -> None:
        loop = asyncio.get_running_loop()
        settings = Settings(runner_image="runner:1", identity=replica.name, **self.settings)
        now = partial(self.time_of, replica)
        leadership = Leadership(self.servers.leases, replica.name, clock=loop.time, now=now)
        replica.operator = Operator(self._outside(leadership), settings, replica.stop, clock=loop.time, now=now)
        await replica.operator.life.run()

    def time_of(self, replica: Replica) -> datetime:
        """The time of day, as a replica's clock has it."""
        return b.at(asyncio.get_running_loop().time()) + timedelta(seconds=replica.skew + self.skew)

    def _outside(self, leadership: Leadership) -> Outside:
        feeds = map(self.servers.feed, ("PeragoAttempt", "PeragoTask", "Pod"))
        return Outside(
            cluster=self.cluster,
            conductor=self.conductor,
            versions=self.versions,
            leadership=leadership,
            scopes=(Scope(None, *feeds),),
            watch_tasks=self.servers.watch_tasks,
            acted=lambda *_: None,
            polled=lambda *_: None,
        )

    def _ended(self, replica: Replica) -> None:
        """Dead, or its process has ended by itself; the cluster starts it anew."""
        replica.kill()
        asyncio.get_running_loop().call_later(RESTART_SECONDS, self.start_replica)

    @property
    def leader(self) -> Replica | None:
        """Who is at work."""
        return next((r for r in self.replicas if r.alive and r.operator and r.operator.work.working), None)

    # --- what people and others do

    def apply_task(self, **spec: Any) -> None:
        """Somebody applies the PeragoTask."""
        self.cluster.add(as_sent(b.task(TASK, taskType=TASK, **spec)))

    def hand_out(self, task_id: str = "t1", **more: Any) -> None:
        """A workflow schedules the task."""
        self.conductor.schedule(TASK, task_id, input_data=b.INPUT, **more)

    async def until(self, condition: Callable[[], object], seconds: float = 120.0) -> bool:
        """Wait until the condition holds; False when it never did."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not condition():
            if loop.time() >= end:
                return False
            await asyncio.sleep(0.25)
        return True

    def status(self, name: str = "t1") -> dict[str, Any]:
        """The status of an attempt, {} while there is none."""
        status: dict[str, Any] = (self.cluster.get("PeragoAttempt", name) or {}).get("status", {})
        return status

    def _add_foreign(self) -> None:
        """Pods, attempts' pods of another owner, and staging branches that are none of ours."""
        self.add_foreign_pod("database-0")
        self.add_foreign_pod("t1-9")
        branch = f"perago-staging-other-exec-{uuid.UUID(int=1 << 64)}-1"
        self.versions.branch(REPOSITORY, branch)
        self.foreign_branches.add(branch)

    def add_foreign_pod(self, name: str) -> None:
        """Somebody else's pod."""
        pod = {**b.running_pod(), "metadata": {"name": name, "namespace": "ns", "labels": {"app": "database"}}}
        self.foreign["Pod", "ns", name] = self.cluster.add(pod)

    # --- rest

    def _lives(self, attempt: dict[str, Any]) -> bool:
        over = "outcome" in attempt.get("status", {}) and not attempt["metadata"].get("finalizers")
        return self.expire or not over

    @property
    def at_rest(self) -> bool:
        """Nothing is under way, and nothing is left of what was."""
        return next(self.left(), None) is None

    def left(self) -> Iterator[str]:
        """What is under way, or left."""
        if not self.scripted:
            yield "the scenario goes on"
        if self.exchange.late:
            yield "a call has yet to land"
        for task in self.conductor.tasks.values():
            if task.status not in TERMINAL:
                yield f"task {task.identity.task_id} is {task.status}"
        for obj in self.cluster.of("PeragoAttempt"):
            if self._lives(obj):
                yield f"attempt {obj['metadata']['name']} is {obj.get('status', {}).get('phase')}"
        yield from (f"pod {run.name} is there" for run in self.nodes.runs.values() if run.object is not None)
        branches = self.versions.repositories[REPOSITORY].branches.keys() - self.foreign_branches - {BRANCH}
        yield from (f"branch {branch} is there" for branch in sorted(branches))


def as_sent(obj: dict[str, Any]) -> dict[str, Any]:
    """An object of the builders as a client sends it: the server says when it was made, and its uid."""
    metadata = {key: obj["metadata"][key] for key in ("name", "namespace", "labels") if key in obj["metadata"]}
    return {**obj, "metadata": {**metadata, "generation": 1}}


Script = Callable[[World], Coroutine[Any, Any, None]]


def lived(make: Callable[[], World], script: Script, look: Callable[[World], None]) -> World:
    """Let a course of events happen, from its first call until nothing is left to do; `look` is called each second."""
    loop = VirtualLoop(lambda seconds: _pass(loop, seconds))
    loop.set_task_factory(remembered)
    state = random.getstate()
    random.seed(0)
    try:
        return loop.run_until_complete(_live(make, script, look))
    finally:
        random.setstate(state)
        _close(loop)


def _pass(loop: VirtualLoop, seconds: float | None) -> None:
    """Nobody has anything to do now: the clock jumps."""
    if seconds is None:
        loop.stop()
    else:
        loop.now += seconds


async def _live(make: Callable[[], World], script: Script, look: Callable[[World], None]) -> World:
    world = make()
    beside = [asyncio.ensure_future(work) for work in (_conductors_clock(world), _play(world, script))]
    world.start_replica()
    calm = 0.0
    while calm < CALM_SECONDS and asyncio.get_running_loop().time() < LONGEST:
        await asyncio.sleep(1)
        if not world.exchange.is_away("cluster"):
            world.cluster.collect()
        look(world)
        calm = calm + 1 if world.at_rest else 0.0
    if not world.at_rest:
        world.violations.append(f"no rest after {LONGEST:.0f} s: {'; '.join(world.left())}")
    for task in beside:
        task.cancel()
    for replica in world.replicas:
        replica.kill()
    return world


async def _play(world: World, script: Script) -> None:
    await script(world)
    world.scripted = True


async def _conductors_clock(world: World) -> None:
    while True:
        await asyncio.sleep(1)
        world.conductor.pass_time(1)


def _close(loop: VirtualLoop) -> None:
    """Whoever still waits is gone with the world."""
    while tasks := asyncio.all_tasks(loop):
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
    loop.close()
