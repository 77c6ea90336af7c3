"""`perago top`: how each PeragoTask is doing."""

from dataclasses import asdict

from perago_console.core.load import headings, loads, row
from perago_console.ports import ATTEMPTS, TASKS
from perago_console.session import Session, seen_attempt, seen_task


def execute(session: Session, window: float, form: str) -> int:
    """Print one line for each."""
    tasks = [seen_task(raw) for raw in session.cluster.find(TASKS, session.namespace).items]
    attempts = [seen_attempt(raw) for raw in session.cluster.find(ATTEMPTS, session.namespace).items]
    found = loads(tasks, attempts, window, session.now())
    every = session.namespace is None
    if form:
        session.output.objects([asdict(load) for load in found], form)
    elif found:
        session.output.table(headings(namespaces=every), [row(load, namespaces=every) for load in found])
    else:
        session.output.remark(f"no PeragoTasks and no attempts {session.place}")
    return 0
