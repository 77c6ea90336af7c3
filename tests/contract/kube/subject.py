"""One cluster of the suite, fake or real, and what else of it a test may look at."""

from dataclasses import dataclass

from perago_operator.adapters.kube import attempts_path, pods_path, tasks_path
from perago_operator.adapters.kube_api import KubeApi
from perago_operator.adapters.kube_feed import KubeFeed
from perago_operator.adapters.kube_lease import KubeLeases
from perago_operator.ports import Cluster, Feed, Leases, Manifest
from tests.fakes.kube import FakeCluster, FakeLeases


@dataclass
class Subject:
    """A cluster, and a namespace of its own in it."""

    cluster: Cluster
    namespace: str
    real: KubeApi | None = None
    fake: FakeCluster | None = None

    async def get(self, kind: str, name: str) -> Manifest | None:
        """An object as it is now."""
        if self.fake is not None:
            return self.fake.objects.get((kind, self.namespace, name))
        assert self.real is not None
        listed = await self.real.get(_path(kind, self.namespace), {"fieldSelector": f"metadata.name={name}"})
        items: list[Manifest] = listed["items"]
        return items[0] if items else None

    async def task(self, name: str) -> None:
        """Make a PeragoTask."""
        obj: Manifest = {"apiVersion": "perago.dev/v1alpha1", "kind": "PeragoTask"}
        obj |= {"metadata": {"name": name, "namespace": self.namespace}, "spec": {"module": "app", "image": "app:1"}}
        if self.fake is not None:
            self.fake.add(obj)
        else:
            assert self.real is not None
            await self.real.create(tasks_path(self.namespace), obj)

    def feed(self, kind: str, page_size: int = 2) -> Feed:
        """A feed of the namespace's objects of a kind."""
        if self.fake is not None:
            return self.fake.feed(kind, page_size)
        assert self.real is not None
        return KubeFeed(self.real, _path(kind, self.namespace), page_size=page_size)

    def leases(self) -> Leases:
        """The namespace's one Lease."""
        if self.fake is not None:
            return FakeLeases()
        assert self.real is not None
        return KubeLeases(self.real, self.namespace, "perago-operator")


def _path(kind: str, namespace: str) -> str:
    paths = {"PeragoAttempt": attempts_path, "PeragoTask": tasks_path, "Pod": pods_path}
    return paths[kind](namespace)
