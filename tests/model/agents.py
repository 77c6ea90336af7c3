"""The agent of an execution: its real parts, put together over the model's servers.

In place of the data plane there are two calls, so that no thread is needed; the task's side is a list of its calls.
"""

from collections.abc import Iterable
from pathlib import Path

from perago import wire
from perago.agent import publication
from perago.agent.clients.http import retried
from perago.agent.data.transfer import Moved, Transfer, object_path
from perago.agent.data.volume import AttemptVolume, Space, Tree
from perago.agent.ending import Ending
from perago.agent.preparation import Preparation
from perago.agent.publisher import Turn
from perago.agent.session import Session
from perago.agent.status import StatusWriter
from perago.agent.steps import Storage, WorkspaceSteps, checked_out
from perago.agent.target import Plan
from perago.attempt import Changes
from perago.models import WorkspaceSpec
from perago.reference import WorkspaceInput
from perago.workspace.changelist import write_changes
from perago.workspace.directory import attempt_workspace_dir
from tests.fakes.repository import FakeRepository
from tests.model.attempts import PREFIX, Execution, PodApi, Servers


class Moves(Transfer):
    """In place of the data plane: one upload for each changed file."""

    def __init__(self, lakefs: FakeRepository, spec: WorkspaceSpec, execution: Execution) -> None:
        self._repository, self._prefix, self._execution = lakefs, spec, execution

    async def download(self, ref: str, manifest: Path, space: Space) -> Moved:
        """See `Transfer`."""
        return Moved(0, 0)

    async def upload(self, branch: str, paths: Iterable[str], count: int | None = None) -> Moved:
        """See `Transfer`."""
        for path in paths:
            content = self._execution.files[path].encode()
            await retried(lambda: self._repository.upload(branch, object_path(self._prefix, path), content), 60)  # noqa: B023
        return Moved(0, 0)

    async def delete(self, branch: str, paths: Iterable[str]) -> None:
        """See `Transfer`."""


def agent_of(execution: Execution, servers: Servers, turn: Turn) -> tuple[Session, Ending, Preparation, StatusWriter]:
    """The agent's parts, put together as its composition root does."""
    order, parts = execution.order, servers.parts
    api = PodApi(execution, servers)
    status = parts.status(api, order.retry_seconds)
    lakefs = servers.lakefs()
    fence = parts.fence(order, api, servers.tasks)

    async def opened(workspace: WorkspaceInput) -> WorkspaceSteps:
        checkout = await checked_out(lakefs, workspace, order.retry_seconds)
        me = publication.identity(order)
        plan = Plan(workspace.branch, checkout.commit, me, parts.replace_unmarked, order.outage_seconds)
        publisher = parts.publisher(lakefs, plan, fence.require, turn)
        steps = _steps(parts.steps, execution)
        return steps(order, Storage(servers.disk), lakefs, checkout, publisher, status)

    preparation = Preparation(order, api, servers.tasks, opened)
    ending = Ending(order, status, servers.scheduler.loop.time)
    return Session(order, servers.disk, preparation, fence, status, ending), ending, preparation, status


def _steps(steps: type[WorkspaceSteps], execution: Execution) -> type[WorkspaceSteps]:
    class Steps(steps):  # type: ignore[valid-type, misc]  # a variant's, or the real ones
        def _transfer(self, tree: Tree, seconds: float) -> Transfer:
            return Moves(self._lakefs, self._spec, execution)

    return Steps


async def live(execution: Execution, servers: Servers, turn: Turn) -> None:
    """As `perago.agent.life` does it, but for the socket; the task's calls are those of `perago.run`."""
    session, ending, preparation, status = agent_of(execution, servers, turn)
    try:
        if execution.number > 1 and await ending.record_evidence(preparation):
            return
        await _task(execution, session, servers.disk)
        if not ending.recorded:
            await ending.record_publication()
    except Exception:  # noqa: BLE001 - the edge of the process, as in `perago.agent.run`
        servers.scheduler.note(execution.process, "gives up", "the outcome is not recorded")
    finally:
        await _leave_nothing(ending, status)


async def _leave_nothing(ending: Ending, status: StatusWriter) -> None:
    try:
        await ending.clean_up()
        await status.flush()
    except Exception:  # noqa: BLE001 - best effort, as in `perago.agent.life`
        return


async def _task(execution: Execution, session: Session, disk: Path) -> None:
    directory = attempt_workspace_dir(disk, execution.context)
    directory.mkdir()
    write_changes(AttemptVolume(disk, execution.context, 0).changes, Changes(added=tuple(execution.files)))
    work: tuple[wire.Call, ...] = (
        (wire.Stage(), wire.LoadCurrentAttempt(), wire.Publish(output=execution.output))
        if execution.files
        else (wire.CompleteNoop(),)
    )
    before = (wire.Hello(), wire.Download(prefix=PREFIX, read_only=False), wire.LoadCurrentAttempt())
    result = wire.Result(status="COMPLETED", reason="Completed", output=execution.output)
    for call in (*before, *work):
        answer = await session.answer(call)
        if isinstance(answer, wire.Refusal):
            result = wire.Result(status="FAILED", reason="TaskFailed", message=answer.message)
            break
        if isinstance(answer, wire.CurrentAttempt) and answer.status != wire.IN_PROGRESS:
            result = wire.Result(status="FAILED", reason="TaskFailed", message="stale")
            break
    await session.answer(wire.CleanupStaging())
    await session.answer(result)
