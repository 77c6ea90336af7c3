"""The server that the environment and the tests start: quick, quiet, and as lasting as its folder."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import lakefs
import pytest
from lakefs.client import Client

from perago_dev.servers import lakefs_programs
from perago_dev.servers.lakefs import Server, local_server, storage_namespace


def client_of(server: Server) -> Client:
    return Client(host=server.endpoint, username=server.access_key, password=server.secret_key)


@pytest.fixture(autouse=True, scope="module")
def built() -> None:
    """The programs, before any test's time runs."""
    lakefs_programs.cached()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own, whatever server the session has."""
    with local_server(tmp_path) as server:
        yield server


def test_it_is_the_pinned_lakefs(own: Server) -> None:
    """Its configuration says which version it is."""
    version = client_of(own).sdk_client.config_api.get_config().version_config
    assert version is not None
    assert version.version == lakefs_programs.version()


def test_what_it_holds_lasts_as_long_as_its_folder(tmp_path: Path) -> None:
    """A later server has the same keys, repositories and objects, also those that were not committed."""
    with local_server(tmp_path) as server:
        repository = lakefs.Repository("lasting", client=client_of(server)).create(storage_namespace("lasting", {}))
        repository.branch("main").object("file").upload(data=b"content")
    with local_server(tmp_path) as later:
        assert (later.access_key, later.secret_key) == (server.access_key, server.secret_key)
        branch = lakefs.Repository("lasting", client=client_of(later)).branch("main")
        assert branch.object("file").reader("rb").read() == b"content"


def test_it_calls_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy through which every call to its makers would have to go sees none, from the start of the server on."""
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(1)
        address = "http://{}:{}".format(*proxy.getsockname())
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, address)
        with local_server(tmp_path) as server:
            monkeypatch.undo()
            assert client_of(server).sdk_client.internal_api.get_setup_state().state == "initialized"
            client_of(server).sdk_client.config_api.get_config()
            with pytest.raises(TimeoutError):
                proxy.accept()


def test_lakectl_knows_the_server(own: Server) -> None:
    """The command line that is built beside it, with the variables that an environment's shell has."""
    variables = {
        "LAKECTL_SERVER_ENDPOINT_URL": own.endpoint,
        "LAKECTL_CREDENTIALS_ACCESS_KEY_ID": own.access_key,
        "LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY": own.secret_key,
        "HOME": "/nonexistent",
    }
    command = [str(lakefs_programs.cached() / "lakectl"), "repo", "create", "lakefs://made", "local://made"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert [repository.id for repository in lakefs.repositories(client_of(own))] == ["made"]
