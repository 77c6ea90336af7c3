"""The pod of one execution: agent beside task, restricted Pod Security, keys for the agent alone. Pure."""

import json
import re
from decimal import Decimal

from pydantic import JsonValue

from perago.wire import (
    API_GROUP,
    API_VERSION,
    CLUSTER_TOKEN_MOUNT,
    CONDUCTOR_KEYS_MOUNT,
    LAKEFS_KEYS_MOUNT,
    ORDER_VARIABLE,
    SOCKET_PATH,
    WORKSPACE_MOUNT,
    Order,
)
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.base import JsonObject
from perago_operator.core import names
from perago_operator.core.config import Config, PodSettings
from perago_operator.core.pod.template import merged
from perago_operator.core.resolve import Resolved

AGENT_UID, TASK_UID, GROUP = 65532, 65533, 65532
SOCKET_DIRECTORY = SOCKET_PATH.rpartition("/")[0]

_UNITS = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([numkMGTPE]?|[KMGTPE]i)")


def pod_manifest(attempt: PeragoAttempt, resolved: Resolved, execution: int, config: Config) -> JsonObject:
    """The pod to create; `resolved` must name module and image. Raises ValueError if the volume's size is not one."""
    pod: JsonObject = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _metadata(attempt, execution),
        "spec": _spec(attempt, resolved, execution, config),
    }
    ours = pod["metadata"]
    for template in resolved.pod_templates:
        pod = merged(pod, {key: value for key, value in template.items() if key in ("metadata", "spec")})
    return _with_own_metadata(pod, ours)


def _with_own_metadata(pod: JsonObject, ours: JsonValue) -> JsonObject:
    """The pod with our name, labels, owner and finalizer; a template may only add labels and annotations."""
    theirs = pod["metadata"]
    assert isinstance(theirs, dict)
    assert isinstance(ours, dict)
    kept: JsonObject = {key: theirs[key] for key in ("labels", "annotations") if key in theirs}
    return {**pod, "metadata": merged(kept, ours)}


