"""The lakeFS of one suite: the fake store that serves the transfers' unit tests, and real servers.

One of them keeps its objects on the disk, and the other one signs URLs of a block store.
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp.test_utils import TestServer

from perago.agent.clients.lakefs import LakeFS, open_session
from perago.agent.clients.store import Presigning
from perago.wire.secrets import LakeFSKeys
from perago_dev.servers import minio
from perago_dev.servers.lakefs import Server
from tests.bodies import fixed
from tests.contract.agent.repository import Repository, signed_session
from tests.contract.conftest import SigningServer
from tests.contract.objects.backends import (
    REQUESTS,
    SIGNED_REQUESTS,
    STORE_REQUESTS,
    Backend,
    FakeContents,
    RealContents,
)
from tests.fakes.object_store import ObjectStore
from tests.faults.proxy import Proxy, proxied


@pytest.fixture
async def fake_backend() -> AsyncIterator[Backend]:
    """A fake of its own."""
    store = ObjectStore()
    async with (
        TestServer(store.application()) as server,
        open_session() as session,
    ):
        with proxied(str(server.make_url("")).rstrip("/")) as proxy:
            client = LakeFS(session, fixed(LakeFSKeys(proxy.url, "key", "secret")), "repo")
            yield Backend(client, dict.fromkeys(REQUESTS, proxy), FakeContents(store))


@pytest.fixture
async def real_backend(lakefs: Server) -> AsyncIterator[Backend]:
    """A repository of its own, on a server that signs nothing though it is asked."""
    async with a_repository(lakefs, "") as (client, proxy, repository):
        yield Backend(client, dict.fromkeys(REQUESTS, proxy), RealContents(repository))


@pytest.fixture
async def signing_backend(signing: SigningServer) -> AsyncIterator[Backend]:
    """A repository of its own in a bucket, whose block store takes the bodies."""
    signing.store.seen.clear()
    async with a_repository(signing.server, f"s3://{minio.BUCKET}/{uuid.uuid4().hex}") as (client, proxy, repository):
        await client.ask_for_presigning()
        proxies = dict.fromkeys((*REQUESTS, *SIGNED_REQUESTS), proxy) | dict.fromkeys(STORE_REQUESTS, signing.store)
        yield Backend(client, proxies, RealContents(repository))
    signing.store.clear()


@asynccontextmanager
async def a_repository(server: Server, storage: str) -> AsyncIterator[tuple[LakeFS, Proxy, Repository]]:
    """The agent's client of a new repository, through a proxy, and the repository."""
    async with open_session() as session, signed_session(server) as signed:
        repository = Repository(signed, server, f"objects-{uuid.uuid4().hex[:12]}", storage)
        await repository.create()
        with proxied(server.endpoint) as proxy:
            keys = fixed(LakeFSKeys(proxy.url, server.access_key, server.secret_key))
            yield LakeFS(session, keys, repository.name, Presigning()), proxy, repository
        await repository.delete()


@pytest.fixture(params=["fake", "real", "signing"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each in turn: what holds for one holds for the others."""
    backend: Backend = request.getfixturevalue(f"{request.param}_backend")
    return backend
