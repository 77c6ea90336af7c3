"""`python -m tests.mutants` says what became of each mutant, and ends accordingly."""

import subprocess
import sys

import pytest

from tests.mutants.mutant import ROOT, Mutant, of
from tests.mutants.suite import Verdict, suites_of, verdict_of

STAGING = of("runner/perago/staging.py", "perago/test_attempt.py")
NOTICED = ("two executions share a staging branch", "exec-{safe_value(attempt, 'execution_id')}", "exec")
SURVIVED = ("nothing goes wrong", "Staging: the name", "The name")
UNCLEAR = ("the module cannot be imported", "import re\n", "import re(\n")
LAZY = of(
    "runner/perago/run.py",
    "perago/test_run.py::test_a_changed_workspace_is_fenced_staged_fenced_published_and_cleaned_up",
)
UNUSED = of("runner/perago/agent/listen.py", "perago/test_attempt.py")


def run(*mutants: Mutant) -> subprocess.CompletedProcess[str]:
    """The command over these mutants, in a process of its own."""
    program = f"import sys; from tests.mutants.__main__ import main, Mutant; sys.exit(main([], {list(mutants)}))"
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)


def test_what_is_not_noticed_is_reported_and_fails_the_run() -> None:
    """A fault that survives, also where the tests do not even import its module, and one that they cannot judge."""
    unused = ("nobody looks", "import socket\n", "import socket, os\n")
    ended = run(*STAGING(NOTICED, SURVIVED, UNCLEAR), *UNUSED(unused))
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[-1] == "mutants: 4, survived: 2, unclear: 1"
    assert "SURVIVED nothing goes wrong" in ended.stdout
    assert "SURVIVED nobody looks" in ended.stdout
    assert "UNCLEAR the module cannot be imported" in ended.stdout


def test_a_run_in_which_everything_is_noticed_succeeds() -> None:
    """Its last line says so. A module that is only imported by a test is tried like any other."""
    unfenced = ("the workspace stays", "local.cleanup_attempt_workspace, directory", "str, directory")
    ended = run(*STAGING(NOTICED), *LAZY(unfenced))
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "mutants: 2, survived: 0")


def test_an_entry_that_does_not_fit_is_reported_before_anything_runs() -> None:
    """By its text and its fault."""
    ended = run(*STAGING(("a fault of former code", "not there", "")))
    assert ended.returncode == 2
    assert "has 0 times, not once: 'not there' (a fault of former code)" in ended.stdout


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(0, Verdict.SURVIVED), (1, Verdict.NOTICED), (-9, Verdict.NOTICED), (2, Verdict.UNCLEAR), (5, Verdict.UNCLEAR)],
)
def test_an_exit_code_has_one_meaning(code: int, verdict: Verdict) -> None:
    """Failed or hanging tests have noticed; tests that did not run have not."""
    assert verdict_of(code) is verdict


def test_the_tests_run_once_without_a_fault() -> None:
    """Where several files share their tests, in one of their suites."""
    other = of("runner/perago/attempt.py", "perago/test_attempt.py")(("fault", "old", "new"))
    suites = suites_of([*STAGING(NOTICED, SURVIVED), *other])
    assert [(len(suite.mutants), suite.baseline) for suite in suites] == [(2, True), (1, False)]
