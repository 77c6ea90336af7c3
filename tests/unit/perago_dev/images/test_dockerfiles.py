"""Images: the tag follows from the Dockerfile, what it copies, and the build arguments."""

import os
from pathlib import Path

import pytest

from perago_dev.images import dockerfiles, image_store
from perago_dev.source import REPOSITORY

DOCKERFILE = """\
ARG PYTHON_IMAGE=python
FROM ${PYTHON_IMAGE} AS build
COPY pyproject.toml \\
     constraints.txt ./
COPY --chown=1:1 src /src
FROM ${PYTHON_IMAGE}
COPY --from=build /out /out
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "src").mkdir()
    for name in ("pyproject.toml", "constraints.txt", "src/module.py", "README.md"):
        (tmp_path / name).write_text(name)
    return tmp_path


def tag(context: Path, **build_args: str) -> str:
    return dockerfiles.content_tag(context / "Dockerfile", context, build_args)


def test_sources_of_all_copies_are_found() -> None:
    """Continued lines, flags and other stages are understood."""
    assert dockerfiles.copied(DOCKERFILE) == ["pyproject.toml", "constraints.txt", "src"]


@pytest.mark.parametrize("name", ["Dockerfile", "constraints.txt", "src/module.py"])
def test_tag_changes_with_what_the_image_is_made_of(context: Path, name: str) -> None:
    """A changed source or Dockerfile is another image."""
    before = tag(context)
    file = context / name
    file.write_text(file.read_text() + "# changed\n")
    assert tag(context) != before


def test_tag_changes_with_the_base(context: Path) -> None:
    """Another build argument is another image."""
    assert tag(context, PYTHON_IMAGE="one") != tag(context, PYTHON_IMAGE="two")


def test_tag_stays_when_something_else_changes(context: Path) -> None:
    """What is not copied does not matter."""
    before = tag(context)
    (context / "README.md").write_text("changed")
    assert tag(context) == before


def test_pip_configuration_says_what_pip_said() -> None:
    """Settings from files and from variables become one file; the certificates are where the build has them."""
    listed = ":env:.cert='/opt/own.pem'\nglobal.index-url='https://index.example/simple'\n"
    assert dockerfiles.pip_configuration(dockerfiles.pip_settings(listed)) == (
        "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\nindex-url = https://index.example/simple\n"
    )


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with the arguments of the last call of a `docker` that has no image and builds every one."""
    called = tmp_path / "called"
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$1" = build ] || exit 1\nprintf "%s\\n" "$@" > {called}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PERAGO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(image_store, "base", lambda: "python:1")
    for module in (dockerfiles, image_store):
        monkeypatch.setattr(module, "provider", lambda: "docker")
    return called


def test_pips_settings_reach_a_build_on_docker(context: Path, docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As secrets, which no layer keeps: where the machine's package index is, and whom it trusts."""
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    monkeypatch.setenv("PIP_CERT", str(context / "README.md"))
    dockerfiles.build(context / "Dockerfile", context, "some")
    given = docker.read_text().splitlines()
    assert f"--secret=id=certificates,src={context / 'README.md'}" in given
    (file,) = (word.split("src=")[1] for word in given if word.startswith("--secret=id=pip.conf,"))
    assert "index-url = https://index.example/simple" in Path(file).read_text()


def test_proxies_reach_a_build_on_docker_by_name(context: Path, docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker reads their values itself, so that no password is on a command line or in a log."""
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.example:3128")
    dockerfiles.build(context / "Dockerfile", context, "some")
    assert "--build-arg=HTTPS_PROXY" in docker.read_text().splitlines()
    assert "secret@" not in docker.read_text()


@pytest.mark.parametrize("name", ["Dockerfile.operator", "Dockerfile.runner", "examples/weather/Dockerfile"])
def test_every_download_of_a_build_sees_the_machines_settings(name: str) -> None:
    """Each step that asks the package index mounts both secrets; those that install a built wheel ask nobody."""
    text = (REPOSITORY / name).read_text().replace("\\\n", " ")
    downloads = [row for row in text.splitlines() if row.startswith("RUN") and "--only-binary" in row]
    assert downloads
    for secret, inside in dockerfiles.SECRETS.items():
        assert all(f"--mount=type=secret,id={secret},target={inside},mode=0444" in row for row in downloads)


def test_a_build_for_a_release_uses_nothing_that_is_there(context: Path, docker: Path) -> None:
    """No layer of an earlier build, and the base image and the architecture that it is told."""
    dockerfiles.build_afresh(context / "Dockerfile", context, "released:1", "python:2", "arm64")
    given = docker.read_text().splitlines()
    assert given[given.index("--platform") + 1] == "linux/arm64"
    assert "--no-cache" in given
    assert "PYTHON_IMAGE=python:2" in given
    assert given[given.index("--tag") + 1] == "released:1"


@pytest.mark.parametrize("name", ["Dockerfile.operator", "Dockerfile.runner"])
def test_all_that_an_image_compiles_is_compiled_again(name: str) -> None:
    """What a program has compiled meanwhile refers to times of the build: without -f it would stay."""
    text = (REPOSITORY / name).read_text()
    (row,) = (row for row in text.splitlines() if "/opt/perago/bin/python -m compileall" in row)
    assert " -f --invalidation-mode unchecked-hash " in row
