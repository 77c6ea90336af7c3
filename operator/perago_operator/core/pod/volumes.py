"""The volumes of a pod, and where both containers mount those that they share. Pure."""

from pydantic import JsonValue

from perago.wire import NODE_CACHE_MOUNT, SOCKET_PATH, WORKSPACE_MOUNT
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.base import JsonObject
from perago_operator.core.config import NodeCache, PodSettings, TrustedCA
from perago_operator.core.pod.accounts import accounts_volume
from perago_operator.core.resolve import Resolved

NODE_CACHE = "node-cache"
SOCKET_DIRECTORY = SOCKET_PATH.rpartition("/")[0]


def shared_mounts(tmp: str) -> list[JsonValue]:
    """Workspace and socket, and the volume of this name for temporary files."""
    return [
        {"name": "workspace", "mountPath": WORKSPACE_MOUNT},
        {"name": "socket", "mountPath": SOCKET_DIRECTORY},
        {"name": tmp, "mountPath": "/tmp"},
    ]


def task_mounts() -> list[JsonValue]:
    """What the task has for itself: shared memory, and the accounts of its user and group."""
    return [
        {"name": "task-shm", "mountPath": "/dev/shm"},
        _account("passwd"),
        _account("group"),
    ]


def _account(name: str) -> JsonValue:
    return {"name": "task-accounts", "mountPath": f"/etc/{name}", "subPath": name, "readOnly": True}


def read_only(volume: str, path: str) -> JsonValue:
    """A mount that cannot be written."""
    return {"name": volume, "mountPath": path, "readOnly": True}


def needs_lakefs(attempt: PeragoAttempt) -> bool:
    """Whether the attempt may use lakeFS. One whose input is in the spec and has no workspace does not."""
    return attempt.spec.input is None or "workspace" in attempt.spec.input


def volume_size(resolved: Resolved, settings: PodSettings) -> int | float | str:
    """How much the workspace may hold, as a quantity."""
    return resolved.volume.size if resolved.volume.size is not None else settings.volume_size


def volumes(attempt: PeragoAttempt, resolved: Resolved, settings: PodSettings) -> list[JsonValue]:
    """All volumes of the pod; keys and token have one each, which the agent alone mounts."""
    all_volumes: list[JsonValue] = [
        {"name": "workspace", **_workspace(resolved, volume_size(resolved, settings))},
        {"name": "socket", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "agent-tmp", "emptyDir": {}},
        {"name": "task-tmp", "emptyDir": {}},
        {"name": "task-shm", "emptyDir": _shared_memory(resolved)},
        {"name": "task-accounts", **accounts_volume()},
        {"name": "cluster-token", "projected": _token(settings)},
    ]
    if needs_lakefs(attempt):
        all_volumes.append({"name": "lakefs-keys", "secret": _keys(resolved.lakefs_secret)})
        if settings.node_cache is not None:
            all_volumes.append({"name": NODE_CACHE, **_node_cache(settings.node_cache)})
    if attempt.spec.conductor:
        all_volumes.append({"name": "conductor-keys", "secret": _keys(resolved.conductor_secret)})
    if settings.trusted_ca is not None:
        all_volumes.append({"name": "trusted-ca", **_authorities(settings.trusted_ca)})
    return all_volumes


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


def _shared_memory(resolved: Resolved) -> JsonObject:
    """Without a size, the kubelet limits it by the memory limits of the containers, or else by the node's memory."""
    return {"medium": "Memory", **({} if resolved.shm_size is None else {"sizeLimit": resolved.shm_size})}


def _keys(secret: str) -> JsonObject:
    """Optional: the agent reports a missing Secret at once, while a pod that needs one would silently wait for it."""
    return {"secretName": secret, "defaultMode": 0o440, "optional": True}


def node_cache_mount(namespace: str) -> JsonValue:
    """The namespace's own part of the node's cache."""
    return {"name": NODE_CACHE, "mountPath": NODE_CACHE_MOUNT, "subPath": namespace}


def _node_cache(cache: NodeCache) -> JsonObject:
    """A folder that the platform has not prepared is made, and the agent finds that it cannot write to it."""
    if cache.kind == "hostPath":
        return {"hostPath": {"path": cache.name, "type": "DirectoryOrCreate"}}
    return {"persistentVolumeClaim": {"claimName": cache.name}}


def _authorities(trusted: TrustedCA) -> JsonObject:
    """Optional, as the keys are: without the certificates, the agent says whose certificate it does not trust."""
    items: JsonValue = [{"key": trusted.key, "path": "ca.crt"}]
    if trusted.kind == "ConfigMap":
        return {"configMap": {"name": trusted.name, "items": items, "optional": True}}
    return {"secret": {"secretName": trusted.name, "items": items, "optional": True, "defaultMode": 0o440}}


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
