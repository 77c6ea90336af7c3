"""From a polled Conductor task to the attempt that executes it: named by the task id, so created only once. Pure."""

from perago.wire import API_GROUP, API_VERSION, ConductorTask
from perago.wire.exact import exact_text, kept_when_created
from perago_operator.api.base import JsonObject
from perago_operator.api.shared import LONGEST_SECONDS
from perago_operator.api.task import PeragoTask
from perago_operator.core import names
from perago_operator.ports import PolledTask

INPUT_LIMIT = 256 * 1024
"""Bytes of JSON up to which an input is put into the object; above, the agent reads it from Conductor."""


def attempt_manifest(polled: PolledTask, task: PeragoTask) -> JsonObject:
    """The PeragoAttempt to create in the task's namespace, with its finalizer and labels from the start."""
    return {
        "apiVersion": f"{API_GROUP}/{API_VERSION}",
        "kind": "PeragoAttempt",
        "metadata": {
            "name": names.attempt_name(polled.task.task_id),
            "namespace": task.metadata.namespace,
            "labels": {
                names.MANAGED_BY_LABEL: names.MANAGED_BY,
                names.TASK_LABEL: names.label_value(task.metadata.name),
                **names.labels_of(polled.task),
            },
            "finalizers": [names.ATTEMPT_FINALIZER],
        },
        "spec": {
            "taskRef": {"name": task.metadata.name},
            "conductor": _conductor(polled.task),
            **_input(polled),
        },
    }


def _conductor(task: ConductorTask) -> JsonObject:
    identity: JsonObject = task.to_json()
    return identity | {"responseTimeoutSeconds": min(task.response_timeout_seconds, LONGEST_SECONDS)}


def _input(polled: PolledTask) -> JsonObject:
    if polled.input_bytes > INPUT_LIMIT:
        return {"inputFrom": "Conductor"}
    shown: JsonObject = {"input": dict(polled.input_data)}
    return shown if kept_when_created(shown) else shown | {"inputJson": exact_text(shown["input"])}
