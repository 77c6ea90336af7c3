"""Small decisions of the environment: which Go, which servers, which subnet."""

from pathlib import Path

import pytest

from perago_dev import __main__, conductor, podman, toolchain, workloads


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


def test_subnets_of_environments_do_not_meet() -> None:
    """The first subnet that nobody has is taken."""
    assert podman.free_subnet({"10.90.7.0/24", "10.90.8.0/24", "10.90.10.0/24"}) == "10.90.9.0/24"


def test_development_servers_stay_on_the_node_with_their_state() -> None:
    """Pinned to it whatever its taints, and only one pod at a time."""
    made = workloads.deployment("some", workloads.pinned_to("node"))
    assert made["spec"]["strategy"] == {"type": "Recreate"}
    assert made["spec"]["template"]["spec"]["nodeName"] == "node"


@pytest.mark.parametrize("name", sorted(__main__.COMMANDS))
def test_every_command_is_understood(name: str) -> None:
    """Each command of the table is accepted, and has a help text."""
    assert __main__.parser().parse_args([name]).command == name
    assert __main__.COMMANDS[name][1]


def test_unknown_environment_is_an_exit_code_and_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A problem is shown to people without a traceback."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert __main__.main(["env", "--name", "nowhere"]) == 1
    assert "up --name nowhere" in capsys.readouterr().err
