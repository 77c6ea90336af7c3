"""Whether an attempt may speak for the Conductor task that it names: `spec.conductor` can be written by anybody. Pure.

It may if the task was polled by this installation for a PeragoTask of the attempt's namespace, and the attempt has the
name that the bridge gives to attempts of the task, which no second one can have. An attempt is asked once, before
anything is done for it: its PeragoTask may go, and its installation may get another Lease, while it is under way.
"""

from collections.abc import Iterable

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.task import PeragoTask
from perago_operator.core.names import attempt_name, same_installation


def false_claim(attempt: PeragoAttempt, worker_id: str, tasks: Iterable[PeragoTask]) -> str | None:
    """Why the attempt may not speak for its Conductor task, for the replica that polls as `worker_id`; None if it may.

    `tasks` are the PeragoTasks of all namespaces.
    """
    conductor, namespace = attempt.spec.conductor, attempt.metadata.namespace
    if conductor is None or attempt.status.phase is not None:
        return None
    claimed = f"spec.conductor names task {conductor.task_id}"
    if attempt.metadata.name != attempt_name(conductor.task_id):
        return f"{claimed}, whose attempt would have the name {attempt_name(conductor.task_id)}. {_REMEDY}"
    if not same_installation(conductor.worker_id or "", worker_id):
        return f"{claimed}, which this installation has not polled. {_REMEDY}"
    own = (task.spec for task in tasks if task.metadata.namespace == namespace)
    if not any((task.task_type, task.domain) == (conductor.task_type, conductor.domain) for task in own):
        return f"{claimed}, and no PeragoTask of namespace {namespace} serves its type {conductor.task_type}. {_REMEDY}"
    return None


_REMEDY = "Leave spec.conductor out: Perago makes an attempt of each task that it polls"


def is_disowned(attempt: PeragoAttempt) -> bool:
    """Its claim was found to be false: it reports to nobody, although it names a task."""
    reporting = attempt.status.reporting
    return attempt.spec.conductor is not None and reporting is not None and reporting.state == "NotRequired"
