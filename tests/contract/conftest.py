"""The servers that contract tests talk to: real ones where the environment names them, else our own."""

import os
from collections.abc import Iterator

import pytest

from perago_dev.lakefs import Server, local_server

VARIABLES = ("LAKEFS_ENDPOINT", "LAKEFS_ACCESS_KEY_ID", "LAKEFS_SECRET_ACCESS_KEY")


@pytest.fixture(scope="session")
def lakefs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A lakeFS API: the one that `LAKEFS_ENDPOINT` and its keys name, else a development server of this session."""
    values = [os.environ.get(name, "") for name in VARIABLES]
    if all(values):
        endpoint, access_key, secret_key = values
        yield Server(endpoint, access_key, secret_key)
        return
    with local_server(tmp_path_factory.mktemp("lakefs")) as server:
        yield server
