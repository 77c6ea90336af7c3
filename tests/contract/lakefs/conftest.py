"""A client and a repository of one's own, on whatever lakeFS the session has."""

import uuid
from collections.abc import Iterator

import lakefs as lakefs_client
import pytest
from lakefs.client import Client

from perago_dev.servers.lakefs import Server, storage_namespace


@pytest.fixture
def client(lakefs: Server) -> Client:
    """The unmodified high-level client; its `sdk_client` is the unmodified lakefs_sdk."""
    return Client(host=lakefs.endpoint, username=lakefs.access_key, password=lakefs.secret_key)


@pytest.fixture
def repository(client: Client) -> Iterator[lakefs_client.Repository]:
    """An empty repository with branch `main`, deleted afterwards."""
    name = f"contract-{uuid.uuid4().hex[:12]}"
    made = lakefs_client.Repository(name, client=client).create(storage_namespace(name))
    yield made
    made.delete()


@pytest.fixture
def main(repository: lakefs_client.Repository) -> lakefs_client.Branch:
    """`main` of a repository, with the committed file `base` containing `0`."""
    branch = repository.branch("main")
    branch.object("base").upload(data=b"0")
    branch.commit("base")
    return branch
