"""The environment's description: written in one step, for its owner alone, and read back as it was."""

import dataclasses
import stat
from pathlib import Path
from typing import Any

import pytest

from perago_dev import environment
from perago_dev.environment import Environment
from perago_dev.errors import EnvironmentProblem, NotUp


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def some_environment(name: str = "some") -> Environment:
    folder = environment.state_dir(name)
    folder.mkdir(parents=True, exist_ok=True)
    texts: dict[str, Any] = {field.name: f"the-{field.name}" for field in dataclasses.fields(Environment)}
    paths = {"kubeconfig": folder / "kubeconfig", "bin_dir": Path("/bin"), "state_dir": folder}
    paths["lakectl"] = Path("/lakefs/lakectl")
    return Environment(**{**texts, **paths, "name": name})


def test_saved_environment_is_loaded_as_it_was() -> None:
    """What is written down is read back, paths as paths."""
    env = some_environment()
    environment.save(env)
    assert environment.load("some") == env


def test_only_the_owner_can_read_it() -> None:
    """The file holds keys, so its mode is 0600."""
    env = some_environment()
    environment.save(env)
    assert stat.S_IMODE((env.state_dir / environment.FILE_NAME).stat().st_mode) == 0o600


def test_absent_environment_says_how_to_get_it() -> None:
    """The error for an environment that is not up is the command that brings it up."""
    with pytest.raises(NotUp, match="python -m perago_dev up --name other"):
        environment.load("other")


@pytest.mark.parametrize("name", ["", "../etc", "Upper", "1st", "a/b", "a" * 32, ".locks"])
def test_bad_names_are_refused(name: str) -> None:
    """A name becomes a folder, a container and a network, so it is checked."""
    with pytest.raises(EnvironmentProblem, match="cannot name an environment"):
        environment.state_dir(name)


def test_names_are_those_of_environments_alone() -> None:
    """Locks and records beside the environments are not environments."""
    some_environment("one")
    (environment.states_root() / ".locks").mkdir()
    assert environment.names() == ["one"]


def test_an_environment_with_a_given_lakefs_has_no_lakectl() -> None:
    """It is built beside a lakeFS of our own alone."""
    env = dataclasses.replace(some_environment(), lakectl=None)
    environment.save(env)
    assert environment.load("some") == env
    assert "None" not in env.variables()["PATH"]


def test_the_shell_finds_the_programs() -> None:
    """kubectl and lakectl come before what the machine has, and lakectl knows its server."""
    variables = some_environment().variables()
    assert variables["PATH"].startswith("/bin:/lakefs:")
    assert variables["LAKECTL_SERVER_ENDPOINT_URL"] == variables["LAKEFS_ENDPOINT"]
    assert variables["LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY"] == "the-lakefs_secret_key"


def test_own_servers_are_not_taken_for_given_ones() -> None:
    """Addresses that a shell has from an environment are dropped, others stay."""
    variables = some_environment().variables()
    environment.forget_own_servers(variables)
    assert "CONDUCTOR_SERVER_URL" not in variables
    assert "LAKEFS_ENDPOINT" not in variables
    given = {"LAKEFS_ENDPOINT": "http://given", environment.OWN_SERVERS: "http://own http://own-too"}
    environment.forget_own_servers(given)
    assert given["LAKEFS_ENDPOINT"] == "http://given"
