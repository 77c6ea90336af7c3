"""A Kubernetes API server in memory: attempts, tasks, pods and events with uids, versions, finalizers and watches."""

import asyncio
import itertools
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from perago_operator.core.names import ATTEMPT_FINALIZER, POD_FINALIZER
from perago_operator.ports import (
    AlreadyExists,
    Conflict,
    EventKind,
    Expired,
    Lease,
    Manifest,
    NotFound,
    ObjectRef,
    Page,
    Refused,
    WatchEvent,
    WatchKind,
)
from tests.fakes.faulty import CallFaults, faulty
from tests.fakes.written_once import WRITTEN_ONCE, keeps_outcome

Id = tuple[str, str, str]
"""Kind, namespace, name."""


class FakeCluster:
    """`ports.Cluster`, and what a test, a user or a kubelet does on the server's side."""

    def __init__(self) -> None:
        self.faults = CallFaults()
        self.objects: dict[Id, Manifest] = {}
        self.events: list[tuple[str, str, str]] = []
        """About whom (name), reason, message; repetitions included."""
        self.logs: dict[tuple[str, str], str] = {}
        self.listeners: list[Callable[[WatchEvent], None]] = []
        self.history: list[WatchEvent] = []
        self.kinds = frozenset({"peragoattempts", "peragotasks"})
        """Plural names of the installed CRDs."""
        self._versions = itertools.count(1)
        self._changed = asyncio.Event()

    def new_uid(self) -> str:
        """The uid of the next object."""
        return f"uid-{len(self.history) + 1}"

    def created_now(self) -> str:
        """What an object is stamped with that is created now; this server's clock stands still."""
        return "2026-01-01T00:00:00Z"

    def deleted_now(self) -> str:
        """The same for one that is deleted now."""
        return "2026-01-01T00:01:00Z"

    def add(self, obj: Manifest) -> Manifest:
        """Create an object, as any client would."""
        identity = _identity(obj)
        if identity in self.objects:
            raise AlreadyExists(f"{identity} exists")
        made = _copy_of(obj)
        made["metadata"].setdefault("uid", self.new_uid())
        made["metadata"].setdefault("creationTimestamp", self.created_now())
        return self._store("ADDED", identity, made)

    def merge(self, kind: str, namespace: str, name: str, patch: Manifest) -> Manifest:
        """Merge a patch into an object, as a user or a kubelet would; another spec is another generation."""
        found = self._get(kind, namespace, name)
        changed = merged(found, patch)
        if kind != "Pod" and changed.get("spec") != found.get("spec"):
            changed = merged(changed, {"metadata": {"generation": found["metadata"].get("generation", 1) + 1}})
        return self._store("MODIFIED", (kind, namespace, name), changed)

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Delete an object: at once, or marked for deletion while it has finalizers."""
        found = self._get(kind, namespace, name)
        if found["metadata"].get("finalizers"):
            stamp: Manifest = {"metadata": {"deletionTimestamp": self.deleted_now()}}
            self._store("MODIFIED", (kind, namespace, name), merged(found, stamp))
        else:
            self._drop((kind, namespace, name))

    @faulty
    async def served_kinds(self) -> frozenset[str]:
        return self.kinds

    @faulty
    async def create_attempt(self, namespace: str, manifest: Manifest) -> None:
        self.add(_in(namespace, manifest))

    @faulty
    async def read_attempt(self, namespace: str, name: str) -> Manifest | None:
        return self.objects.get(("PeragoAttempt", namespace, name))

    @faulty
    async def delete_attempt(self, namespace: str, name: str, uid: str) -> None:
        found = self.objects.get(("PeragoAttempt", namespace, name))
        if found is None:
            return
        if found["metadata"]["uid"] != uid:
            raise Conflict(f"{name} has another uid")
        self.delete("PeragoAttempt", namespace, name)

    @faulty
    async def hold_attempt(self, namespace: str, name: str, uid: str) -> None:
        found = self._get("PeragoAttempt", namespace, name)
        if found["metadata"]["uid"] != uid:
            raise NotFound(f"{name} has another uid")
        finalizers = found["metadata"].get("finalizers", [])
        if ATTEMPT_FINALIZER not in finalizers:
            self.merge("PeragoAttempt", namespace, name, {"metadata": {"finalizers": [ATTEMPT_FINALIZER, *finalizers]}})

    @faulty
    async def release_attempt(self, namespace: str, name: str, uid: str) -> None:
        self._release(("PeragoAttempt", namespace, name), ATTEMPT_FINALIZER, uid)

    @faulty
    async def patch_attempt_status(
        self, namespace: str, name: str, patch: Manifest, *, resource_version: str | None = None
    ) -> Manifest:
        found = self._get("PeragoAttempt", namespace, name)
        if resource_version not in (None, found["metadata"]["resourceVersion"]):
            raise Conflict(f"{name} has changed since {resource_version}")
        before = found.get("status", {})
        if not keeps_outcome(before, merged(before, patch.get("status", {}))):
            message = f"PeragoAttempt {name} is invalid: {WRITTEN_ONCE}"
            raise Refused(f"422 {message}", status=422, message=message)
        return self.merge("PeragoAttempt", namespace, name, {"status": patch.get("status", {})})

    @faulty
    async def patch_task_status(self, namespace: str, name: str, patch: Manifest) -> None:
        self.merge("PeragoTask", namespace, name, {"status": patch.get("status", {})})

    @faulty
    async def create_pod(self, namespace: str, manifest: Manifest) -> None:
        self.add(_in(namespace, manifest))

    @faulty
    async def read_pod(self, namespace: str, name: str) -> Manifest | None:
        return self.objects.get(("Pod", namespace, name))

    @faulty
    async def delete_pod(self, namespace: str, name: str, uid: str) -> None:
        pod = self.objects.get(("Pod", namespace, name))
        if pod is not None and pod["metadata"]["uid"] == uid:
            self.delete("Pod", namespace, name)

    @faulty
    async def release_pod(self, namespace: str, name: str, uid: str) -> None:
        self._release(("Pod", namespace, name), POD_FINALIZER, uid)

    @faulty
    async def pod_log_tail(
        self, namespace: str, pod: str, container: str, lines: int, *, to_the_end: bool = False
    ) -> str:
        self._get("Pod", namespace, pod)
        return "\n".join(self.logs.get((pod, container), "").splitlines()[-lines:])

    @faulty
    async def record_event(self, namespace: str, about: ObjectRef, kind: EventKind, reason: str, message: str) -> None:
        self.events.append((about.name, reason, message))

    def _get(self, kind: str, namespace: str, name: str) -> Manifest:
        if (kind, namespace, name) not in self.objects:
            raise NotFound(f"no {kind} {namespace}/{name}")
        return self.objects[kind, namespace, name]

    def _release(self, identity: Id, finalizer: str, uid: str) -> None:
        found = self.objects.get(identity)
        finalizers = [] if found is None else found["metadata"].get("finalizers", [])
        if found is None or finalizer not in finalizers or uid != found["metadata"]["uid"]:
            return
        left: Manifest = {"metadata": {"finalizers": [one for one in finalizers if one != finalizer]}}
        changed = self._store("MODIFIED", identity, merged(found, left))
        if changed["metadata"].get("deletionTimestamp") and not changed["metadata"]["finalizers"]:
            self._drop(identity)

    def _store(self, kind: WatchKind, identity: Id, obj: Manifest) -> Manifest:
        stored = merged(obj, {"metadata": {"resourceVersion": str(next(self._versions))}})
        self.objects[identity] = stored
        self._tell(WatchEvent(kind, stored))
        return stored

    def _drop(self, identity: Id) -> None:
        gone = merged(self.objects.pop(identity), {"metadata": {"resourceVersion": str(next(self._versions))}})
        self._tell(WatchEvent("DELETED", gone))

    def _tell(self, event: WatchEvent) -> None:
        self.history.append(event)
        for listener in self.listeners:
            listener(event)
        self._changed.set()

    def feed(self, kind: str, page_size: int = 2, namespace: str | None = None) -> "FakeFeed":
        """A Feed of one kind of object, of a namespace or (None) of all."""
        return FakeFeed(self, kind, page_size, namespace)

    async def changed(self) -> None:
        """Wait for the next change."""
        self._changed.clear()
        await self._changed.wait()


class FakeFeed:
    """`ports.Feed` over a FakeCluster. `end()` ends the stream in order, `forget()` makes old versions Expired."""

    def __init__(self, cluster: FakeCluster, kind: str, page_size: int, namespace: str | None = None) -> None:
        self.faults = CallFaults()
        self._namespace = namespace
        self._cluster = cluster
        self._kind = kind
        self._page_size = page_size
        self._oldest = 0
        self._ended = False

    def forget(self) -> None:
        """Versions up to now are too old to be resumed from."""
        self._oldest = _latest(self._cluster)

    def end(self) -> None:
        """The stream under way ends."""
        self._ended = True
        self._cluster._changed.set()

    @faulty
    async def page(self, next_page: str | None) -> Page:
        start = int(next_page or 0)
        items = [obj for _, obj in sorted(self._cluster.objects.items()) if self._has(obj)]
        end = start + self._page_size
        more = str(end) if end < len(items) else None
        return Page(tuple(items[start:end]), str(_latest(self._cluster)), more)

    async def watch(self, resource_version: str) -> AsyncIterator[WatchEvent]:
        await self.faults.around("watch", lambda: self._opened(int(resource_version)))
        self._ended = False
        history = self._cluster.history
        position = bisect_right(history, int(resource_version), key=lambda event: int(event.resource_version))
        while not self._ended:
            newer = history[position:]
            position += len(newer)
            for event in newer:
                if self._has(event.obj):
                    yield event
            if not newer:
                await self._cluster.changed()

    def _has(self, obj: Manifest) -> bool:
        return obj["kind"] == self._kind and self._namespace in (None, obj["metadata"].get("namespace"))

    async def _opened(self, since: int) -> None:
        if since < self._oldest:
            raise Expired(f"version {since} is too old")


class FakeLeases:
    """`ports.Leases` in memory."""

    def __init__(self) -> None:
        self.faults = CallFaults()
        self.stored = Lease()

    @faulty
    async def read(self) -> Lease:
        return self.stored

    @faulty
    async def write(self, lease: Lease) -> Lease:
        if lease.version != self.stored.version:
            raise Conflict("the lease has changed")
        version = str(int(lease.version or 0) + 1)
        self.stored = replace(lease, version=version, uid=self.stored.uid or "uid-of-the-lease")
        return self.stored


def merged(obj: Any, patch: Manifest) -> Manifest:
    """A JSON merge patch (RFC 7396), the original left as it is."""
    result = dict(obj) if isinstance(obj, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = merged(result.get(key), value)
        else:
            result[key] = value
    return result


def _copy_of(value: Any) -> Any:
    """A JSON value that shares no part with this one."""
    if isinstance(value, dict):
        return {key: _copy_of(part) for key, part in value.items()}
    return [_copy_of(part) for part in value] if isinstance(value, list) else value


def _latest(cluster: FakeCluster) -> int:
    return int(cluster.history[-1].resource_version) if cluster.history else 0


def _identity(obj: Manifest) -> Id:
    return obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]


def _in(namespace: str, manifest: Manifest) -> Manifest:
    return manifest | {"metadata": manifest["metadata"] | {"namespace": namespace}}
