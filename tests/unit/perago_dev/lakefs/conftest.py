"""A development server as a child process, and plain HTTP to it."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from perago_dev.lakefs import Server, local_server
from tests.unit.perago_dev.lakefs.http_api import Api


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests of a module."""
    with local_server(tmp_path_factory.mktemp("lakefs")) as running:
        yield running


@pytest.fixture
def api(server: Server) -> Api:
    """Calls to it."""
    return Api(server)


@pytest.fixture
def repo(api: Api) -> str:
    """The path of a repository of the test's own."""
    return api.repository(f"r-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory that outlives its servers."""
    return tmp_path / "data"
