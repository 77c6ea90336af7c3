"""What an author's editor says: good task modules are clean, each mistake is seen where it is made."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parent / "samples"
PACKAGE = Path(__file__).parents[2] / "runner" / "perago"

pytestmark = pytest.mark.timeout(1800)  # type checkers read all of pydantic, which takes as long as it takes


def mypy_lines(sample: Path, cache: Path) -> set[int]:
    """The lines that mypy --strict marks."""
    command = ["mypy", "--strict", "--config-file=", f"--cache-dir={cache}", "--no-error-summary", str(sample)]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}


def pyright_lines(sample: Path) -> set[int]:
    """The lines that pyright marks; its program is part of the packages of the group dev, nothing is fetched."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, str(sample)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["generalDiagnostics"]
    return {problem["range"]["start"]["line"] + 1 for problem in found if problem["severity"] == "error"}


def marked(sample: Path) -> set[int]:
    """The lines that the sample itself calls wrong."""
    return {number for number, line in enumerate(sample.read_text().splitlines(), 1) if line.endswith("# wrong")}


@pytest.fixture(params=["good", "bad"])
def sample(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A task module; kept as text, so that no other check of the repository meets its mistakes."""
    text = (SAMPLES / f"{request.param}.py.txt").read_text()
    path = tmp_path / f"{request.param}.py"
    path.write_text(text)
    return path


def test_mypy_sees_what_is_wrong_and_nothing_else(sample: Path, tmp_path: Path) -> None:
    """Wrong signatures, returns, fields and values are seen before running, on their own lines."""
    assert mypy_lines(sample, tmp_path / "cache") == marked(sample)


def test_pyright_sees_what_is_wrong_and_nothing_else(sample: Path) -> None:
    """As mypy does."""
    assert pyright_lines(sample) == marked(sample)


def test_the_package_says_that_it_is_typed() -> None:
    """py.typed is part of the package."""
    assert (PACKAGE / "py.typed").is_file()
