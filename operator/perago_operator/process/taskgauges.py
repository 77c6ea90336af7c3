"""Numbers by PeragoTask for Prometheus: what waits and why, what can be run, and what has ended. It changes nothing.

Labels have few values: namespaces, PeragoTasks and published words, never an attempt, nor a name that a task chose.
"""

from collections.abc import Iterable

from perago.wire import ENDED_PHASES
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.conditions import condition
from perago_operator.api.reasons import ConditionType
from perago_operator.ports import Finished, Gauge
from perago_operator.watch.counts import known_reason, task_of
from perago_operator.watch.stores import Stores, TaskStore

Labelled = Iterable[tuple[tuple[str, ...], float]]

OF_TASK = ("namespace", "task")


def task_gauges(stores: Stores) -> tuple[Gauge, ...]:
    """Numbers to read for each scrape."""
    tasks, attempts = stores.tasks, stores.attempts
    return (
        Gauge(
            "perago_attempts_waiting",
            "Attempts without a running pod, by what they wait for",
            (*OF_TASK, "reason"),
            attempts.counts.waits.items,
        ),
        Gauge(
            "perago_task_ready",
            "1 if the PeragoTask's condition Ready is true, else 0",
            (*OF_TASK, "reason"),
            lambda: _conditions(tasks, ConditionType.READY),
        ),
        Gauge(
            "perago_task_polling",
            "1 if the PeragoTask's condition Polling is true, else 0",
            (*OF_TASK, "reason"),
            lambda: _conditions(tasks, ConditionType.POLLING),
        ),
        Gauge("perago_task_queued", "Tasks that wait in Conductor", OF_TASK, lambda: _queued(tasks)),
    )


def finished(before: PeragoAttempt | None, after: PeragoAttempt | None) -> Finished | None:
    """What has ended with this change of an attempt; None if it is not its last one, or not the first time seen."""
    if before is None or after is None or _is_over(before) or not _is_over(after):
        return None
    outcome, timings = after.status.outcome, after.status.timings
    return Finished(
        namespace=after.metadata.namespace,
        task=task_of(after),
        status=outcome.status if outcome else "",
        reason=known_reason(outcome.reason) if outcome else "",
        failure_class=(outcome.failure_class if outcome else None) or "",
        seconds=timings.model_dump(exclude_none=True) if timings else {},
    )


def _is_over(attempt: PeragoAttempt) -> bool:
    return attempt.status.phase in ENDED_PHASES


def _conditions(tasks: TaskStore, kind: ConditionType) -> Labelled:
    for task in tasks:
        if written := condition(task.status.conditions, kind):
            yield (task.metadata.namespace, task.metadata.name, written.reason), float(written.status == "True")


def _queued(tasks: TaskStore) -> Labelled:
    for task in tasks:
        if task.status.queued is not None:
            yield (task.metadata.namespace, task.metadata.name), task.status.queued
