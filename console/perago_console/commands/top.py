"""`perago top`: how each PeragoTask is doing, once or again and again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from perago_console.core.load import Load, headings, loads, row
from perago_console.ports import ATTEMPTS, TASKS
from perago_console.session import Session, seen_attempt, seen_task

EVERY_SECONDS: Final = 5.0
"""Between two tables; each lists all attempts and PeragoTasks."""


@dataclass(frozen=True)
class TopQuery:
    """What is asked for."""

    window: float
    form: str = ""
    watch: bool = False


def execute(session: Session, asked: TopQuery, pause: Callable[[float], None] = time.sleep) -> int:
    """Print one line for each; with `watch`, anew until somebody ends it."""
    while True:
        loads = _loads(session, asked.window)
        if asked.watch:
            session.output.afresh()
        _show(session, asked.form, loads)
        if not asked.watch:
            return 0
        pause(EVERY_SECONDS)


def _loads(session: Session, window: float) -> Sequence[Load]:
    tasks = [seen_task(raw) for raw in session.cluster.find(TASKS, session.namespace).items]
    attempts = [seen_attempt(raw) for raw in session.cluster.find(ATTEMPTS, session.namespace).items]
    return loads(tasks, attempts, window, session.now())


def _show(session: Session, form: str, loads: Sequence[Load]) -> None:
    every = session.namespace is None
    if form:
        session.output.objects([asdict(load) for load in loads], form)
    elif loads:
        session.output.table(headings(namespaces=every), [row(load, namespaces=every) for load in loads])
    else:
        session.output.remark(f"no PeragoTasks and no attempts {session.place}")
