"""Two clusters for one suite: the fake in memory, and a real API server (etcd and kube-apiserver alone)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perago_operator.adapters import kube_access
from perago_operator.adapters.kube import KubeCluster, utc_now
from perago_operator.adapters.kube_api import KubeApi
from tests.contract.kube.bench import Bench
from tests.contract.kube.names import fresh
from tests.fakes.kube import FakeCluster


@pytest.fixture
async def api(kubeconfig: Path) -> AsyncIterator[KubeApi]:
    """Our client of it."""
    async with KubeApi(kube_access.load(kubeconfig)) as api:
        yield api


@pytest.fixture
def fake_bench() -> Bench:
    """The fake."""
    fake = FakeCluster()
    return Bench(fake, fresh("ns"), fake=fake)


@pytest.fixture
async def real_bench(api: KubeApi) -> Bench:
    """A namespace of the real one, in which pods can be made: nobody else makes its service account here."""
    namespace = fresh("ns")
    await api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    await api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "default"}})
    return Bench(KubeCluster(api, component="test", now=utc_now), namespace, real=api)


@pytest.fixture(params=["fake", "real"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Both in turn: what holds for one holds for the other."""
    bench: Bench = request.getfixturevalue(f"{request.param}_bench")
    return bench
