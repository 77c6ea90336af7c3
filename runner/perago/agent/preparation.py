"""What the agent finds out before the task needs it: the attempt, its input, and the input ref's commit.

Begun at the agent's start, beside the task container's own start, and awaited where it is needed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from loguru import logger
from pydantic import ValidationError

from perago import wire
from perago.agent.clients.attempt_api import AttemptObject
from perago.agent.clients.http import describe, retried
from perago.agent.clients.lakefs import LakeFS
from perago.agent.fence import ReadsAttempt, ReadsTask
from perago.agent.steps import WorkspaceSteps
from perago.errors import TaskInputError
from perago.reference import WorkspaceInput
from perago.wire import JsonObject


@dataclass(frozen=True)
class Input:
    """The attempt's input, its workspace where it has a valid one, and the staging branch its status names."""

    data: JsonObject
    workspace: WorkspaceInput | None
    left_staging: wire.Staging | None


@dataclass(frozen=True)
class Sources:
    """Where the facts come from; `repository` gives a client, `steps` the steps for workspace, client and commit."""

    attempt: ReadsAttempt
    conductor: ReadsTask | None
    repository: Callable[[str], LakeFS]
    steps: Callable[[WorkspaceInput, LakeFS, str], WorkspaceSteps]


class Preparation:
    """Reads once what the attempt starts from; unreachable servers are retried for the order's time."""

    def __init__(self, order: wire.Order, sources: Sources) -> None:
        """Begins to read; needs a running event loop."""
        self._order = order
        self._sources = sources
        self._input = asyncio.create_task(self._read_input())
        self._steps = asyncio.create_task(self._make_steps())
        self._steps.add_done_callback(_log_failure)

    async def input(self) -> Input:
        """The input from the spec or from Conductor; raises AttemptGone, TaskInputError, NoAnswer."""
        return await asyncio.shield(self._input)

    async def steps(self) -> WorkspaceSteps:
        """The workspace's steps from the input ref's commit; raises TaskInputError, LakeFSError, NoAnswer."""
        steps = await asyncio.shield(self._steps)
        if steps is None:
            raise TaskInputError("the attempt's input has no valid workspace")
        return steps

    async def _read_input(self) -> Input:
        found = await retried(self._sources.attempt.get, self._order.retry_seconds)
        data = await self._input_data(found)
        return Input(data, workspace_of(data), found.staging)

    async def _make_steps(self) -> WorkspaceSteps | None:
        workspace = (await self.input()).workspace
        if workspace is None:
            return None
        lakefs = self._sources.repository(workspace.repository)
        commit = await retried(lambda: lakefs.commit_record(workspace.ref), self._order.retry_seconds)
        if not commit.id.startswith(workspace.ref):
            raise TaskInputError(f"ref {workspace.ref!r} is no commit id (it now stands at {commit.id})")
        return self._sources.steps(workspace, lakefs, commit.id)

    async def _input_data(self, found: AttemptObject) -> JsonObject:
        if self._order.input_from == "Spec":
            return found.input or {}
        conductor, ordered = self._sources.conductor, self._order.conductor
        if conductor is None or ordered is None:
            raise TaskInputError("the input is to come from Conductor, but the attempt has no Conductor task")
        task = await retried(lambda: conductor.task(ordered.task_id), self._order.retry_seconds)
        if task is None:
            raise TaskInputError(f"Conductor does not know the task {ordered.task_id} that the input is to come from")
        if task.input_is_elsewhere:
            raise TaskInputError(
                f"the input of task {task.task_id} is too large for Conductor to hand out (over 3 MiB, kept in its "
                "external payload storage): put the data into the workspace and pass its path"
            )
        return task.input_data


def workspace_of(data: JsonObject) -> WorkspaceInput | None:
    """The workspace of an input; None when it has none or an invalid one, which the attempt core will refuse."""
    try:
        return WorkspaceInput.model_validate(data["workspace"])
    except (KeyError, ValidationError):
        return None


def _log_failure(preparing: "asyncio.Task[WorkspaceSteps | None]") -> None:
    """Whoever asks gets the failure as well; a task that dies before it asks leaves it to this log."""
    if not preparing.cancelled() and (error := preparing.exception()) is not None:
        logger.warning("the workspace could not be prepared: {}: {}", type(error).__name__, describe(error))
