"""Events about Perago's objects, for people: a repetition raises the count of the event that is there."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from perago.wire.times import timestamp
from perago_operator.adapters.kube_api import KubeApi
from perago_operator.ports import AlreadyExists, EventKind, Manifest, ObjectRef

EVENTS_REMEMBERED = 4096
"""Events whose counts are known; of others that are repeated the count begins again at 2."""


class EventRecorder:
    """Posts events in the name of a component; `now` is the time that they carry."""

    def __init__(self, api: KubeApi, *, component: str, now: Callable[[], datetime]) -> None:
        self._api = api
        self._component = component
        self._now = now
        self._counts: OrderedDict[str, int] = OrderedDict()

    async def record(self, namespace: str, about: ObjectRef, kind: EventKind, reason: str, message: str) -> None:
        """Post an event. Its name is made from its words, so that a repetition meets the event that is there."""
        event = self._event(namespace, about, kind, reason, message)
        name: str = event["metadata"]["name"]
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/events"
        try:
            await self._api.post(path, event)
            self._remember(name, 1)
        except AlreadyExists:
            count = self._counts.get(name, 1) + 1
            patch: Manifest = {"count": count, "lastTimestamp": event["lastTimestamp"]}
            await self._api.change(f"{path}/{quote(name, safe='')}", patch)
            self._remember(name, count)

    def _remember(self, name: str, count: int) -> None:
        self._counts[name] = count
        self._counts.move_to_end(name)
        while len(self._counts) > EVENTS_REMEMBERED:
            self._counts.popitem(last=False)

    def _event(self, namespace: str, about: ObjectRef, kind: EventKind, reason: str, message: str) -> Manifest:
        words = hashlib.sha256(f"{about.uid}\n{kind}\n{reason}\n{message}".encode()).hexdigest()[:16]
        now = timestamp(self._now())
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{about.name[:200]}.{words}", "namespace": namespace},
            "involvedObject": {
                "apiVersion": about.api_version,
                "kind": about.kind,
                "namespace": about.namespace,
                "name": about.name,
                "uid": about.uid,
            },
            "type": kind,
            "reason": reason,
            "message": message[:1024],
            "source": {"component": self._component},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
