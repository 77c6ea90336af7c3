"""An attempt of the model, its executions, and the servers that they talk to, with calls that are scheduled."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from perago import wire
from perago.agent.clients.attempt_api import AttemptObject, ClusterRefused, attempt_object
from perago.agent.clients.conductor import FreshTask
from perago.agent.clients.http import Server
from perago.agent.fence import AttemptFence
from perago.agent.publication import Landed
from perago.agent.publisher import Publisher
from perago.agent.status import StatusWriter
from perago.agent.steps import WorkspaceSteps
from perago.attempt import TaskExecutionContext
from perago.reference import WorkspaceInput
from perago.staging import staging_branch_name
from perago.wire import JsonObject
from tests.fakes.attempt_api import StoredAttempt
from tests.fakes.faulty import CallFaults, faulty
from tests.fakes.repository import FakeRepository
from tests.model.scheduler import Process, ScheduledCalls, Scheduler

PREFIX = "data"
TARGET = "main"
TURN_SECONDS = 120.0


@dataclass(eq=False)
class Attempt:
    """One attempt: its object in the API server, and what the operator knows of it."""

    number: int
    logical: str
    task: wire.ConductorTask
    workspace: WorkspaceInput
    changes_something: bool
    earlier: tuple["Attempt", ...]
    superseded: bool = False
    landed: Landed = field(default_factory=Landed)
    """What the operator has found of it on the target branch."""
    settled: bool = False
    """Whether nothing of it can publish any more, as far as the operator knows."""

    def __post_init__(self) -> None:
        metadata = {"namespace": "team", "name": self.name, "uid": self.uid}
        spec = {"input": {"params": {}, "workspace": self.workspace.model_dump()}}
        self.stored = StoredAttempt({"metadata": metadata, "spec": spec, "status": {}})
        self.news = asyncio.Event()
        self.executions: list[Execution] = []

    @property
    def name(self) -> str:
        """The object's name."""
        return f"a{self.number}"

    @property
    def uid(self) -> str:
        """The object's uid."""
        return f"here-{self.number}"

    @property
    def staging(self) -> wire.Staging | None:
        """The staging branch that the status names."""
        named = self.stored.status.get("staging")
        return wire.Staging.model_validate(named) if named else None

    @property
    def outcome(self) -> wire.Outcome | None:
        """What was recorded."""
        recorded = self.stored.status.get("outcome")
        return wire.Outcome.model_validate(recorded) if recorded else None

    def patch(self, status: JsonObject) -> None:
        """Merge into the status; everyone who watches the attempt hears of it. Raises ValueError for a refusal."""
        self.stored.merge(status)
        self.news.set()


@dataclass
class Parts:
    """What a broken variant exchanges; the defaults are the real ones."""

    lakefs: type[FakeRepository] = FakeRepository
    publisher: type[Publisher] = Publisher
    steps: type[WorkspaceSteps] = WorkspaceSteps
    fence: type[AttemptFence] = AttemptFence
    status: type[StatusWriter] = StatusWriter
    replace_unmarked: bool = False
    drops_tokens: bool = True
    """Whether the API server takes nothing from a pod whose object is gone."""


class FakeTasks:
    """Conductor, as far as the fence reads it."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.faults: CallFaults = ScheduledCalls(scheduler, Server.CONDUCTOR)
        self.status: dict[str, str] = {}
        self.tasks: dict[str, wire.CurrentAttempt] = {}

    def schedule(self, task: wire.ConductorTask) -> None:
        """Hand a task out."""
        self.tasks[task.task_id] = wire.CurrentAttempt(status=wire.IN_PROGRESS, **dict(task))

    def end(self, task_id: str, status: str) -> bool:
        """End a task that is in progress; False when it is not."""
        task = self.tasks[task_id]
        if task.status != wire.IN_PROGRESS:
            return False
        self.tasks[task_id] = task.model_copy(update={"status": status})
        return True

    @faulty
    async def task(self, task_id: str) -> FreshTask | None:
        """See `ReadsTask`."""
        return FreshTask(self.tasks[task_id])


@dataclass(eq=False)
class Execution:
    """One pod of an attempt."""

    attempt: Attempt
    number: int
    removed: bool = False
    """Whether the pod's object is gone; its processes may live on, where a node was lost."""
    process: Process = field(init=False)

    def __post_init__(self) -> None:
        self.process = Process(f"{self.attempt.name}/{self.number}", ended=self.attempt.news.set)
        self.order = wire.Order.model_validate({
            "namespace": "team", "name": self.attempt.name, "uid": self.attempt.uid, "execution": self.number,
            "installation": "here", "module": "app.t", "image": "app:1", "conductor": self.attempt.task,
            "created": f"2026-01-01T00:00:{self.attempt.number:02}Z",
        })  # fmt: skip

    @property
    def context(self) -> TaskExecutionContext:
        """The execution as the core names it."""
        return TaskExecutionContext(self.order.attempt, self.order.execution_id)

    @property
    def branch(self) -> str:
        """The staging branch."""
        return staging_branch_name(self.context)

    @property
    def files(self) -> dict[str, str]:
        """What its body writes, by path in the workspace: paths of its own, so that lakeFS finds no conflicts."""
        return {f"{self.attempt.name}-{self.number}.txt": "written"} if self.attempt.changes_something else {}

    @property
    def output(self) -> JsonObject:
        """What its body returns; no two executions return the same."""
        return {"result": {"by": self.process.name}}


@dataclass
class Servers:
    """What an execution talks to, and the disk that it has."""

    scheduler: Scheduler
    repository: FakeRepository
    tasks: FakeTasks
    disk: Path
    parts: Parts

    def lakefs(self) -> FakeRepository:
        """The repository, through the client that an agent has."""
        client = self.parts.lakefs()
        client.lakefs, client.faults = self.repository.lakefs, self.repository.faults
        return client


class PodCalls:
    """Calls of one pod to the API server, with a token that dies with the pod's object."""

    def __init__(self, execution: Execution, servers: Servers) -> None:
        self.faults: CallFaults = ScheduledCalls(servers.scheduler, Server.CLUSTER)
        self._execution = execution
        self._drops_tokens = servers.parts.drops_tokens

    def _check_token(self) -> None:
        if self._execution.removed and self._drops_tokens:
            raise ClusterRefused("401 the pod of this token is gone")


class PodApi(PodCalls):
    """The attempt's object."""

    @faulty
    async def get(self) -> AttemptObject:
        """See `ReadsAttempt`."""
        self._check_token()
        return attempt_object(self._execution.attempt.stored.attempt)

    @faulty
    async def patch_status(self, status: JsonObject) -> None:
        """See `StatusApi`."""
        self._check_token()
        try:
            self._execution.attempt.patch(status)
        except ValueError as error:
            raise ClusterRefused(f"422 {error}") from error
