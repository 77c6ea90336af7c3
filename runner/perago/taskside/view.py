"""The wire's identity of a Conductor task, seen as the attempt core sees an attempt. Values only."""

from dataclasses import dataclass

from perago.wire import ConductorTask


@dataclass(frozen=True)
class AttemptView:
    """One attempt with the attributes of `perago.attempt.Attempt`."""

    workflow_instance_id: str
    task_id: str
    retry_count: int
    reference_task_name: str
    seq: int
    iteration: int
    task_def_name: str
    status: str | None = "IN_PROGRESS"


def view_of(task: ConductorTask, status: str = "IN_PROGRESS") -> AttemptView:
    """The attempt that `task` identifies, in `status`."""
    return AttemptView(
        workflow_instance_id=task.workflow_instance_id,
        task_id=task.task_id,
        retry_count=task.retry_count,
        reference_task_name=task.reference_task_name,
        seq=task.seq,
        iteration=task.iteration,
        task_def_name=task.task_type,
        status=status,
    )
