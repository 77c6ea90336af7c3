"""The API servers for one suite: the fake, in memory and over HTTP, and a real one."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from perago.agent.clients.attempt_api import open_session
from perago.agent.mounts import Mounts
from perago_operator.adapters import kube_access
from perago_operator.adapters.kube import attempts_path
from perago_operator.adapters.kube_api import KubeApi
from perago_operator.core.names import ATTEMPT_FINALIZER
from tests import builders as b
from tests.contract.attempts.backends import (
    NAME,
    Backend,
    Client,
    FakeServer,
    HttpBackend,
    MemoryBackend,
    RealServer,
)
from tests.contract.kube.names import fresh
from tests.fakes.attempt_api import TOKEN, AttemptServer, FakeAttemptApi
from tests.faults.proxy import proxied


def written(folder: Path, url: str, token: str) -> Mounts:
    """The agent's mounts for a server without TLS."""
    (folder / "token").write_text(f"{token}\n")
    return Mounts(cluster=folder, api_server=url)


@pytest.fixture
def memory_backend() -> Iterator[MemoryBackend]:
    """The fake, without HTTP."""
    fake = FakeAttemptApi(b.attempt())
    yield MemoryBackend(fake)
    fake.faults.check()


@pytest.fixture
async def http_backend(tmp_path: Path) -> AsyncIterator[HttpBackend]:
    """The fake over HTTP."""
    fake = AttemptServer(b.attempt())
    async with TestServer(fake.application()) as server:
        with proxied(str(server.make_url("")).rstrip("/")) as proxy:
            mounts = written(tmp_path, proxy.url, TOKEN)
            async with open_session(mounts) as session:
                yield HttpBackend(FakeServer(fake), mounts, proxy, b.UID, session)


@pytest.fixture
async def real_backend(kubeconfig: Path, tmp_path: Path) -> AsyncIterator[HttpBackend]:
    """A namespace of the real one."""
    access, namespace = kube_access.load(kubeconfig), fresh("attempts")
    async with KubeApi(access) as api:
        await api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        attempt = b.attempt() | {"metadata": {"name": NAME, "finalizers": [ATTEMPT_FINALIZER]}}
        uid = (await api.create(attempts_path(namespace), attempt))["metadata"]["uid"]
        token = (access.read_authorization() or "").removeprefix("Bearer ")
        with proxied(access.server, Path(access.files.ca or "")) as proxy:
            mounts = written(tmp_path, proxy.url, token)
            async with open_session(mounts) as session:
                yield HttpBackend(RealServer(api, namespace), mounts, proxy, uid, session)


@pytest.fixture(params=["memory", "http", "real"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """All in turn: what holds for one holds for the others."""
    backend: Backend = request.getfixturevalue(f"{request.param}_backend")
    return backend


@pytest.fixture
def client(backend: Backend) -> Client:
    """The agent's client of its attempt."""
    return backend.client
