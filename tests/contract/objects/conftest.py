"""Two lakeFS for one suite: the fake store that serves the transfers' unit tests, and a real server."""

import uuid
from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer

from perago.agent.clients.lakefs import LakeFS, open_session
from perago.wire.secrets import LakeFSKeys
from perago_dev.servers.lakefs import Server
from tests.bodies import fixed
from tests.contract.agent.repository import Repository, signed_session
from tests.contract.objects.backends import Backend, FakeContents, RealContents
from tests.fakes.object_store import ObjectStore
from tests.faults.proxy import proxied


@pytest.fixture
async def fake_backend() -> AsyncIterator[Backend]:
    """A fake of its own."""
    store = ObjectStore()
    async with (
        TestServer(store.application()) as server,
        open_session() as session,
    ):
        with proxied(str(server.make_url("")).rstrip("/")) as proxy:
            yield Backend(
                LakeFS(session, fixed(LakeFSKeys(proxy.url, "key", "secret")), "repo"), proxy, FakeContents(store)
            )


@pytest.fixture
async def real_backend(lakefs: Server) -> AsyncIterator[Backend]:
    """A repository of its own."""
    async with open_session() as session, signed_session(lakefs) as signed:
        repository = Repository(signed, lakefs, f"objects-{uuid.uuid4().hex[:12]}")
        await repository.create()
        with proxied(lakefs.endpoint) as proxy:
            yield Backend(
                LakeFS(session, fixed(LakeFSKeys(proxy.url, lakefs.access_key, lakefs.secret_key)), repository.name),
                proxy,
                RealContents(repository),
            )
        await repository.delete()


@pytest.fixture(params=["fake", "real"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Both in turn: what holds for one holds for the other."""
    backend: Backend = request.getfixturevalue(f"{request.param}_backend")
    return backend
