"""A Conductor server: the one that `CONDUCTOR_SERVER_URL` names, else one of this session on loopback."""

from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext

import pytest

from perago_dev import conductor as dev
from perago_operator.adapters.conductor import ConductorKeys, HttpConductor
from tests.contract.conductor.jobs import Job, Server


@pytest.fixture(scope="session")
def conductor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server for this session."""
    external = dev.external()
    source = nullcontext(external) if external else dev.local_server(tmp_path_factory.mktemp("conductor"))
    with source as url:
        yield Server(url)


@pytest.fixture
async def client(conductor: Server) -> AsyncIterator[HttpConductor]:
    """Our client of it."""
    made = HttpConductor(conductor.url, ConductorKeys(None))
    yield made
    await made.close()


@pytest.fixture
def job(conductor: Server, client: HttpConductor) -> Job:
    """A task type that times out late and is not retried."""
    return Job(conductor, client).register()
