"""The Leases port over one `coordination.k8s.io/v1` Lease.

It translates between the API's object and `ports.Lease`; who may hold it, and how long, `process.leader` decides.
"""

from typing import Any

from perago_operator.adapters.kube_api import KubeApi
from perago_operator.ports import AlreadyExists, Conflict, Lease, Manifest, NotFound

ROOT = "/apis/coordination.k8s.io/v1"


class KubeLeases:
    """`ports.Leases` over the Lease of that namespace and name."""

    def __init__(self, api: KubeApi, namespace: str, name: str) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._collection = f"{ROOT}/namespaces/{namespace}/leases"

    async def read(self) -> Lease:
        try:
            return lease_of(await self._api.get(f"{self._collection}/{self._name}"))
        except NotFound:
            return Lease()

    async def write(self, lease: Lease) -> Lease:
        """Two that create at once: the second gets a Conflict."""
        body = manifest_of(lease, self._namespace, self._name)
        if lease.version:
            return lease_of(await self._api.replace(f"{self._collection}/{self._name}", body))
        try:
            return lease_of(await self._api.create(self._collection, body))
        except AlreadyExists as error:
            raise Conflict(str(error)) from error


def lease_of(obj: Manifest) -> Lease:
    """The Lease in an API object; a released one has no holder."""
    spec: dict[str, Any] = obj.get("spec", {})
    return Lease(
        holder=spec.get("holderIdentity") or "",
        duration_seconds=spec.get("leaseDurationSeconds") or 0,
        acquired=spec.get("acquireTime") or "",
        renewed=spec.get("renewTime") or "",
        transitions=spec.get("leaseTransitions") or 0,
        version=obj["metadata"]["resourceVersion"],
        uid=obj["metadata"]["uid"],
    )


def manifest_of(lease: Lease, namespace: str, name: str) -> Manifest:
    """The API object of a Lease."""
    metadata = {"namespace": namespace, "name": name}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata | ({"resourceVersion": lease.version} if lease.version else {}),
        "spec": {
            "holderIdentity": lease.holder,
            "leaseDurationSeconds": max(lease.duration_seconds, 1),
            "acquireTime": lease.acquired or None,
            "renewTime": lease.renewed or None,
            "leaseTransitions": lease.transitions,
        },
    }
