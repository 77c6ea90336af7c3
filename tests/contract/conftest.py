"""The servers that contract tests talk to: the ones that the variables name, else servers of this session."""

import os
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from perago_dev import environment
from perago_dev.servers import lakefs as dev


@pytest.fixture(scope="session", autouse=True)
def given_servers_only() -> None:
    """Addresses that `perago_dev env` put into this shell are those of an environment, not given ones."""
    environment.forget_own_servers(os.environ)


@pytest.fixture(scope="session")
def lakefs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dev.Server]:
    """The lakeFS that `LAKEFS_ENDPOINT` names, else one on loopback."""
    given = dev.external()
    source = nullcontext(given) if given else dev.local_server(tmp_path_factory.mktemp("lakefs"))
    with source as server:
        yield server
