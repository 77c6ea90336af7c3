"""Manifests of the demo's own task, which waits until it is released, and of a lakeFS that never answers merges."""

from pathlib import Path
from typing import Any

from perago_dev.demo.definitions import workspace
from perago_dev.environment import Environment
from perago_dev.objects import Object

IMAGE_FOLDER = Path(__file__).with_name("image")
IMAGE_NAME = "demo-tasks"
PATIENT = "demo_patient"
CUT_OFF = "demo_cut_off"
"""The same task with the silent lakeFS, so that its agent never learns that its merge succeeded."""
MODULES = {PATIENT: "demo_tasks.patient", CUT_OFF: "demo_tasks.cut_off"}
GO_ON = "/tmp/go-on"
RESULT_FILE = "run.txt"
SILENT = "silent-lakefs"
SILENT_PORT = 8000


def workflow(task_type: str) -> Object:
    """Conductor's definition of a workflow that has the task type's name and runs only that task."""
    parameters = {"workspace": "${workflow.input.workspace}", "params": "${workflow.input.params}"}
    task = {"name": task_type, "taskReferenceName": "patient", "type": "SIMPLE", "inputParameters": parameters}
    common = {"version": 1, "schemaVersion": 2, "ownerEmail": "demo@perago.dev", "timeoutSeconds": 0}
    return {"name": task_type, **common, "tasks": [task]}


def workflow_input(branch: str, ref: str) -> Object:
    """The input of one run."""
    return {"workspace": workspace(branch, ref), "params": {}}


def perago_tasks(image: str) -> list[Object]:
    """The PeragoTasks of both task types."""
    return [_perago_task(PATIENT, image), _perago_task(CUT_OFF, image, lakefsSecretRef={"name": SILENT})]


def _perago_task(task_type: str, image: str, **spec: Any) -> Object:
    size = {"volume": {"size": "64Mi"}, "resources": {"limits": {"memory": "128Mi"}}}
    return {
        "apiVersion": "perago.dev/v1alpha1",
        "kind": "PeragoTask",
        "metadata": {"name": task_type.replace("_", "-")},
        "spec": {
            "taskType": task_type,
            "module": MODULES[task_type],
            "image": image,
            "ttlSecondsAfterFinished": 3600,
            **size,
            **spec,
        },
    }


def silent_lakefs(env: Environment, image: str) -> list[Object]:
    """The proxy's pod and Service, and the Secret that directs agents to it."""
    labels = {"app": SILENT}
    keys = {
        "endpoint": f"http://{SILENT}:{SILENT_PORT}",
        "accessKeyId": env.lakefs_access_key,
        "secretAccessKey": env.lakefs_secret_key,
    }
    metadata = {"name": SILENT, "labels": labels}
    service = {"selector": labels, "ports": [{"port": SILENT_PORT}]}
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": keys},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service},
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": _proxy(image, env.lakefs_cluster_endpoint)},
    ]


def _proxy(image: str, target: str) -> Object:
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    container = {
        "name": "proxy",
        "image": image,
        "command": ["python", "-m", "demo_tasks.silent_lakefs"],
        "env": [{"name": "TARGET", "value": target}],
        "readinessProbe": {"tcpSocket": {"port": SILENT_PORT}, "periodSeconds": 1},
        "securityContext": restricted,
    }
    return {
        "containers": [container],
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 0,
    }
