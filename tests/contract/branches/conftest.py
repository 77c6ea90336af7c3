"""Two lakeFS for one suite: the fake in memory, and a repository of a real server behind a proxy."""

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from perago.agent.clients.lakefs import LakeFS, open_session
from perago.wire.secrets import LakeFSKeys
from perago_dev.servers.lakefs import Server
from tests.bodies import fixed
from tests.contract.agent.repository import Repository, signed_session
from tests.contract.branches.backends import Backend, FakeBackend, RealBackend
from tests.faults.proxy import proxied


@pytest.fixture
def fake_backend() -> Iterator[FakeBackend]:
    """A fake of its own."""
    backend = FakeBackend()
    yield backend
    backend.check()


@pytest.fixture
async def real_backend(lakefs: Server) -> AsyncIterator[RealBackend]:
    """A repository of its own, and the agent's client of it."""
    keys = LakeFSKeys(lakefs.endpoint, lakefs.access_key, lakefs.secret_key)
    async with open_session() as session, signed_session(lakefs) as signed:
        repository = Repository(signed, lakefs, f"branches-{uuid.uuid4().hex[:12]}")
        await repository.create()
        with proxied(lakefs.endpoint) as proxy:
            client = LakeFS(session, fixed(replace(keys, endpoint=proxy.url)), repository.name)
            yield RealBackend(repository, proxy, client)
        await repository.call("DELETE", f"/{repository.name}", params={"force": "true"})


@pytest.fixture(params=["fake", "real"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Both in turn: what holds for one holds for the other."""
    backend: Backend = request.getfixturevalue(f"{request.param}_backend")
    return backend
