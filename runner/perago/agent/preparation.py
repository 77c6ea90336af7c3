"""What the agent finds out before the task needs it: the attempt, its input, and its workspace's commit.

It is started with the agent, while the task container starts as well, and awaited where it is needed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from loguru import logger
from pydantic import ValidationError

from perago import wire
from perago.agent.clients.attempt_api import AttemptObject
from perago.agent.clients.http import describe, retried
from perago.agent.fence import ReadsAttempt, ReadsTask, known_task
from perago.agent.steps import WorkspaceSteps
from perago.errors import TaskInputError
from perago.reference import WorkspaceInput
from perago.wire import JsonObject
from perago.wire.depth import read_json
from perago.wire.inputs import input_problem

OpensWorkspace = Callable[[WorkspaceInput], Awaitable[WorkspaceSteps]]


@dataclass(frozen=True)
class PreparedAttempt:
    """The attempt's input, its workspace where it has a valid one, and the staging branch that its status names."""

    input: JsonObject
    workspace: WorkspaceInput | None
    left_staging: wire.Staging | None


class Preparation:
    """Reads once what the attempt starts from; unreachable servers are retried for the order's time."""

    def __init__(
        self, order: wire.Order, attempt: ReadsAttempt, conductor: ReadsTask | None, open_workspace: OpensWorkspace
    ) -> None:
        """Start reading; needs a running event loop."""
        self._order = order
        self._attempt = attempt
        self._conductor = conductor
        self._open_workspace = open_workspace
        self._reading = asyncio.create_task(self._read())
        self._opening = asyncio.create_task(self._open())
        self._opening.add_done_callback(_log_failure)

    async def input(self) -> PreparedAttempt:
        """The input from the spec or from Conductor; raises AttemptGone, TaskInputError, NoAnswer."""
        return await asyncio.shield(self._reading)

    async def steps(self) -> WorkspaceSteps:
        """The workspace's steps; raises TaskInputError, LakeFSError, NoAnswer, and as `input` does."""
        steps = await asyncio.shield(self._opening)
        if steps is None:
            raise TaskInputError("the attempt's input has no valid workspace")
        return steps

    async def _read(self) -> PreparedAttempt:
        attempt = await retried(self._attempt.get, self._order.retry_seconds)
        data = await self._input_of(attempt)
        if problem := input_problem(data):
            raise TaskInputError(problem)
        return PreparedAttempt(data, workspace_of(data), attempt.staging)

    async def _open(self) -> WorkspaceSteps | None:
        workspace = (await self.input()).workspace
        return None if workspace is None else await self._open_workspace(workspace)

    async def _input_of(self, attempt: AttemptObject) -> JsonObject:
        if self._order.input_from == "Spec":
            return (attempt.input or {}) if attempt.input_json is None else _exact_input(attempt.input_json)
        conductor, ordered = self._conductor, self._order.conductor
        if conductor is None or ordered is None:
            raise TaskInputError(
                "the attempt has inputFrom: Conductor but no Conductor task; set spec.input, or spec.conductor"
            )
        task = await retried(lambda: known_task(conductor, ordered.task_id), self._order.retry_seconds)
        if task is None:
            raise TaskInputError(f"Conductor does not know the task {ordered.task_id}, which holds the attempt's input")
        if task.input_is_elsewhere:
            raise TaskInputError(
                f"the input of task {ordered.task_id} is too large for Conductor to return (over 3 MiB, kept in its "
                "external payload storage): put the data into the workspace and pass its path"
            )
        return task.input_data


def _exact_input(text: str) -> JsonObject:
    try:
        data = read_json(text.encode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise TaskInputError(f"spec.inputJson is not JSON: {error}; correct it, or leave it out") from error
    if not isinstance(data, dict):
        raise TaskInputError("spec.inputJson must hold a JSON object, as spec.input does; correct it, or leave it out")
    return data


def workspace_of(data: JsonObject) -> WorkspaceInput | None:
    """The workspace of an input; None when it has none or an invalid one, which the attempt core will refuse."""
    try:
        return WorkspaceInput.model_validate(data["workspace"])
    except (KeyError, ValidationError):
        return None


def _log_failure(opening: "asyncio.Task[WorkspaceSteps | None]") -> None:
    """Whoever asks gets the failure as well; a task that dies before it asks leaves it to this log."""
    if not opening.cancelled() and (error := opening.exception()) is not None:
        logger.warning("the workspace could not be prepared: {}: {}", type(error).__name__, describe(error))
