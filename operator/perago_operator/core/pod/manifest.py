"""The pod of one execution: agent beside task, restricted Pod Security, keys for the agent alone. Pure."""

import json

from pydantic import JsonValue

from perago.wire import (
    API_GROUP,
    API_VERSION,
    CLUSTER_TOKEN_MOUNT,
    CONDUCTOR_KEYS_MOUNT,
    LAKEFS_KEYS_MOUNT,
    ORDER_VARIABLE,
    NodeCacheOrder,
    Order,
)
from perago.wire.egress import TRUSTED_CA_FILE
from perago.wire.times import timestamp
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.base import JsonObject
from perago_operator.core import names
from perago_operator.core.config import Config, PodSettings
from perago_operator.core.pod.accounts import ACCOUNTS, GROUP, USER, USER_NAME
from perago_operator.core.pod.limits import with_defaults
from perago_operator.core.pod.memory import with_room_in_memory
from perago_operator.core.pod.quantity import number_of_bytes
from perago_operator.core.pod.template import merged
from perago_operator.core.pod.volumes import (
    needs_lakefs,
    node_cache_mount,
    read_only,
    shared_mounts,
    task_mounts,
    volume_size,
    volumes,
)
from perago_operator.core.resolve import Resolved

LAST_WORDS = "FallbackToLogsOnError"
"""The pod's status keeps the end of a failed container's log, for the case that the log cannot be read any more."""
TASK_ENVIRONMENT = {
    "HOME": "/tmp",
    "LOGNAME": USER_NAME,
    "PYTHONUNBUFFERED": "1",
    "TMPDIR": "/tmp",
    "USER": USER_NAME,
}


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
    pod = with_defaults(_with_own_metadata(pod, ours), config.attempts)
    return with_room_in_memory(pod, resolved, config.pod)


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
        "annotations": dict(ACCOUNTS),
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
            **({} if config.pod.user_from_cluster else {"fsGroup": GROUP}),
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            _agent(attempt, config.pod, agent_order(attempt, resolved, execution, config)),
            _task(resolved, config.pod),
        ],
        "volumes": volumes(attempt, resolved, config.pod),
    }
    if not config.pod.host_users:
        spec["hostUsers"] = False
    if resolved.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in resolved.image_pull_secrets]
    return spec


def agent_order(attempt: PeragoAttempt, resolved: Resolved, execution: int, config: Config) -> Order:
    """What the agent has to do, fixed for this execution."""
    cache = config.pod.node_cache
    return Order(
        namespace=attempt.metadata.namespace,
        name=attempt.metadata.name,
        uid=attempt.metadata.uid,
        execution=execution,
        created=timestamp(created) if (created := attempt.metadata.creation_timestamp) else "",
        installation=config.installation,
        module=resolved.module or "",
        image=resolved.image or "",
        input_from="Conductor" if attempt.spec.input_from else "Spec",
        conductor=attempt.spec.conductor.wire() if attempt.spec.conductor else None,
        exclude=resolved.exclude,
        volume_bytes=number_of_bytes(volume_size(resolved, config.pod)),
        failure_reason_max_length=config.failure_reason_max_length,
        failure_policy=resolved.failure_policy,
        connect_seconds=config.pod.connect_seconds,
        retry_seconds=config.pod.retry_seconds,
        outage_seconds=config.pod.outage_seconds,
        presign=config.pod.presign,
        token_header=config.pod.token_header,
        turn_seconds=config.pod.turn_seconds,
        node_cache=NodeCacheOrder(limit=cache.limit, keep_free=cache.keep_free) if cache else None,
    )


def _agent(attempt: PeragoAttempt, settings: PodSettings, order: Order) -> JsonObject:
    mounts = [*shared_mounts("agent-tmp"), read_only("cluster-token", CLUSTER_TOKEN_MOUNT)]
    if needs_lakefs(attempt):
        mounts.append(read_only("lakefs-keys", LAKEFS_KEYS_MOUNT))
        if settings.node_cache is not None:
            mounts.append(node_cache_mount(attempt.metadata.namespace))
    if attempt.spec.conductor:
        mounts.append(read_only("conductor-keys", CONDUCTOR_KEYS_MOUNT))
    if settings.trusted_ca is not None:
        mounts.append(read_only("trusted-ca", TRUSTED_CA_FILE.rpartition("/")[0]))
    return {
        "name": names.AGENT_CONTAINER,
        "image": settings.runner_image,
        "imagePullPolicy": settings.runner_pull_policy,
        "command": ["python", "-m", "perago.agent"],
        "env": [
            {"name": ORDER_VARIABLE, "value": json.dumps(order.to_json(), separators=(",", ":"))},
            {"name": "HOME", "value": "/tmp"},
            {"name": "PYTHONUNBUFFERED", "value": "1"},
            *_variables(settings.agent_variables),
        ],
        "resources": settings.agent_resources,
        "securityContext": _restricted(settings),
        "volumeMounts": mounts,
        "terminationMessagePolicy": LAST_WORDS,
    }


def _variables(variables: tuple[tuple[str, str], ...]) -> list[JsonValue]:
    return [{"name": name, "value": value} for name, value in variables]


def _task(resolved: Resolved, settings: PodSettings) -> JsonObject:
    return {
        "name": names.TASK_CONTAINER,
        "image": resolved.image or "",
        "command": ["python", "-m", "perago.taskside"],
        "env": [{"name": name, "value": value} for name, value in TASK_ENVIRONMENT.items()],
        "resources": resolved.resources.to_json(),
        "securityContext": _restricted(settings),
        "volumeMounts": [*shared_mounts("task-tmp"), *task_mounts()],
        "terminationMessagePolicy": LAST_WORDS,
    }


def _restricted(settings: PodSettings) -> JsonObject:
    """Pod Security `restricted`, and a read-only root file system."""
    return {
        **({} if settings.user_from_cluster else {"runAsUser": USER, "runAsGroup": GROUP}),
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
