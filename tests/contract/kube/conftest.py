"""Two clusters for one suite: the fake in memory, and a real API server (etcd and kube-apiserver alone)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perago_operator.adapters import kube_access
from perago_operator.adapters.kube import KubeCluster, utc_now
from perago_operator.adapters.kube_api import KubeApi
from tests.contract.kube.names import fresh
from tests.contract.kube.subject import Subject
from tests.fakes.kube import FakeCluster


@pytest.fixture
async def api(kubeconfig: Path) -> AsyncIterator[KubeApi]:
    """Our client of it."""
    async with KubeApi(kube_access.load(kubeconfig)) as api:
        yield api


@pytest.fixture
def fake_subject() -> Subject:
    """The fake."""
    fake = FakeCluster()
    return Subject(fake, fresh("ns"), fake=fake)


@pytest.fixture
async def real_subject(api: KubeApi) -> Subject:
    """A namespace of the real one, in which pods can be made: nobody else makes its service account here."""
    namespace = fresh("ns")
    await api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    await api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "default"}})
    return Subject(KubeCluster(api, component="test", now=utc_now), namespace, real=api)


@pytest.fixture(params=["fake", "real"])
def subject(request: pytest.FixtureRequest) -> Subject:
    """Both in turn: what holds for one holds for the other."""
    subject: Subject = request.getfixturevalue(f"{request.param}_subject")
    return subject
