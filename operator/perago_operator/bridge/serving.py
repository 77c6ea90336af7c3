"""Which PeragoTask serves a queue of Conductor's: of those with its task type and domain, the oldest. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from perago_operator.api.task import PeragoTask


@dataclass(frozen=True, slots=True)
class Queue:
    """Tasks of one type, of one domain or (None) of none."""

    task_type: str
    domain: str | None = None


def queue_of(task: PeragoTask) -> Queue | None:
    """The queue that a PeragoTask names; None when its attempts are created by hand."""
    return Queue(task.spec.task_type, task.spec.domain) if task.spec.task_type else None


def serving(tasks: Iterable[PeragoTask]) -> dict[Queue, PeragoTask]:
    """Who serves each queue, even while it is paused: a task must not depend on who polls first."""
    served: dict[Queue, PeragoTask] = {}
    for task in sorted(tasks, key=_age):
        if (queue := queue_of(task)) is not None:
            served.setdefault(queue, task)
    return served


def _age(task: PeragoTask) -> tuple[str, str, str]:
    created = task.metadata.creation_timestamp
    return created.isoformat() if created else "", task.metadata.namespace, task.metadata.name
