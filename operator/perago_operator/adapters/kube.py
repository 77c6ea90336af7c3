"""The Cluster port over the Kubernetes API server.

It knows paths, patches and preconditions of the objects that Perago owns; when to call what is decided elsewhere.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

from perago.wire import API_GROUP, API_VERSION, ATTEMPTS_PLURAL
from perago_operator.adapters.kube_api import JSON_PATCH, KubeApi, precondition_failed
from perago_operator.adapters.kube_events import EventRecorder
from perago_operator.api.task import TASKS_PLURAL
from perago_operator.core.names import ATTEMPT_FINALIZER, POD_FINALIZER
from perago_operator.ports import (
    Conflict,
    EventKind,
    Manifest,
    NotFound,
    ObjectRef,
    Refused,
)

LOG_LIMIT = 64 * 1024
"""Bytes of a log tail that are kept."""
LOG_READ_LIMIT = 1024 * 1024
"""Bytes of a log that are read to find its tail; the API cuts at the front of what it sends, not at its end."""
LOG_SECONDS = 3.0
"""How long a log is read. Where its end is waited for, the kubelet tells of it within a second (its own period)."""
FINALIZER_TRIES = 5


def attempts_path(namespace: str | None, name: str = "") -> str:
    """The path of PeragoAttempts: all (None), those of a namespace, or one."""
    return _path(f"/apis/{API_GROUP}/{API_VERSION}", namespace, ATTEMPTS_PLURAL, name)


def tasks_path(namespace: str | None, name: str = "") -> str:
    """The path of PeragoTasks: all (None), those of a namespace, or one."""
    return _path(f"/apis/{API_GROUP}/{API_VERSION}", namespace, TASKS_PLURAL, name)


def pods_path(namespace: str | None, name: str = "") -> str:
    """The path of pods: all (None), those of a namespace, or one."""
    return _path("/api/v1", namespace, "pods", name)


def _path(root: str, namespace: str | None, plural: str, name: str) -> str:
    inside = "" if namespace is None else f"/namespaces/{quote(namespace, safe='')}"
    return f"{root}{inside}/{plural}" + (f"/{quote(name, safe='')}" if name else "")


class KubeCluster:
    """`ports.Cluster` over one API server; `component` posts its events, `now` is the time that they carry."""

    def __init__(self, api: KubeApi, *, component: str, now: Callable[[], datetime]) -> None:
        self._api = api
        self._events = EventRecorder(api, component=component, now=now)

    async def served_kinds(self) -> frozenset[str]:
        return await self._api.served(f"{API_GROUP}/{API_VERSION}")

    async def create_attempt(self, namespace: str, manifest: Manifest) -> None:
        await self._api.post(attempts_path(namespace), manifest)

    async def read_attempt(self, namespace: str, name: str) -> Manifest | None:
        return await self._read(attempts_path(namespace, name))

    async def delete_attempt(self, namespace: str, name: str, uid: str) -> None:
        options: Manifest = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        await self._delete(attempts_path(namespace, name), options)

    async def hold_attempt(self, namespace: str, name: str, uid: str) -> None:
        """In one call where the attempt has no finalizer, as those made by hand; else read, and put ours first."""
        path = attempts_path(namespace, name)
        try:
            await self._api.change(path, _addition(ATTEMPT_FINALIZER, uid), JSON_PATCH)
            return
        except Refused as error:
            if not precondition_failed(error):
                raise
        for _ in range(FINALIZER_TRIES):
            metadata = (await self._api.get(path))["metadata"]
            finalizers: list[str] = metadata.get("finalizers", [])
            if metadata["uid"] != uid:
                raise NotFound(f"PATCH {path}: the attempt with uid {uid} is gone")
            if ATTEMPT_FINALIZER in finalizers:
                return
            version = metadata["resourceVersion"]
            held: Manifest = {"resourceVersion": version, "finalizers": [ATTEMPT_FINALIZER, *finalizers]}
            try:
                await self._api.patch(path, {"metadata": held})
            except Conflict:
                continue
            return
        raise _unsettled(path)

    async def release_attempt(self, namespace: str, name: str, uid: str) -> None:
        await self._drop_finalizer(attempts_path(namespace, name), ATTEMPT_FINALIZER, uid)

    async def patch_attempt_status(
        self, namespace: str, name: str, patch: Manifest, *, resource_version: str | None = None
    ) -> Manifest:
        guarded = patch if resource_version is None else patch | {"metadata": {"resourceVersion": resource_version}}
        return without_managed_fields(await self._api.patch(f"{attempts_path(namespace, name)}/status", guarded))

    async def patch_task_status(self, namespace: str, name: str, patch: Manifest) -> None:
        await self._api.patch(f"{tasks_path(namespace, name)}/status", patch)

    async def create_pod(self, namespace: str, manifest: Manifest) -> None:
        await self._api.post(pods_path(namespace), manifest, strict=True)

    async def read_pod(self, namespace: str, name: str) -> Manifest | None:
        return await self._read(pods_path(namespace, name))

    async def delete_pod(self, namespace: str, name: str, uid: str) -> None:
        options: Manifest = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        try:
            await self._delete(pods_path(namespace, name), options)
        except Conflict:  # another pod has the name now
            return

    async def release_pod(self, namespace: str, name: str, uid: str) -> None:
        await self._drop_finalizer(pods_path(namespace, name), POD_FINALIZER, uid)

    async def _read(self, path: str) -> Manifest | None:
        try:
            return without_managed_fields(await self._api.get(path))
        except NotFound:
            return None

    async def pod_log_tail(
        self, namespace: str, pod: str, container: str, lines: int, *, to_the_end: bool = False
    ) -> str:
        query = {"container": container, "tailLines": str(lines), "limitBytes": str(LOG_READ_LIMIT)}
        if to_the_end:
            query["follow"] = "true"
        return await self._api.tail(f"{pods_path(namespace, pod)}/log", query, keep=LOG_LIMIT, seconds=LOG_SECONDS)

    async def record_event(self, namespace: str, about: ObjectRef, kind: EventKind, reason: str, message: str) -> None:
        await self._events.record(namespace, about, kind, reason, message)

    async def _delete(self, path: str, options: Manifest) -> None:
        try:
            await self._api.delete(path, options)
        except NotFound:
            return

    async def _drop_finalizer(self, path: str, finalizer: str, uid: str) -> None:
        """Remove one finalizer in a single call when it is the first, as ours is; else read and try again."""
        at = 0
        for _ in range(FINALIZER_TRIES):
            try:
                await self._api.change(path, _removal(finalizer, at, uid), JSON_PATCH)
            except NotFound:
                return
            except Refused as error:
                if not precondition_failed(error):
                    raise
            else:
                return
            index = await self._finalizer_index(path, finalizer, uid)
            if index is None:
                return
            at = index
        raise _unsettled(path)

    async def _finalizer_index(self, path: str, finalizer: str, uid: str) -> int | None:
        try:
            metadata = (await self._api.get(path))["metadata"]
        except NotFound:
            return None
        finalizers: list[str] = metadata.get("finalizers", [])
        if metadata["uid"] != uid or finalizer not in finalizers:
            return None
        return finalizers.index(finalizer)


def _unsettled(path: str) -> Conflict:
    return Conflict(f"PATCH {path}: the object changed {FINALIZER_TRIES} times in a row; try again later")


def _addition(finalizer: str, uid: str) -> list[Manifest]:
    """A JSON patch that gives the object with that uid its only finalizer; where it has one already, it is refused."""
    return [
        {"op": "test", "path": "/metadata/uid", "value": uid},
        {"op": "test", "path": "/metadata/finalizers", "value": None},
        {"op": "add", "path": "/metadata/finalizers", "value": [finalizer]},
    ]


def _removal(finalizer: str, at: int, uid: str) -> list[Manifest]:
    """A JSON patch that removes the finalizer only if it stands at that index of the object with that uid."""
    where = f"/metadata/finalizers/{at}"
    return [
        {"op": "test", "path": "/metadata/uid", "value": uid},
        {"op": "test", "path": where, "value": finalizer},
        {"op": "remove", "path": where},
    ]


def without_managed_fields(obj: Manifest) -> Manifest:
    """The object without `metadata.managedFields`, which is often half of it and which nobody here reads."""
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return obj | {"metadata": metadata}


def utc_now() -> datetime:
    """The default clock: the time of day."""
    return datetime.now(UTC)
