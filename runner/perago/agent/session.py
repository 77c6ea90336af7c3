"""One attempt's session: carries out the task's calls in order, and remembers what happened.

Repository, branch and refs come from the attempt alone; from the task come its prefix, the list of changed paths and
its output. Calls out of order are refused by `perago.agent.sequence`, failures are told by `perago.agent.failures`:
the task learns the exception to raise, the recorded outcome gets the precise reason.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from loguru import logger

from perago import wire
from perago.agent import outcome as outcomes
from perago.agent.clients.attempt_api import AttemptGone, ClusterRefused
from perago.agent.failures import EXECUTION, PROTOCOL, Failure, ProtocolMismatch, failure_of
from perago.agent.fence import AttemptFence, describe_stale, is_current
from perago.agent.preparation import Preparation
from perago.agent.sequence import Event, OutOfOrder, State, advance, after_failure
from perago.agent.status import StatusWriter
from perago.agent.steps import WorkspaceSteps
from perago.errors import StaleAttemptError, TaskInputError
from perago.wire import JsonObject, Reason

DONE: Final = wire.Done()


@dataclass
class Parts:
    """What a session works with."""

    order: wire.Order
    workspace_root: Path
    status: StatusWriter
    fence: AttemptFence
    preparation: Preparation
    clock: Callable[[], float]


@dataclass
class Seen:
    """What has happened so far."""

    state: State = State.NEW
    cause: Failure | None = None
    steps: WorkspaceSteps | None = None
    output: JsonObject | None = None
    timings: dict[str, float] = field(default_factory=dict)


class Session:
    """Answers the calls of one task."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.seen = Seen()

    async def answer(self, call: wire.Call) -> wire.WireModel:
        """Carry out one call; what goes wrong is a Refusal.

        Raised is only what leaves no attempt to report to: AttemptGone, and that the outcome cannot be recorded.
        """
        event = event_of(call)
        try:
            after = advance(self.seen.state, event)
        except OutOfOrder as error:
            logger.warning("refused: {}", error)
            return wire.Refusal(error=EXECUTION, message=f"{PROTOCOL}: {error}")
        if isinstance(call, wire.Result):
            return await self._result(call)
        try:
            answer = await self._carry_out(call)
        except AttemptGone:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: every failure of a call is told to the task
            return self._failed(event, error)
        self.seen.state = after
        return answer

    async def _carry_out(self, call: wire.Call) -> wire.WireModel:
        match call:
            case wire.Hello():
                return await self._hello(call)
            case wire.Download():
                return await self._timed("downloading", lambda: self._download(call))
            case wire.LoadCurrentAttempt():
                return await self._fence()
            case wire.Stage():
                return await self._timed("staging", lambda: self._step("Staging").stage(call))
            case wire.Publish():
                return await self._timed("publishing", lambda: self._publish(call))
            case wire.CompleteNoop():
                return await self._timed("publishing", lambda: self._step("Publishing").keep())
            case wire.CleanupStaging():
                await self.cleanup()
                return DONE
            case wire.Result():
                raise AssertionError("results are handled before")

    async def _hello(self, call: wire.Hello) -> wire.WireModel:
        order = self._parts.order
        if call.protocol != wire.PROTOCOL_VERSION:
            raise ProtocolMismatch(
                f"the perago in the task's image speaks protocol {call.protocol}, the agent {wire.PROTOCOL_VERSION}"
            )
        found = await self._parts.preparation.input()
        self._parts.status.post(wire.StatusReport(step="Executing" if found.workspace is None else "Downloading"))
        return wire.Assignment(
            module=order.module,
            input=found.data,
            attempt=order.conductor_or_standalone,
            execution_id=order.execution_id,
            workspace_root=str(self._parts.workspace_root),
            failure_reason_max_length=order.failure_reason_max_length,
        )

    async def _download(self, call: wire.Download) -> wire.WireModel:
        steps = self.seen.steps = await self._parts.preparation.steps()
        self._parts.status.post(wire.StatusReport(workspace=steps.report()))
        answer = await steps.download(call)
        self._parts.status.post(wire.StatusReport(step="Executing"))
        return answer

    async def _fence(self) -> wire.CurrentAttempt:
        fresh = await self._parts.fence.current()
        if not is_current(self._parts.order, fresh):
            self.seen.cause = failure_of(StaleAttemptError(fresh.attempt.task_id, describe_stale(fresh)))
        return fresh

    async def _publish(self, call: wire.Publish) -> wire.WireModel:
        self.seen.output = call.output
        return await self._step("Publishing").publish(call.output)

    def _step(self, step: wire.Step) -> WorkspaceSteps:
        steps = self.seen.steps
        assert steps is not None  # the order of calls has a download before
        if self.seen.cause is not None:
            raise StaleAttemptError(self._parts.order.uid, self.seen.cause.message)
        self._parts.status.post(wire.StatusReport(step=step))
        return steps

    async def _timed(self, name: str, work: Callable[[], Awaitable[wire.WireModel]]) -> wire.WireModel:
        start = self._parts.clock()
        answer = await work()
        self.seen.timings[name] = round(self._parts.clock() - start, 3)
        self._parts.status.post(wire.StatusReport(timings=wire.StepTimings.model_validate(self.seen.timings)))
        return answer

    def _failed(self, event: Event, error: Exception) -> wire.Refusal:
        failure = failure_of(error)
        logger.opt(exception=error).warning("{!r} failed: {}: {}", event.value, failure.reason, failure.message)
        self.seen.state = after_failure(self.seen.state, event)
        if self.seen.state is State.FAILED and self.seen.cause is None:
            self.seen.cause = failure
        return wire.Refusal(error=failure.error, message=failure.message)

    async def _result(self, call: wire.Result) -> wire.WireModel:
        if call.executing_seconds is not None:
            self.seen.timings["executing"] = round(call.executing_seconds, 3)
        await self.record(self._outcome(call))
        return DONE

    def _outcome(self, call: wire.Result) -> wire.Outcome:
        limit = self._parts.order.failure_reason_max_length
        if call.status != "COMPLETED":
            cause = self.seen.cause.reason if self.seen.cause else None
            return outcomes.not_completed(call, cause, limit)
        try:
            return outcomes.completed(self._verified(call.output or {}))
        except (outcomes.OutputTooLarge, TaskInputError) as error:
            return outcomes.failed(failure_of(error).reason, str(error), limit)

    def _verified(self, output: JsonObject) -> JsonObject:
        """The output with the workspace that this agent knows to be true, whatever the task says of it."""
        if self.seen.steps is None:
            return output
        return {**output, **self.seen.steps.output()}

    async def completed_by_evidence(self) -> bool:
        """A later execution: complete from what an earlier one published, or record why that cannot be known.

        False when nothing was published, and at the first execution. The branch that the earlier execution may have
        left is deleted first, so that its agent, should it still live, cannot publish after the look.
        """
        found = await self._parts.preparation.input()
        if self._parts.order.execution == 1 or found.workspace is None:
            return False
        try:
            steps = self.seen.steps = await self._parts.preparation.steps()
            published = await steps.left_by_earlier_execution(found.left_staging)
            outcome = outcomes.completed(steps.completed_from(published)) if published else None
        except Exception as error:  # noqa: BLE001 - the edge: whatever keeps the evidence from being known is the outcome
            failure = failure_of(error)
            logger.opt(exception=error).warning("no evidence could be had: {}", failure.message)
            outcome = outcomes.failed(failure.reason, failure.message, self._parts.order.failure_reason_max_length)
        if outcome is not None:
            await self.record(outcome)
        return outcome is not None

    async def published_without_result(self) -> bool:
        """The task died after its work was published: record that; False when nothing was published."""
        if self.seen.state is not State.PUBLISHED or self.seen.steps is None or self.seen.output is None:
            return False
        await self.record(outcomes.completed({**self.seen.output, **self.seen.steps.output()}))
        return True

    async def record(self, outcome: wire.Outcome) -> None:
        """Write the outcome, once; raises when the cluster cannot be reached in the order's time, or refuses it."""
        timings = wire.StepTimings.model_validate(self.seen.timings)
        completed = outcome.status == "COMPLETED"
        workspace = self.seen.steps.report(completed=completed) if self.seen.steps else None
        report = wire.StatusReport(outcome=outcome, timings=timings, workspace=workspace)
        try:
            await self._parts.status.write(report)
        except ClusterRefused as error:
            logger.error("the outcome was refused; recording that instead: {}", error)
            outcome = outcomes.failed(Reason.OUTCOME_REFUSED, str(error), self._parts.order.failure_reason_max_length)
            await self._parts.status.write(report.model_copy(update={"outcome": outcome}))
        self.seen.state = State.ENDED
        logger.info("recorded {} ({})", outcome.status, outcome.reason)

    def ended(self) -> bool:
        """Whether the outcome is recorded: nothing more may be asked."""
        return self.seen.state is State.ENDED

    async def flush(self) -> None:
        """Wait until what was reported is written."""
        await self._parts.status.flush()

    async def cleanup(self) -> None:
        """Delete what may be left of the staging branch."""
        if self.seen.steps is not None:
            await self.seen.steps.cleanup()


def event_of(call: wire.Call) -> Event:
    """The event of the call order that a call is."""
    match call:
        case wire.Download():
            return Event.DOWNLOAD_READ_ONLY if call.read_only else Event.DOWNLOAD
        case wire.Result():
            return Event.COMPLETED if call.status == "COMPLETED" else Event.NOT_COMPLETED
        case _:
            return Event(call.call)
