"""`perago retry`: a new attempt of one that was made by hand; of a Conductor task, its workflow's retry."""

from collections.abc import Callable

from perago_console.conductor import UNKNOWN, Conductor
from perago_console.core.objects import Attempt, Raw
from perago_console.core.renewal import renewed
from perago_console.ports import ATTEMPTS
from perago_console.problems import Misused, Problem
from perago_console.session import Session, seen_attempt


def execute(session: Session, name: str, conductor: Callable[[], Conductor | None]) -> int:
    """Run it again, and say as what."""
    raw = session.attempt(name)
    attempt = seen_attempt(raw)
    if not attempt.ended:
        phase = attempt.status.phase or "Pending"
        raise Problem(f"attempt {attempt.key} has not ended ({phase}); `perago cancel {name}` stops it")
    if attempt.spec.conductor is not None:
        return _retry_workflow(session, attempt, conductor())
    return _create(session, raw, attempt)


def _create(session: Session, raw: Raw, attempt: Attempt) -> int:
    listed = session.cluster.find(ATTEMPTS, attempt.metadata.namespace).items
    body = renewed(raw, attempt, {seen_attempt(item).metadata.name for item in listed})
    successor = seen_attempt(session.cluster.create(ATTEMPTS, attempt.metadata.namespace, body))
    session.output.line(f"attempt {successor.key} is created, with the spec of {attempt.metadata.name}")
    return 0


def _retry_workflow(session: Session, attempt: Attempt, conductor: Conductor | None) -> int:
    task = attempt.spec.conductor
    assert task is not None
    if attempt.status.phase == "Succeeded":
        raise Problem(f"attempt {attempt.key} succeeded, and Conductor goes on with its workflow")
    if conductor is None:
        raise Misused(f"attempt {attempt.key} is of a Conductor task, whose workflow Conductor retries: {UNKNOWN}")
    conductor.retry(task.workflow_instance_id)
    session.output.line(
        f"Conductor retries workflow {task.workflow_instance_id}: task {task.reference_task_name} is queued again"
    )
    return 0
