"""Two clusters for one suite: the fake in memory, and a real API server (etcd and kube-apiserver alone)."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from perago_dev.cluster import binaries
from perago_dev.host.preflight import provider
from perago_dev.servers import apiserver
from perago_operator.adapters import kube_access
from perago_operator.adapters.kube import KubeCluster, utc_now
from perago_operator.adapters.kube_api import KubeApi
from tests.contract.kube.bench import Bench
from tests.contract.kube.names import fresh
from tests.fakes.kube import FakeCluster

CRDS = Path(__file__).resolve().parents[3] / "crds"


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A real API server that knows our kinds."""
    with apiserver.local(tmp_path_factory.mktemp("kube")) as path:
        kubectl = [str(binaries.cached(with_node=provider() == "podman") / "kubectl"), f"--kubeconfig={path}"]
        for words in (
            ("apply", "--server-side", "-f", str(CRDS)),
            ("wait", "--for=condition=Established", "crd", "--all"),
        ):
            subprocess.run([*kubectl, *words], check=True, timeout=60, stdout=subprocess.DEVNULL)
        yield path


@pytest.fixture
async def api(kubeconfig: Path) -> AsyncIterator[KubeApi]:
    """Our client of it."""
    async with KubeApi(kube_access.load(kubeconfig)) as made:
        yield made


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
    found: Bench = request.getfixturevalue(f"{request.param}_bench")
    return found
