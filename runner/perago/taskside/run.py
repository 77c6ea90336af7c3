"""Runs the attempt core for one assignment, and says in one word why it failed. It knows no socket."""

import logging
from pathlib import Path

from perago import wire
from perago.execution import run_workspace_free_task_attempt, run_workspace_task_attempt
from perago.result import RuntimeTaskResult
from perago.task import TaskDefinition
from perago.taskside.client import AgentClient
from perago.taskside.view import view_of
from perago.wire import Reason


class LastError(logging.Handler):
    """Remembers the class of the last exception that the core logged: at the attempt boundary, that of the result.

    The core logs every exception of an attempt with its traceback, the one that became the result last.
    """

    def __init__(self) -> None:
        super().__init__()
        self.name_of_class: str | None = None
        logging.getLogger("perago").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the class of a logged exception."""
        kind = record.exc_info[0] if record.exc_info else None
        if kind is not None:
            self.name_of_class = kind.__name__


def run_attempt(task: TaskDefinition, assignment: wire.Assignment, client: AgentClient) -> RuntimeTaskResult:
    """The attempt, with the agent behind each callback; nothing that happens in it is raised."""
    limit = assignment.failure_reason_max_length
    if not task.has_workspace:
        client.body_begins()
        result = run_workspace_free_task_attempt(task, assignment.input, failure_reason_max_length=limit)
    else:
        result = run_workspace_task_attempt(
            task,
            assignment.input,
            view_of(assignment.attempt),
            Path(assignment.workspace_root),
            download_workspace=client.download,
            load_current_attempt=client.load_current_attempt,
            stage_workspace=client.stage,
            publish_workspace=client.publish,
            cleanup_staging=client.cleanup_staging,
            complete_noop_workspace=client.complete_noop,
            execution_id=assignment.execution_id,
            failure_reason_max_length=limit,
        )
    client.body_ended()
    return result


def result_of(result: RuntimeTaskResult, errors: LastError, executing_seconds: float | None) -> wire.Result:
    """What is told to the agent; the reason is the exception's class."""
    completed = result.status == "COMPLETED"
    return wire.Result(
        status=result.status,
        reason=Reason.COMPLETED.value if completed else errors.name_of_class or Reason.TASK_EXECUTION_ERROR.value,
        message=result.reason_for_incompletion,
        output=result.output,
        executing_seconds=executing_seconds,
    )
