"""One attempt's session: carries out the task's calls in order.

Repository, branch and refs come from the attempt alone; from the task come its prefix, the list of changed paths and
its output. Calls out of order are refused by `perago.agent.sequence`, and `perago.agent.failures` says what a failure
means: the task learns the exception to raise, the recorded outcome gets the precise reason.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from loguru import logger

from perago import wire
from perago.agent.clients.attempt_api import AttemptGone
from perago.agent.ending import Ending
from perago.agent.failures import PROTOCOL, Failure, ProtocolMismatch, failure_of
from perago.agent.fence import AttemptFence, stale
from perago.agent.preparation import Preparation
from perago.agent.sequence import Event, OutOfOrder, State, advance, after_failure
from perago.agent.status import StatusWriter
from perago.agent.steps import WorkspaceSteps
from perago.attempt import is_current
from perago.errors import TaskExecutionError

DONE: Final = wire.Done()


class Session:
    """Answers the calls of one task."""

    def __init__(
        self,
        order: wire.Order,
        workspace_root: Path,
        preparation: Preparation,
        fence: AttemptFence,
        status: StatusWriter,
        ending: Ending,
    ) -> None:
        self._order = order
        self._workspace_root = workspace_root
        self._preparation = preparation
        self._fence = fence
        self._status = status
        self._ending = ending
        self._state = State.NEW
        self._has_workspace = False
        self._cause: Failure | None = None
        """Why the attempt can only fail; the first one counts."""
        self._steps: WorkspaceSteps | None = None

    async def answer(self, call: wire.Call) -> wire.WireModel:
        """Carry out one call; what goes wrong is a Refusal.

        Raised is only what leaves no attempt to report to: AttemptGone, and that the outcome cannot be recorded.
        """
        event = event_of(call, has_workspace=self._has_workspace)
        try:
            after = advance(self._state, event)
        except OutOfOrder as error:
            logger.warning("refused: {}", error)
            return wire.Refusal(error=TaskExecutionError.__name__, message=f"{PROTOCOL}: {error}")
        logger.info("the task calls {!r}", call.call)
        if isinstance(call, wire.Result):
            return await self._result(call)
        try:
            answer = await self._carry_out(call)
        except AttemptGone:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: every failure of a call is reported to the task
            return self._failed(event, error)
        self._state = after if self._cause is None else after_failure(self._state, event)
        return answer

    async def _carry_out(self, call: wire.Call) -> wire.WireModel:
        match call:
            case wire.Hello():
                return await self._hello(call)
            case wire.Download():
                return await self._timed("downloading", lambda: self._download(call))
            case wire.LoadCurrentAttempt():
                return await self._current_attempt()
            case wire.Stage():
                return await self._timed("staging", lambda: self._begin("Staging").stage())
            case wire.Publish():
                return await self._timed("publishing", lambda: self._publish(call))
            case wire.CompleteNoop():
                return await self._timed("publishing", lambda: self._begin("Publishing").keep())
            case wire.CleanupStaging():
                await self._ending.clean_up()
                return DONE
            case wire.Result():
                raise AssertionError("results are handled before")

    async def _hello(self, call: wire.Hello) -> wire.WireModel:
        if call.protocol != wire.PROTOCOL_VERSION:
            raise ProtocolMismatch(
                f"the perago in the task's image speaks protocol {call.protocol}, the agent {wire.PROTOCOL_VERSION}: "
                "build the image from the runner image of the installed version"
            )
        attempt = await self._preparation.input()
        self._has_workspace = attempt.workspace is not None
        self._status.post(wire.StatusReport(step="Downloading" if self._has_workspace else "Executing"))
        return wire.Assignment(
            module=self._order.module,
            input=attempt.input,
            attempt=self._order.attempt,
            execution_id=self._order.execution_id,
            exclude=self._order.exclude,
            workspace_root=str(self._workspace_root),
            failure_reason_max_length=self._order.failure_reason_max_length,
        )

    async def _download(self, call: wire.Download) -> wire.WireModel:
        steps = self._steps = await self._preparation.steps()
        self._ending.worked_on(steps)
        self._status.post(wire.StatusReport(workspace=steps.report()))
        answer = await steps.download(call)
        self._status.post(wire.StatusReport(step="Executing"))
        return answer

    async def _current_attempt(self) -> wire.CurrentAttempt:
        fresh = await self._fence.current()
        if not is_current(self._order.attempt, fresh):
            self._cause = failure_of(stale(fresh))
        return fresh

    async def _publish(self, call: wire.Publish) -> wire.WireModel:
        answer = await self._begin("Publishing").publish(call.output)
        self._ending.published(call.output)
        return answer

    def _begin(self, step: wire.Step) -> WorkspaceSteps:
        assert self._steps is not None  # the order of calls has a download before
        self._status.post(wire.StatusReport(step=step))
        return self._steps

    async def _timed(self, step: str, work: Callable[[], Awaitable[wire.WireModel]]) -> wire.WireModel:
        with self._ending.timing(step):
            answer = await work()
        self._status.post(wire.StatusReport(timings=self._ending.timings))
        return answer

    def _failed(self, event: Event, error: Exception) -> wire.Refusal:
        failure = failure_of(error)
        logger.opt(exception=error).warning("{!r} failed: {}: {}", event.value, failure.reason, failure.message)
        self._state = after_failure(self._state, event)
        if self._state is State.FAILED and self._cause is None:
            self._cause = failure
        return wire.Refusal(error=failure.error, message=failure.message)

    async def _result(self, call: wire.Result) -> wire.WireModel:
        if call.executing_seconds is not None:
            self._ending.took("executing", call.executing_seconds)
        await self._ending.record_result(call, self._cause)
        self._state = State.ENDED
        return DONE


def event_of(call: wire.Call, *, has_workspace: bool) -> Event:
    """The event of the call order that a call is, for an attempt with or without a workspace."""
    match call:
        case wire.Download():
            return Event.DOWNLOAD_READ_ONLY if call.read_only else Event.DOWNLOAD
        case wire.Result(status="COMPLETED"):
            return Event.COMPLETED if has_workspace else Event.COMPLETED_WITHOUT_WORKSPACE
        case wire.Result():
            return Event.NOT_COMPLETED
        case _:
            return Event(call.call)
