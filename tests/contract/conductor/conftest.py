"""Two Conductors for one suite: the fake in memory, and a real one.

That is the server that `CONDUCTOR_SERVER_URL` names, else that of the environment in a run of all tests, for a second
one would cost a tenth of the run, else one on loopback.
"""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import nullcontext

import pytest

from perago.wire.secrets import ConductorKeys
from perago_dev.servers import conductor as dev
from perago_operator.adapters.conductor import HttpConductor
from tests import environment
from tests.contract.conductor.backends import FakeBackend, RealBackend, Server
from tests.contract.conductor.jobs import Backend, Job
from tests.faults.proxy import proxied

Define = Callable[..., Awaitable[Job]]

PATIENCE = 120.0
"""Seconds that a call may take here: a busy machine makes the server slow, and decides no test."""


@pytest.fixture(scope="session")
def conductor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real server for this session."""
    given = dev.external()
    if not given and (beside := environment.of_this_run()):
        given = beside.conductor_url
    source = nullcontext(given) if given else dev.local_server(tmp_path_factory.mktemp("conductor"))
    with source as url:
        yield Server(url)


@pytest.fixture(autouse=True)
def undisturbed(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str) -> Iterator[None]:
    """No end-to-end test restarts the environment's Conductor meanwhile."""
    with environment.undisturbed(tmp_path_factory, testrun_uid):
        yield


@pytest.fixture
def fake_backend() -> Iterator[FakeBackend]:
    """A fake of its own."""
    backend = FakeBackend()
    yield backend
    backend.check()


@pytest.fixture
async def real_backend(conductor: Server) -> AsyncIterator[RealBackend]:
    """The real server, and our client of it."""
    with proxied(conductor.url) as proxy:
        client = HttpConductor(lambda: ConductorKeys(proxy.url), seconds=PATIENCE)
        yield RealBackend(conductor, proxy, client)
        await client.close()


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.conductor)])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Both in turn: what holds for one holds for the other."""
    backend: Backend = request.getfixturevalue(f"{request.param}_backend")
    return backend


@pytest.fixture
def define(backend: Backend) -> Define:
    """Makes jobs whose task type has the given settings."""

    async def made(*, response_seconds: int = 600, retries: int = 0) -> Job:
        job = Job(backend, f"t_{uuid.uuid4().hex[:12]}")
        await backend.define(job.name, response_seconds=response_seconds, retries=retries)
        return job

    return made


@pytest.fixture
async def job(define: Define) -> Job:
    """A task type that times out late and is not retried."""
    return await define()
