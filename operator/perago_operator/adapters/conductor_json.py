"""Conductor's JSON and the ports' values: tasks in, results out. Pure; it knows no HTTP.

Field names are those of Conductor OSS 3.x (`Task`, `TaskResult`).
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from perago.wire import IN_PROGRESS, ConductorTask, Outcome
from perago_operator.core.answers import ConductorTaskState
from perago_operator.ports import PolledTask

REASON_LIMIT = 500
"""Characters of `reasonForIncompletion` that the server keeps."""
ENDED = frozenset({"COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"})
"""The statuses of a workflow that ignores updates; RUNNING and PAUSED are the others."""
EXTERNAL_INPUT_BYTES = 3 << 20
"""The server keeps larger inputs in its external payload storage; a polled task then shows an empty one."""


def polled_task(raw: Mapping[str, Any], task_type: str, domain: str | None, worker_id: str) -> PolledTask:
    """One task of a batch poll's answer."""
    input_data: dict[str, Any] = raw.get("inputData") or {}
    elsewhere = raw.get("externalInputPayloadStoragePath")
    return PolledTask(
        task=ConductorTask(
            task_type=raw.get("taskDefName") or raw.get("taskType") or task_type,
            workflow_instance_id=raw["workflowInstanceId"],
            task_id=raw["taskId"],
            reference_task_name=raw["referenceTaskName"],
            seq=raw.get("seq", 0),
            iteration=raw.get("iteration", 0),
            retry_count=raw.get("retryCount", 0),
            worker_id=raw.get("workerId") or worker_id,
            domain=domain,
            workflow_priority=raw.get("workflowPriority") or None,
            response_timeout_seconds=raw.get("responseTimeoutSeconds", 0),
            start_time=raw.get("startTime") or None,
        ),
        input_data=input_data,
        input_bytes=EXTERNAL_INPUT_BYTES if elsewhere else _length(input_data),
    )


def _length(input_data: Mapping[str, Any]) -> int:
    return len(json.dumps(input_data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def task_state(raw: Mapping[str, Any]) -> ConductorTaskState:
    """The task in the answer to `GET /tasks/{id}`."""
    reason, start_time = raw.get("reasonForIncompletion"), raw.get("startTime")
    return ConductorTaskState(raw["status"], raw.get("outputData") or {}, reason, start_time=start_time)


def search_results(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tasks of one page of a search."""
    results: list[Mapping[str, Any]] = raw.get("results") or []
    return results


def ids_in_progress(results: Iterable[Mapping[str, Any]], task_type: str) -> list[str]:
    """Ids of those that match: a server ignores conditions that it does not know (observed on 3.32.3)."""
    matching = (task for task in results if task.get("taskType") == task_type and task.get("status") == IN_PROGRESS)
    return [str(task["taskId"]) for task in matching if "taskId" in task]


def workflow_has_ended(raw: Mapping[str, Any]) -> bool:
    """Whether the workflow in the answer to `GET /workflow/{id}` has ended: only a person can make it go on."""
    return raw.get("status") in ENDED


def task_update(task: ConductorTask, status: str) -> dict[str, Any]:
    """What every update of a task says."""
    identity = {"workflowInstanceId": task.workflow_instance_id, "taskId": task.task_id, "status": status}
    return identity if task.worker_id is None else identity | {"workerId": task.worker_id}


def task_result(task: ConductorTask, outcome: Outcome) -> dict[str, Any]:
    """The TaskResult that reports an outcome: its output, or the reason why there is none."""
    result = task_update(task, outcome.status)
    if outcome.status != "COMPLETED":
        result["reasonForIncompletion"] = (outcome.message or outcome.reason)[:REASON_LIMIT]
    output = outcome.full_output()
    return result if output is None else result | {"outputData": output}