def _metadata(attempt: PeragoAttempt, execution: int) -> JsonObject:
    labels: JsonObject = {
        names.ATTEMPT_LABEL: attempt.metadata.name,
        names.MANAGED_BY_LABEL: names.MANAGED_BY,
        **names.labels_of(attempt.spec.conductor.wire() if attempt.spec.conductor else None),
    }
    if attempt.spec.task_ref:
        labels[names.TASK_LABEL] = names.label_value(attempt.spec.task_ref.name)
    return {
        "name": names.pod_name(attempt.metadata.name, execution),
        "namespace": attempt.metadata.namespace,
        "labels": labels,
        "finalizers": [names.POD_FINALIZER],
        "ownerReferences": [
            {
                "apiVersion": f"{API_GROUP}/{API_VERSION}",
                "kind": "PeragoAttempt",
                "name": attempt.metadata.name,
                "uid": attempt.metadata.uid,
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    }


def _spec(attempt: PeragoAttempt, resolved: Resolved, execution: int, config: Config) -> JsonObject:
    spec: JsonObject = {
        "restartPolicy": "Never",
        "serviceAccountName": config.pod.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": config.pod.grace_seconds,
        "securityContext": {
            "runAsNonRoot": True,
            "fsGroup": GROUP,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            _agent(attempt, config.pod, agent_order(attempt, resolved, execution, config)),
            _task(resolved, config.pod),
        ],
        "volumes": _volumes(attempt, resolved, config.pod),
    }
    if resolved.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in resolved.image_pull_secrets]
    return spec


def agent_order(attempt: PeragoAttempt, resolved: Resolved, execution: int, config: Config) -> Order:
    """What the agent has to do, fixed for this execution."""
    return Order(
        namespace=attempt.metadata.namespace,
        name=attempt.metadata.name,
        uid=attempt.metadata.uid,
        execution=execution,
        installation=config.installation,
        module=resolved.module or "",
        image=resolved.image or "",
        input_from="Conductor" if attempt.spec.input_from else "Spec",
        conductor=attempt.spec.conductor.wire() if attempt.spec.conductor else None,
        volume_bytes=number_of_bytes(_size(resolved, config.pod)),
        failure_reason_max_length=config.failure_reason_max_length,
        connect_seconds=config.pod.connect_seconds,
        retry_seconds=config.pod.retry_seconds,
    )


def _agent(attempt: PeragoAttempt, settings: PodSettings, order: Order) -> JsonObject:
    mounts = [*_shared_mounts("agent-tmp"), _read_only("cluster-token", CLUSTER_TOKEN_MOUNT)]
    if needs_lakefs(attempt):
        mounts.append(_read_only("lakefs-keys", LAKEFS_KEYS_MOUNT))
    if attempt.spec.conductor:
        mounts.append(_read_only("conductor-keys", CONDUCTOR_KEYS_MOUNT))
    return {
        "name": names.AGENT_CONTAINER,
        "image": settings.runner_image,
        "imagePullPolicy": settings.runner_pull_policy,
        "command": ["python", "-m", "perago.agent"],
        "env": [
            {"name": ORDER_VARIABLE, "value": json.dumps(order.to_json(), separators=(",", ":"))},
            {"name": "HOME", "value": "/tmp"},
            {"name": "PYTHONUNBUFFERED", "value": "1"},
        ],
        "resources": settings.agent_resources,
        "securityContext": _restricted(AGENT_UID),
        "volumeMounts": mounts,
    }


def _task(resolved: Resolved, settings: PodSettings) -> JsonObject:
    return {
        "name": names.TASK_CONTAINER,
        "image": resolved.image or "",
        "command": ["python", "-m", "perago.taskside"],
        "env": [{"name": "HOME", "value": "/tmp"}, {"name": "PYTHONUNBUFFERED", "value": "1"}],
        "resources": resolved.resources.to_json(),
        "securityContext": _restricted(TASK_UID),
        "volumeMounts": _shared_mounts("task-tmp"),
    }


def _restricted(uid: int) -> JsonObject:
    """Pod Security `restricted`, and a read-only root file system."""
    return {
        "runAsUser": uid,
        "runAsGroup": GROUP,
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def _shared_mounts(tmp: str) -> list[JsonValue]:
    return [
        {"name": "workspace", "mountPath": WORKSPACE_MOUNT},
        {"name": "socket", "mountPath": SOCKET_DIRECTORY},
        {"name": tmp, "mountPath": "/tmp"},
    ]


def _read_only(volume: str, path: str) -> JsonValue:
    return {"name": volume, "mountPath": path, "readOnly": True}


def needs_lakefs(attempt: PeragoAttempt) -> bool:
    """Whether the attempt may use lakeFS. One whose input is in the spec and has no workspace does not."""
    return attempt.spec.input is None or "workspace" in attempt.spec.input


def _size(resolved: Resolved, settings: PodSettings) -> int | float | str:
    return resolved.volume.size if resolved.volume.size is not None else settings.volume_size


def _volumes(attempt: PeragoAttempt, resolved: Resolved, settings: PodSettings) -> list[JsonValue]:
    volumes: list[JsonValue] = [
        {"name": "workspace", **_workspace(resolved, _size(resolved, settings))},
        {"name": "socket", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "agent-tmp", "emptyDir": {}},
        {"name": "task-tmp", "emptyDir": {}},
        {"name": "cluster-token", "projected": _token(settings)},
    ]
    if needs_lakefs(attempt):
        volumes.append({"name": "lakefs-keys", "secret": _keys(resolved.lakefs_secret)})
    if attempt.spec.conductor:
        volumes.append({"name": "conductor-keys", "secret": _keys(resolved.conductor_secret)})
    return volumes


def _workspace(resolved: Resolved, size: int | float | str) -> JsonObject:
    volume = resolved.volume
    if volume.storage_class_name:
        claim: JsonObject = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": volume.storage_class_name,
            "resources": {"requests": {"storage": size}},
        }
        return {"ephemeral": {"volumeClaimTemplate": {"spec": claim}}}
    if volume.medium:
        return {"emptyDir": {"medium": volume.medium, "sizeLimit": size}}
    return {"emptyDir": {"sizeLimit": size}}


def _keys(secret: str) -> JsonObject:
    """Optional: the agent reports a missing Secret at once, while a pod that needs one would silently wait for it."""
    return {"secretName": secret, "defaultMode": 0o440, "optional": True}


def _token(settings: PodSettings) -> JsonObject:
    """A pod-bound token that the kubelet renews, the cluster's certificate, and the namespace."""
    return {
        "defaultMode": 0o440,
        "sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": settings.token_seconds}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
        ],
    }


def number_of_bytes(quantity: int | float | str) -> int:
    """`1Gi` → 1073741824, rounded up to whole bytes. Raises ValueError if it is not a quantity."""
    match = _QUANTITY.fullmatch(str(quantity))
    if match is None:
        raise ValueError(f"{quantity!r} is not a quantity such as 500M, 1Gi or 2")
    value = Decimal(match[1]) * _UNITS[match[2]]
    return int(value.to_integral_value(rounding="ROUND_CEILING"))
