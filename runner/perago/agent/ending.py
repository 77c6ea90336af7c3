"""How one attempt ends: its outcome, written once, and the staging branch, deleted.

The outcome follows from the task's result, from a publication that the task did not live to report, or from what an
earlier execution published. Which of them applies is decided by `perago.agent.session` and `perago.agent.run`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from loguru import logger

from perago import wire
from perago.agent import outcome as outcomes
from perago.agent.clients.attempt_api import ClusterRefused
from perago.agent.clients.http import NoAnswer
from perago.agent.clients.lakefs_errors import LakeFSError
from perago.agent.failures import Failure, PublishedWithoutOutput, failure_of
from perago.agent.preparation import Preparation
from perago.agent.status import StatusWriter
from perago.agent.steps import WorkspaceSteps
from perago.errors import PublishFenceError
from perago.wire import JsonObject, Reason


class Ending:
    """Knows what the outcome has to say, and records it."""

    def __init__(self, order: wire.Order, status: StatusWriter, clock: Callable[[], float] = time.monotonic) -> None:
        self._terms = outcomes.Terms(order.failure_reason_max_length, order.failure_policy)
        self._execution = order.execution
        self._status = status
        self._clock = clock
        self._steps: WorkspaceSteps | None = None
        self._timings: dict[str, float] = {}
        self._published: JsonObject | None = None
        self._recorded = False

    @property
    def recorded(self) -> bool:
        """Whether the outcome is recorded: nothing more may be asked."""
        return self._recorded

    def worked_on(self, steps: WorkspaceSteps) -> None:
        """The attempt has this workspace, which the outcome names and whose staging branch has to go."""
        self._steps = steps

    @contextmanager
    def timing(self, step: str) -> Iterator[None]:
        """Measure a step that is carried out inside this block; one that fails has no time."""
        start = self._clock()
        yield
        self.took(step, self._clock() - start)

    def took(self, step: str, seconds: float) -> None:
        """A step of the attempt ended after so many seconds."""
        self._timings[step] = round(seconds, 3)

    def published(self, output: JsonObject) -> None:
        """The work is on the target branch: from here on it counts, with this output of the body."""
        self._published = output

    @property
    def timings(self) -> wire.StepTimings:
        """The seconds that each step took."""
        return wire.StepTimings.model_validate(self._timings)

    async def record_result(self, result: wire.Result, cause: Failure | None) -> None:
        """Record the task's result; `cause` is the agent's own, more precise knowledge of why it failed."""
        if result.status == "COMPLETED":
            await self.record(await self._completed(result.output or {}))
        else:
            await self.record(outcomes.not_completed(result, cause.reason if cause else None, self._terms))

    async def _completed(self, output: JsonObject) -> wire.Outcome:
        """The task's result with the workspace that this agent knows to be true, or none, whatever the task says."""
        result = {key: value for key, value in output.items() if key == "result"}
        if self._steps is None:
            return self._stored(result, None)
        try:
            await self._steps.confirm()
        except (PublishFenceError, LakeFSError, PublishedWithoutOutput) as error:
            return outcomes.failed(failure_of(error).reason, str(error), self._terms)
        return self._stored({**result, **self._steps.output()}, self._steps.remark)

    def _stored(self, output: JsonObject, remark: str | None) -> wire.Outcome:
        try:
            return outcomes.completed(output, remark)
        except (outcomes.OutputTooLarge, wire.NotJson) as error:
            return outcomes.failed(failure_of(error).reason, str(error), self._terms)

    async def record_publication(self) -> bool:
        """The task died after its work was published: record that; False when nothing was published."""
        if self._published is None:
            return False
        await self.record(await self._completed(self._published))
        return True

    async def record_misconduct(self, wrong: str) -> None:
        """The task has sent something other than calls, which ends the conversation: its fault, not a node's."""
        message = f"the task broke off the conversation with its agent: {wrong}"
        await self.record(outcomes.failed(Reason.TASK_EXECUTION_ERROR, message, self._terms))

    async def record_evidence(self, preparation: Preparation) -> bool:
        """A later execution: complete from what an earlier one published, or record why that cannot be known.

        False when nothing was published. Raises NoAnswer when lakeFS is away for too long: the operator then looks
        itself, however long that takes. The branch that the earlier execution may have left is deleted first, so that
        its agent, should it still live, cannot publish after the look.
        """
        attempt = await preparation.input()
        if attempt.workspace is None:
            return False
        try:
            steps = await preparation.steps()
            self.worked_on(steps)
            output = await steps.output_of_earlier_execution(attempt.left_staging)
            outcome = None if output is None else outcomes.completed(output)
        except NoAnswer:
            raise
        except Exception as error:  # noqa: BLE001 - the edge: whatever else hides the evidence is the outcome
            failure = failure_of(error)
            logger.opt(exception=error).warning("no evidence could be had: {}", failure.message)
            outcome = outcomes.failed(failure.reason, failure.message, self._terms)
        if outcome is not None:
            await self.record(outcome)
        return outcome is not None

    async def record(self, outcome: wire.Outcome) -> None:
        """Write the outcome; raises when the cluster cannot be reached in the order's time, or refuses it twice."""
        workspace = self._steps.report(completed=outcome.status == "COMPLETED") if self._steps else None
        report = wire.StatusReport(outcome=self._signed(outcome), timings=self.timings, workspace=workspace)
        try:
            await self._status.write(report)
        except ClusterRefused as error:
            logger.error("the outcome was refused; recording that instead: {}", error)
            outcome = outcomes.failed(Reason.OUTCOME_REFUSED, str(error), self._terms)
            # without the timings: one of them is the task's word, and may be what was refused
            await self._status.write(wire.StatusReport(outcome=self._signed(outcome), workspace=workspace))
        self._recorded = True
        logger.info("recorded {} ({})", outcome.status, outcome.reason)

    def _signed(self, outcome: wire.Outcome) -> wire.Outcome:
        """With the execution: that of a pod which was given up, and lives on at a lost node, does not count."""
        return outcome.model_copy(update={"execution": self._execution})

    async def clean_up(self) -> None:
        """Delete what may be left of the staging branch."""
        if self._steps is not None:
            await self._steps.cleanup()
