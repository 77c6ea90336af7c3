"""lakeFS as the environment runs it: which server, which keys, which storage, and a configuration that calls nobody."""

import json
from pathlib import Path
from typing import Any

import pytest

from perago_dev.errors import EnvironmentProblem
from perago_dev.servers import lakefs, lakefs_programs, workloads
from perago_dev.servers.lakefs import Keys, Server

GIVEN = {"LAKEFS_ENDPOINT": "http://l/api/v1/", "LAKEFS_ACCESS_KEY_ID": "a", "LAKEFS_SECRET_ACCESS_KEY": "s"}


def settings(state: str = "/state", address: str = "127.0.0.1:1") -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(lakefs.configuration(state, address, Keys("key", "secret")))
    return loaded


def test_a_given_server_is_taken_with_its_keys() -> None:
    """The endpoint may end in the API's path, which clients add themselves."""
    assert lakefs.external(GIVEN | {"LAKEFS_ENDPOINT": "http://l/api/v1"}) == Server("http://l", "a", "s")
    assert lakefs.external(GIVEN | {"LAKEFS_ENDPOINT": "http://l/"}) == Server("http://l", "a", "s")


@pytest.mark.parametrize("endpoint", [{}, {"LAKEFS_ENDPOINT": ""}])
def test_without_an_endpoint_the_server_is_our_own(endpoint: dict[str, str]) -> None:
    """Keys alone name no server."""
    assert lakefs.external({"LAKEFS_ACCESS_KEY_ID": "a", "LAKEFS_SECRET_ACCESS_KEY": "s"} | endpoint) is None


@pytest.mark.parametrize("missing", ["LAKEFS_ACCESS_KEY_ID", "LAKEFS_SECRET_ACCESS_KEY"])
def test_an_endpoint_without_both_keys_is_an_error(missing: str) -> None:
    """Whoever names a server must not get another one instead."""
    with pytest.raises(EnvironmentProblem, match=missing):
        lakefs.external(GIVEN | {missing: ""})


@pytest.mark.parametrize(
    ("prefix", "namespace"),
    [("", "local://repo"), ("s3://bucket", "s3://bucket/repo"), ("s3://bucket/folder/", "s3://bucket/folder/repo")],
)
def test_new_repositories_lie_below_the_given_storage(prefix: str, namespace: str) -> None:
    """By default in the local block store."""
    assert lakefs.storage_namespace("repo", {"LAKEFS_STORAGE_NAMESPACE": prefix}) == namespace


def test_keys_are_made_once(tmp_path: Path) -> None:
    """A second look finds the same keys, in a file for the owner alone."""
    keys = lakefs.own_keys(tmp_path / "state")
    assert lakefs.own_keys(tmp_path / "state") == keys
    assert (tmp_path / "state" / "lakefs-keys.json").stat().st_mode & 0o077 == 0


def test_all_state_lies_below_one_folder() -> None:
    """Metadata, objects and cache, so that keeping the folder keeps the server."""
    made = settings("/state")
    paths = (
        made["database"]["local"]["path"],
        made["blockstore"]["local"]["path"],
        made["committed"]["local_cache"]["dir"],
    )
    assert paths == ("/state/metadata", "/state/objects", "/state/cache")


def test_the_first_user_has_the_given_keys() -> None:
    """So no page of a browser has to be filled in."""
    assert settings()["installation"]["access_key_id"] == "key"
    assert settings()["installation"]["secret_access_key"] == "secret"


def test_secrets_are_not_shown() -> None:
    """Not in a message that holds the keys or the server."""
    assert "secret" not in repr(Keys("key", "secret")).replace("secret_key", "")
    assert "hidden" not in repr(Server("http://l", "key", "hidden"))


def test_the_pod_keeps_its_state_and_program_on_the_node() -> None:
    """Below the one folder that the node and this host share."""
    pod = lakefs.pod_spec("build1", "image", "node")
    hosts = [volume["hostPath"]["path"] for volume in pod["volumes"] if "hostPath" in volume]
    assert hosts == [f"{workloads.NODE_STATE}/programs/build1", f"{workloads.NODE_STATE}/lakefs"]
    assert pod["volumes"][-1] == {"name": "configuration", "secret": {"secretName": "lakefs"}}


def test_a_program_is_placed_once(tmp_path: Path) -> None:
    """A running server's own program is not written to."""
    program, folder = tmp_path / "lakefs", tmp_path / "node" / "build1"
    program.write_text("program")
    program.chmod(0o755)
    for _ in range(2):
        lakefs._place(program, folder)
        assert [file.name for file in folder.iterdir()] == ["lakefs"]
        program.write_text("other")
    assert (folder / "lakefs").read_text() == "program"
    assert (folder / "lakefs").stat().st_mode & 0o111


def test_the_version_is_the_pinned_one() -> None:
    """What the server reports is what go.mod says."""
    pins = (lakefs_programs.SOURCE / "go.mod").read_text()
    assert f"{lakefs_programs.MODULE} v{lakefs_programs.version()} " in f"{pins} "
    assert all(f"tool {package}\n" in pins for package in lakefs_programs.PACKAGES)


def test_lakefs_reads_nothing_but_its_file() -> None:
    """It would prefer variables of this shell, such as `LAKEFS_STATS_ENABLED`, to its configuration."""
    variables = {"LAKEFS_STATS_ENABLED": "true", "LAKECTL_SERVER_ENDPOINT_URL": "http://l", "PATH": "/bin"}
    assert lakefs._without_settings(variables) == {"LAKECTL_SERVER_ENDPOINT_URL": "http://l", "PATH": "/bin"}
