"""Names, labels and finalizers. They are deterministic, so that every creation can be repeated."""

import hashlib
import re
import uuid

from perago.wire import API_GROUP, ConductorTask
from perago_operator.api.attempt import NAME_LIMIT

ATTEMPT_FINALIZER = f"{API_GROUP}/attempt"
POD_FINALIZER = f"{API_GROUP}/outcome"

ATTEMPT_LABEL = f"{API_GROUP}/attempt"
MANAGED_BY_LABEL = f"{API_GROUP}/managed-by"
MANAGED_BY = "perago"
TASK_LABEL = f"{API_GROUP}/task"
TASK_TYPE_LABEL = f"{API_GROUP}/task-type"
WORKFLOW_LABEL = f"{API_GROUP}/workflow"
LOGICAL_TASK_LABEL = f"{API_GROUP}/logical-task"

AGENT_CONTAINER = "agent"
TASK_CONTAINER = "task"

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def pod_name(attempt: str, execution: int) -> str:
    """The name of the pod of an attempt's execution, by the execution's number."""
    return f"{attempt}-{execution}"


def execution_of(pod: str, attempt: str) -> int | None:
    """The execution number in a pod's name; None for a pod that is not named after this attempt."""
    number = pod.removeprefix(f"{attempt}-")
    return int(number) if number != pod and number.isdecimal() else None


def attempt_name(task_id: str) -> str:
    """The name of the attempt of a Conductor task: the task's id if that is a name, else a UUID derived from it."""
    if len(task_id) <= NAME_LIMIT and _DNS_LABEL.fullmatch(task_id):
        return task_id
    return str(uuid.uuid5(uuid.NAMESPACE_OID, task_id))


def label_value(text: str) -> str:
    """`text` as a label value: characters that are not allowed become `-`, and the rest is cut to 63."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text)[:63].strip("-_.")


def logical_task_label(task: ConductorTask) -> str:
    """`ConductorTask.logical_task` as a label value."""
    return hashlib.sha256(task.logical_task.encode()).hexdigest()[:32]


def labels_of(task: ConductorTask | None) -> dict[str, str]:
    """Labels by which people find an attempt and its pods; none for a standalone attempt."""
    if task is None:
        return {}
    return {
        TASK_TYPE_LABEL: label_value(task.task_type),
        WORKFLOW_LABEL: label_value(task.workflow_instance_id),
        LOGICAL_TASK_LABEL: logical_task_label(task),
    }


def same_installation(worker_id: str, other: str) -> bool:
    """Whether two worker ids belong to replicas of the same installation; one without a Lease is not known to."""
    installation = worker_id.rpartition("@")[2]
    return bool(installation.rpartition("/")[2]) and installation == other.rpartition("@")[2]
