"""`perago cancel`: stop attempts by `spec.cancel`."""

from collections.abc import Sequence

from perago_console.core.objects import Attempt
from perago_console.ports import ATTEMPTS
from perago_console.problems import Problem
from perago_console.session import Session, seen_attempt


def execute(session: Session, names: Sequence[str]) -> int:
    """Cancel each, and say what comes of it; 1 if one of them cannot be canceled."""
    return max(_cancel(session, name) for name in names)


def _cancel(session: Session, name: str) -> int:
    try:
        attempt = seen_attempt(session.attempt(name))
        if attempt.status.outcome is not None:
            outcome = attempt.status.outcome
            raise Problem(f"attempt {attempt.key} has its outcome already: {outcome.status}, {outcome.reason}")
        if not attempt.spec.cancel:
            session.cluster.merge(
                ATTEMPTS, attempt.metadata.namespace, attempt.metadata.name, {"spec": {"cancel": True}}
            )
    except Problem as problem:
        if problem.exit_code != 1:
            raise
        session.output.remark(f"perago: {problem}")
        return problem.exit_code
    session.output.line(f"attempt {attempt.key} is being canceled: {_what_follows(attempt)}")
    return 0


def _what_follows(attempt: Attempt) -> str:
    pod = f"its pod {attempt.status.pod_name} is stopped" if attempt.status.pod_name else "no pod of it is created"
    if attempt.spec.conductor is None:
        return pod
    return f"{pod}, and Conductor is told that the task failed, which it may retry"
