"""Debian packages: those whose programs are missing, and nothing else."""

import pytest

from perago_dev.errors import EnvironmentProblem
from perago_dev.host import packages


def test_nothing_missing_is_nothing_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has all programs is left as it is."""
    monkeypatch.setattr(packages, "wanted", lambda cluster: {"sh": "dash", "/proc": "kernel"})
    assert packages.missing() == ()
    assert not packages.install_missing()


def test_missing_programs_and_files_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program is looked for on the PATH, a file at its place."""
    monkeypatch.setattr(
        packages, "wanted", lambda cluster: {"sh": "dash", "no-such-program": "a", "/no/such/file": "b"}
    )
    assert packages.missing() == ("no-such-program", "/no/such/file")


def test_without_root_the_command_to_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a user who cannot install packages, the error names those to install."""
    monkeypatch.setattr(packages, "wanted", lambda cluster: {"no-such-program": "some-package"})
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(EnvironmentProblem, match="apt-get install some-package"):
        packages.install_missing()


def test_podman_needs_all_that_nodes_are_made_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """With Docker, none of podman's programs is asked for."""
    monkeypatch.setattr(packages, "provider", lambda: "docker")
    assert "podman" not in packages.wanted()
    monkeypatch.setattr(packages, "provider", lambda: "podman")
    assert {"podman", "buildah", "debootstrap"} <= set(packages.wanted())


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_programs_that_tests_and_children_need_are_declared(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without setpriv a child outlives a killed parent."""
    monkeypatch.setattr(packages, "provider", lambda: engine)
    assert {"mvn", "openssl", "setpriv"} <= set(packages.wanted())


def test_a_cluster_that_exists_needs_no_package() -> None:
    """No node is made and no server is started on this machine."""
    assert packages.wanted("current") == {}
