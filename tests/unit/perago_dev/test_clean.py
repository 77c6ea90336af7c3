"""Cleaning up: the cache is removed if nobody uses it, and what is elsewhere is listed with its size."""

from pathlib import Path

import pytest

from perago_dev import clean, environment
from perago_dev.errors import EnvironmentProblem
from perago_dev.host import cache
from perago_dev.host.locks import exclusive


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a cache of ours that holds one entry."""
    for name in ("PERAGO_CACHE", "XDG_CACHE_HOME", "XDG_STATE_HOME", "GOPATH", "GOMODCACHE", "GOCACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(clean, "provider", lambda: "podman")
    cache.entry("some", "digest", lambda folder: None)
    return tmp_path


def test_the_cache_is_removed(machine: Path) -> None:
    """All of it, and the folder's name and size are said; a second time there is nothing to do."""
    assert f"removed {machine}/.cache/perago (" in clean.clean()
    assert not cache.root().exists()
    assert "is not there" in clean.clean()


def test_what_package_clients_keep_is_named_with_its_size(machine: Path) -> None:
    """Go's and Maven's folders stay, with the command that removes them."""
    for name in ("go/pkg/mod/some", ".cache/go-build/some", ".m2/repository/some"):
        (machine / name).mkdir(parents=True)
    (machine / ".m2/repository/some/large.jar").write_bytes(bytes(3 << 20))
    said = clean.clean()
    assert f"3 MB  {machine}/.m2/repository" in said
    assert f"rm -r {machine}/go/pkg/mod {machine}/.cache/go-build {machine}/.m2/repository" in said
    assert (machine / ".m2/repository/some/large.jar").exists()


def test_images_in_docker_are_named(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not part of the cache there."""
    assert "Docker" not in clean.clean()
    monkeypatch.setattr(clean, "provider", lambda: "docker")
    assert "docker image rm $(docker image ls --quiet 'localhost/perago/*')" in clean.clean()


def test_go_is_asked_where_it_was_told_to_keep_things() -> None:
    """Its own variables count before the defaults."""
    given = {"GOPATH": "/a:/b", "GOCACHE": "/c"}
    assert list(clean.elsewhere(given, Path("/home")).values())[:2] == [Path("/a/pkg/mod"), Path("/c")]


def test_an_environment_keeps_the_cache(machine: Path) -> None:
    """Its nodes run from it."""
    environment.state_dir("some").mkdir(parents=True)
    with pytest.raises(EnvironmentProblem, match="down --name some"):
        clean.clean()
    assert cache.root().exists()


def test_another_run_keeps_the_cache(machine: Path) -> None:
    """Whoever holds a lock in it is building something."""
    with (
        exclusive(cache.root() / "locks" / "image-some", "an image"),
        pytest.raises(EnvironmentProblem, match="image-some"),
    ):
        clean.clean()
    assert cache.root().exists()


@pytest.mark.parametrize("folder", ["", "documents"])
def test_a_folder_that_is_no_cache_is_left_alone(machine: Path, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`PERAGO_CACHE` may have been set to a home or to a folder with other things in it."""
    (machine / "documents").mkdir()
    (machine / "locks").mkdir()
    monkeypatch.setenv("PERAGO_CACHE", str(machine / folder))
    with pytest.raises(EnvironmentProblem, match="does not look like a cache"):
        clean.clean()
    assert (machine / "documents").exists()


@pytest.mark.parametrize(("kilobytes", "said"), [(3, "3 KB"), (450_000, "439 MB"), (5_300_000, "5.1 GB")])
def test_sizes_are_said_as_people_do(kilobytes: int, said: str) -> None:
    """In the largest unit that is not below one."""
    assert clean.readable(kilobytes) == said
