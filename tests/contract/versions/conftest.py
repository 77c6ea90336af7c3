"""Two lakeFS for one suite: the fake in memory, and a repository of a real server behind a proxy."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from lakefs.client import Client
from lakefs.repository import Repository

from perago_dev.servers.lakefs import Server, storage_namespace
from perago_operator.adapters.lakefs import LakefsVersions
from tests.contract.versions.subject import PAGE, Subject, write_keys
from tests.fakes.versions import FakeVersions
from tests.faults.proxy import proxied


@pytest.fixture
def fake_subject() -> Iterator[Subject]:
    """The fake."""
    fake = FakeVersions()
    fake.commit("repo", "main", "root")
    yield Subject(fake, "repo", fake=fake)
    fake.faults.check()


@pytest.fixture
def real_subject(lakefs: Server, tmp_path: Path) -> Iterator[Subject]:
    """A repository of its own in the server, deleted afterwards."""
    client = Client(host=lakefs.endpoint, username=lakefs.access_key, password=lakefs.secret_key)
    name = f"versions-{uuid.uuid4().hex[:8]}"
    repository = Repository(name, client).create(storage_namespace=storage_namespace(name))
    with proxied(lakefs.endpoint) as proxy:
        keys = write_keys(tmp_path, Server(proxy.url, lakefs.access_key, lakefs.secret_key))
        yield Subject(LakefsVersions(keys, page=PAGE, branch_page=PAGE), name, real=repository, proxy=proxy)
    repository.delete()


@pytest.fixture(params=["fake", "real"])
def subject(request: pytest.FixtureRequest) -> Subject:
    """Both in turn."""
    subject: Subject = request.getfixturevalue(f"{request.param}_subject")
    return subject
