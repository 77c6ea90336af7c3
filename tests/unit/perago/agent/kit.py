"""An agent put together from its real parts, over an API server, a Conductor and a lakeFS in memory."""

import asyncio
from pathlib import Path
from typing import Any

from perago import wire
from perago.agent import publication
from perago.agent.clients.conductor import FreshTask
from perago.agent.data.volume import AttemptVolume
from perago.agent.ending import Ending
from perago.agent.fence import AttemptFence
from perago.agent.life import Agent
from perago.agent.preparation import Preparation
from perago.agent.publisher import Plan, Publisher, Turn
from perago.agent.session import Session
from perago.agent.status import POST_SECONDS, StatusWriter
from perago.agent.steps import Storage, WorkspaceSteps, checked_out
from perago.attempt import Changes, TaskExecutionContext
from perago.reference import WorkspaceInput
from perago.staging import staging_branch_name
from perago.workspace.changelist import write_changes
from perago.workspace.directory import attempt_workspace_dir
from tests.fakes.attempt_api import FakeAttemptApi
from tests.fakes.repository import FakeRepository
from tests.fakes.turns import FreeTurn
from tests.unit.perago.agent.test_publication import order

HELLO = wire.Hello()
DOWNLOAD = wire.Download(prefix="/", read_only=False)
READ_ONLY = wire.Download(prefix="/", read_only=True)
FENCE = wire.LoadCurrentAttempt()
STAGE = wire.Stage()
CHANGES = Changes(("new",), ("file",), ("old",))
PUBLISH = wire.Publish(output={"result": {"n": 1}})
KEEP = wire.CompleteNoop()
CLEAN_UP = wire.CleanupStaging()
COMPLETED = wire.Result(status="COMPLETED", reason="Completed", output={"result": {"n": 1}})
FAILED = wire.Result(status="FAILED", reason="TaskFailed", message="why")
TO_PUBLICATION = (HELLO, DOWNLOAD, FENCE, STAGE, FENCE, PUBLISH)


class Conductor:
    """Reads the ordered task; a test sets `status`."""

    def __init__(self, order: wire.Order) -> None:
        self.order = order
        self.status = "IN_PROGRESS"

    async def task(self, task_id: str) -> FreshTask | None:
        assert task_id == self.order.attempt.task_id
        return FreshTask(self.order.attempt.model_copy(update={"status": self.status}))


class World:
    """One execution of an attempt: `main` holds `file` and `old` at the input ref, and the volume is empty."""

    def __init__(self, root: Path, earlier: "World | None" = None, **order_changes: Any) -> None:
        self.order = order(**({"retry_seconds": 0, "outage_seconds": 0} | order_changes))
        self.root = root
        self.repository: FakeRepository = earlier.repository if earlier else FakeRepository()
        self.base: str = earlier.base if earlier else _base(self.repository)
        self.workspace = WorkspaceInput(repository="repo", branch="main", ref_type="commit", ref=self.base)
        self.api = FakeAttemptApi(stored_attempt(self.order, workspace=self.workspace.model_dump()))
        self.api.faults.seen = self.repository.faults.seen
        self.conductor = Conductor(self.order)
        self.post_seconds = POST_SECONDS
        self.turn: Turn = FreeTurn()
        self.now = 0.0

    def later(self) -> "World":
        """The next execution of the same attempt, after the agent of this one has died."""
        return World(self.root, self, execution=self.order.execution + 1)

    @property
    def seen(self) -> list[str]:
        """The calls that reached API server and lakeFS, in their order."""
        return self.repository.faults.seen

    @property
    def execution(self) -> TaskExecutionContext:
        """The attempt as the core names it."""
        return TaskExecutionContext(self.order.attempt, self.order.execution_id)

    @property
    def branch(self) -> str:
        """The staging branch of this execution."""
        return staging_branch_name(self.execution)

    @property
    def directory(self) -> Path:
        """The task's directory."""
        return attempt_workspace_dir(self.root, self.execution)

    @property
    def outcome(self) -> wire.Outcome:
        """What was recorded."""
        return wire.Outcome.model_validate(self.api.status["outcome"])

    def status(self) -> StatusWriter:
        """A writer of this attempt's status."""
        return StatusWriter(self.api, self.order.retry_seconds, self.post_seconds)

    def fence(self) -> AttemptFence:
        """This attempt's fence."""
        return AttemptFence(self.order, self.api, None if self.order.conductor is None else self.conductor)

    async def steps(self, status: StatusWriter | None = None) -> WorkspaceSteps:
        """The workspace's steps."""
        checkout = await checked_out(self.repository, self.workspace, self.order.retry_seconds)
        plan = Plan("main", checkout.commit, publication.identity(self.order), True, self.order.outage_seconds, 0)
        publisher = Publisher(self.repository, plan, self.fence().require, self.turn)
        storage, status = Storage(self.root), status or self.status()
        return WorkspaceSteps(self.order, storage, self.repository, checkout, publisher, status)

    def agent(self) -> Agent:
        """The agent of this execution; needs a running event loop."""
        status = self.status()
        preparation = Preparation(self.order, self.api, self.conductor, lambda workspace: self.steps(status))
        ending = Ending(self.order, status, lambda: self.now)
        return Agent(
            preparation, Session(self.order, self.root, preparation, self.fence(), status, ending), ending, status
        )

    def work(self, **files: str) -> None:
        """The task's body, once the workspace was downloaded, and the list of what it changed."""
        for name, content in ({"new": "new", "file": "after"} | files).items():
            (self.directory / name).write_text(content)
        self.list_changes(CHANGES)

    def list_changes(self, changes: Changes) -> None:
        """The list that the task writes before it stages, in place of an earlier one."""
        path = AttemptVolume(self.root, self.execution, 0).changes
        path.unlink(missing_ok=True)
        write_changes(path, changes)


def stored_attempt(order: wire.Order, **workspace: Any) -> dict[str, Any]:
    """The attempt of an order, as the API server has it."""
    metadata = {"namespace": order.namespace, "name": order.name, "uid": order.uid}
    return {"metadata": metadata, "spec": {"input": {"params": {}} | workspace}}


def _base(repository: FakeRepository) -> str:
    repository.lakefs.put("file", "before")
    repository.lakefs.put("old", "old")
    return repository.lakefs.commit()


async def play(world: World, session: Session, *calls: wire.Call) -> list[wire.WireModel]:
    """A task's calls and their answers; before its download it makes its directory, after it the body runs."""
    answers = []
    for call in calls:
        if isinstance(call, wire.Download):
            world.directory.mkdir(exist_ok=True)
        answers.append(await session.answer(call))
        if isinstance(call, wire.Download) and isinstance(answers[-1], wire.Downloaded):
            world.work()
        await asyncio.sleep(0)
    return answers


async def refusal(session: Session, call: wire.Call) -> wire.Refusal:
    """The refusal that a call is answered with."""
    answer = await session.answer(call)
    assert isinstance(answer, wire.Refusal), answer
    return answer
