"""dev/test: its environment is gone afterwards, however the run ends."""

import shutil
import subprocess
from pathlib import Path

import pytest

from perago_dev.source import REPOSITORY


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose Python only writes down how it is called."""
    monkeypatch.delenv("PERAGO_TEST_ENV", raising=False)  # set where this run itself has an environment of that name
    monkeypatch.delenv("PARTS", raising=False)  # nor what CI adds to it
    for folder in ("dev", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(REPOSITORY / "dev" / "test", tmp_path / "dev" / "test")
    write(tmp_path / "dev/check", "exit 0")
    write(tmp_path / ".venv/bin/python", 'echo "$@" >> called')
    return tmp_path


def write(program: Path, line: str) -> None:
    program.write_text(f"#!/bin/sh\n{line}\n")
    program.chmod(0o755)


@pytest.mark.parametrize("signal", ["INT", "TERM", "HUP"])
def test_an_interrupted_run_takes_its_environment_down(checkout: Path, signal: str) -> None:
    """A closed terminal counts as much as Ctrl-C; the tests that still run are ended first."""
    interrupt = f'case "$*" in *pytest*) kill -{signal} $PPID; exec sleep 600 ;; esac'
    write(checkout / ".venv/bin/python", f'echo "$@" >> called\n{interrupt}')
    unignored = ["env", "--default-signal", str(checkout / "dev/test")]  # this run may be a background job
    assert subprocess.run(unignored, cwd=checkout).returncode == 130
    assert (checkout / "called").read_text().splitlines()[-1] == "-m perago_dev down --name perago-test"


def test_a_fault_that_no_test_notices_fails_a_run_that_looks_for_some(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the tests say; their summary is still the last line."""
    monkeypatch.setenv("PARTS", "mutants crash")
    tests = 'case "$*" in *tests.mutants*) echo "mutants: 2, survived: 1"; exit 1 ;; *pytest*) echo "9 passed" ;; esac'
    write(checkout / ".venv/bin/python", f'echo "$@" >> called\n{tests}')
    ended = subprocess.run([checkout / "dev/test"], cwd=checkout, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "mutants: 2, survived: 1" in ended.stdout
    assert "-m tests.crash --part" in (checkout / "called").read_text()
    assert ended.stdout.splitlines()[-1] == "9 passed"


def test_a_run_looks_for_no_faults_unless_it_is_told_to(checkout: Path) -> None:
    """CI tells it to; at a desk, the tests alone should be quick."""
    assert subprocess.run([checkout / "dev/test"], cwd=checkout).returncode == 0
    assert "--part" not in (checkout / "called").read_text()


def test_a_failed_check_fails_the_run(checkout: Path) -> None:
    """Whatever the tests say; the environment is taken down as after any other run."""
    write(checkout / "dev/check", "exit 1")
    assert subprocess.run([checkout / "dev/test"], cwd=checkout).returncode == 1
    assert (checkout / "called").read_text().splitlines()[-1] == "-m perago_dev down --name perago-test"
