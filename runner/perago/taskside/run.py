"""Runs the attempt core for one assignment, with the agent behind its ports. It knows no socket."""

from dataclasses import dataclass
from pathlib import Path

from perago import wire
from perago.attempt import TaskExecutionContext, assert_current_attempt_snapshot
from perago.run import Ended, Stopwatch, WorkspaceRun, ended, run_without_workspace, run_workspace
from perago.task import TaskDefinition
from perago.taskside.client import AgentClient


@dataclass(frozen=True)
class AgentFence:
    """The attempt fence: the agent reads the attempt afresh, and the core compares once more what it read."""

    attempt: wire.CurrentAttempt
    client: AgentClient

    def check(self) -> None:
        """Raise StaleAttemptError unless the attempt is current."""
        assert_current_attempt_snapshot(self.attempt, self.client.load_current_attempt())


def run_attempt(
    task: TaskDefinition, assignment: wire.Assignment, client: AgentClient, stopwatch: Stopwatch
) -> wire.Result:
    """The result of the attempt; nothing that happens in it is raised."""

    def run() -> wire.JsonObject:
        if task.workspace is None:
            return run_without_workspace(task, assignment.input, stopwatch)
        client.budget(task.controls.publish_budget)
        return run_workspace(
            WorkspaceRun(
                task=task,
                spec=task.workspace,
                input_data=assignment.input,
                execution=TaskExecutionContext(assignment.attempt, assignment.execution_id),
                root=Path(assignment.workspace_root),
                worker_id=None,
                store=client,
                fence=AgentFence(assignment.attempt, client),
                stopwatch=stopwatch,
            )
        )

    return result_of(ended(task, assignment.failure_reason_max_length, run), stopwatch.seconds)


def result_of(attempt: Ended, executing_seconds: float | None) -> wire.Result:
    """What is reported to the agent."""
    if attempt.error is None:
        output = attempt.result.output
        return wire.Result(
            status="COMPLETED", reason=wire.Reason.COMPLETED, output=output, executing_seconds=executing_seconds
        )
    from perago.taskside import failure  # what describes failures is needed by those alone

    return wire.Result(
        status=attempt.result.status,
        reason=failure.reason_of(attempt.error),
        message=failure.message_of(attempt.error, attempt.result.reason_for_incompletion or ""),
        traceback=failure.traceback_of(attempt.error),
        exceptions=failure.classes_of(attempt.error),
        exit_code=failure.exit_code_of(attempt.error),
        executing_seconds=executing_seconds,
    )
