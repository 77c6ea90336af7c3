"""dev/venv: which Python it takes, and that nothing it installs is left to chance."""

import shutil
import subprocess
from pathlib import Path

import pytest

from perago_dev.images import image_store
from perago_dev.source import REPOSITORY

TOOLS = ("bash", "sh", "dirname", "basename", "cat", "cut", "sha256sum", "mkdir", "cp")
PYTHON = """\
#!/bin/sh
case "$1 $2" in
  -V*) echo "$(basename "$0") of the test" ;;
  "-m venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  "-m pip") echo "$@" >> installed ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with dev/venv and what it reads."""
    (tmp_path / "dev").mkdir()
    for name in ("dev/venv", "pyproject.toml", "constraints.txt"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    return tmp_path


def run(checkout: Path, *pythons: str) -> str:
    """What dev/venv says on a machine with these versions of Python and no others."""
    programs = checkout / "bin"
    programs.mkdir()
    for name in TOOLS:
        (programs / name).symlink_to(str(shutil.which(name)))
    for name in pythons:
        (programs / name).write_text(PYTHON)
        (programs / name).chmod(0o755)
    variables = {"PATH": str(programs), "HOME": str(checkout)}
    return subprocess.run([checkout / "dev/venv"], env=variables, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("installed", "taken"),
    [
        (("python3.13", "python3.12", "python3.11"), "python3.11"),
        (("python3.13", "python3.12"), "python3.12"),
    ],
)
def test_the_version_that_the_images_run_comes_first(checkout: Path, installed: tuple[str, ...], taken: str) -> None:
    """Whatever else is installed, tests and product run the same Python where they can."""
    assert f"with {taken} of the test" in run(checkout, *installed)


def test_build_dependencies_are_pinned_as_well(checkout: Path) -> None:
    """pip itself, and what builds our package in its isolated environment, are the constrained versions."""
    run(checkout, "python3.11")
    pip, ours = (row for row in (checkout / "installed").read_text().splitlines() if " install " in row)
    assert pip.endswith("--constraint constraints.txt pip")
    assert "--build-constraint constraints.txt" in ours
    assert {"pip", "hatchling"} <= {row.split("==")[0] for row in (checkout / "constraints.txt").read_text().split()}


@pytest.mark.parametrize("name", ["Dockerfile.operator", "Dockerfile.runner"])
def test_images_are_made_from_one_exact_python(name: str) -> None:
    """The Dockerfiles' default is what the environment pulls on Docker, down to the patch version."""
    assert f"ARG PYTHON_IMAGE={image_store.PUBLIC_BASE}\n" in (REPOSITORY / name).read_text()
    assert image_store.PUBLIC_BASE.removeprefix("python:").split("-")[0].count(".") == 2
