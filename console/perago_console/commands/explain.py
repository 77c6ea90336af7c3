"""`perago explain`: an attempt, a PeragoTask (`pt/NAME`), or a reason."""

from perago.wire.reasons import WORDS
from perago_console.core import explanation
from perago_console.core.tasks import INTENDED
from perago_console.output import Output
from perago_console.ports import TASKS
from perago_console.session import Session, seen_attempt, seen_task

_TASK_KINDS = ("pt", "peragotask", "peragotasks", "peragotask.perago.dev", "peragotasks.perago.dev")


def of_reason(output: Output, name: str) -> bool:
    """Whether the name is a published reason, which is explained then; this asks no cluster."""
    words = {word.lower(): reason for word, reason in WORDS.items()}
    reason = words.get(name.lower())
    if reason is not None:
        output.page(explanation.of_reason(reason))
    return reason is not None


def execute(session: Session, name: str, form: str) -> int:
    """Explain it; the exit code is 1 where it has failed or cannot run."""
    kind, _, own = name.rpartition("/")
    if kind.lower() in _TASK_KINDS:
        return _of_task(session, own, form)
    attempt = seen_attempt(session.attempt(name))
    task, now = session.task_of(attempt), session.now()
    if form:
        session.output.objects(explanation.as_facts(attempt, task, now), form)
    else:
        session.output.page(explanation.of_attempt(attempt, task, now))
    return 1 if attempt.status.phase == "Failed" else 0


def _of_task(session: Session, name: str, form: str) -> int:
    raw = session.cluster.get(TASKS, session.namespace or session.cluster.namespace, name)
    task = seen_task(raw)
    if form:
        session.output.objects(raw, form)
    else:
        session.output.page(explanation.of_task(task, session.now()))
    return (
        1
        if any(condition.status == "False" and condition.reason not in INTENDED for condition in task.status.conditions)
        else 0
    )
