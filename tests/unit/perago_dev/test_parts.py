"""Small decisions of the environment: which Go, which servers, which subnet."""

from pathlib import Path

import pytest

from perago_dev import __main__, conductor, lakefs_deploy, podman, toolchain, workloads
from perago_dev.lakefs_deploy import Keys


@pytest.mark.parametrize(
    ("printed", "version"),
    [("go version go1.26.8 linux/amd64", (1, 26)), ("go version go1.19.8 linux/amd64", (1, 19)), ("", (0, 0))],
)
def test_go_tells_its_version(printed: str, version: tuple[int, int]) -> None:
    """Versions compare as numbers, not as text."""
    assert toolchain.go_version(printed) == version


@pytest.mark.parametrize("given", ["http://server:8080/api", "http://server:8080/api/", "http://server:8080"])
def test_given_conductor_ends_in_api(given: str) -> None:
    """The address is taken with and without its path."""
    assert conductor.external({"CONDUCTOR_SERVER_URL": given}) == "http://server:8080/api"
    assert conductor.health_url("http://server:8080/api") == "http://server:8080/health"


def test_no_given_conductor_means_our_own() -> None:
    """An unset and an empty variable are the same."""
    assert conductor.external({}) is None
    assert conductor.external({"CONDUCTOR_SERVER_URL": ""}) is None


def test_given_lakefs_needs_endpoint_and_both_keys() -> None:
    """With one of the three missing, the development server takes its place."""
    given = {"LAKEFS_ENDPOINT": "http://l/api/v1", "LAKEFS_ACCESS_KEY_ID": "a", "LAKEFS_SECRET_ACCESS_KEY": "s"}
    assert lakefs_deploy.external(given) == ("http://l", Keys("a", "s"))
    for name in given:
        assert lakefs_deploy.external({**given, name: ""}) is None


def test_subnets_of_environments_do_not_meet() -> None:
    """The first subnet that nobody has is taken."""
    assert podman.free_subnet({"10.90.7.0/24", "10.90.8.0/24", "10.90.10.0/24"}) == "10.90.9.0/24"


def test_development_servers_stay_on_the_node_with_their_state() -> None:
    """Pinned to it whatever its taints, and only one pod at a time."""
    made = workloads.deployment("some", workloads.pinned_to("node"))
    assert made["spec"]["strategy"] == {"type": "Recreate"}
    assert made["spec"]["template"]["spec"]["nodeName"] == "node"


def test_keys_are_made_once(tmp_path: Path) -> None:
    """A second look finds the same keys, in a file for the owner alone."""
    folder = tmp_path
    keys = lakefs_deploy.own_keys(folder)
    assert lakefs_deploy.own_keys(folder) == keys
    assert (folder / "lakefs-keys.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", sorted(__main__.COMMANDS))
def test_every_command_is_understood(name: str) -> None:
    """Each command of the table can be given, and has a word of help."""
    assert __main__.parser().parse_args([name]).command == name
    assert __main__.COMMANDS[name][1]


def test_unknown_environment_is_an_exit_code_and_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A problem is shown to people without a traceback."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert __main__.main(["env", "--name", "nowhere"]) == 1
    assert "up --name nowhere" in capsys.readouterr().err
