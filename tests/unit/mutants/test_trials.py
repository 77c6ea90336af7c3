"""`python -m tests.mutants` says what became of each mutant, and ends accordingly."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.mutants import __main__ as command
from tests.mutants import forking
from tests.mutants.lists import EVERY, PART
from tests.mutants.mutant import ROOT, of
from tests.mutants.suite import Suite, Trial, Verdict, suites_of, verdict_of

STAGING = of("runner/perago/staging.py", "perago/test_attempt.py")
NOTICED = ("two executions share a staging branch", "exec-{safe_value(attempt, 'execution_id')}", "exec")
SURVIVED = ("nothing goes wrong", "Staging: the name", "The name")
UNCLEAR = ("the module cannot be imported", "import re\n", "import re_\n")
UNUSED = of("runner/perago/agent/listen.py", "perago/test_attempt.py")
LAZY = of(
    "runner/perago/run.py",
    "perago/test_run.py::test_a_changed_workspace_is_fenced_staged_fenced_published_and_cleaned_up",
)


def test_each_mutant_gets_its_verdict() -> None:
    """In one real run: faults that are noticed, that survive or cannot be judged, and how their modules are imported.

    `LAZY` is imported by a test, not by a test module; nobody imports `UNUSED`. All else that takes long to import is
    not needed here.
    """
    unfenced = ("the workspace stays", "local.cleanup_attempt_workspace, directory", "str, directory")
    unused = ("nobody looks", "import socket\n", "import socket, os\n")
    mutants = [*STAGING(NOTICED, SURVIVED, UNCLEAR), *LAZY(unfenced), *UNUSED(unused)]
    program = f"""
import sys
from tests.mutants import forking
from tests.mutants.__main__ import Mutant, main
forking.LIBRARIES = ("hypothesis.strategies", "pydantic", "pytest_asyncio", "xdist.remote")
sys.exit(main([], {mutants}))
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    lines = ended.stdout.splitlines()
    assert (ended.returncode, lines[-1]) == (1, "mutants: 5, survived: 2, unclear: 1")
    assert sorted(line.partition(" (")[0] for line in lines if line.startswith(("SURVIVED", "UNCLEAR"))) == [
        "SURVIVED nobody looks",
        "SURVIVED nothing goes wrong",
        "UNCLEAR the module cannot be imported",
    ]


@pytest.mark.parametrize(
    ("verdict", "code", "last"),
    [
        (Verdict.NOTICED, 0, "mutants: 1, survived: 0"),
        (Verdict.SURVIVED, 1, "mutants: 1, survived: 1"),
        (Verdict.UNCLEAR, 1, "mutants: 1, survived: 0, unclear: 1"),
        (Verdict.RED, 1, "mutants: 1, survived: 0, unclear: 1"),
    ],
)
def test_the_run_succeeds_when_every_fault_was_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verdict: Verdict, code: int, last: str
) -> None:
    """The last line counts those that were not."""
    [mutant] = STAGING(NOTICED)

    def tried(suites: tuple[Suite, ...]) -> Iterator[Trial]:
        for suite in suites:
            yield Trial(mutant, suite.tests, verdict, 0.1, "")

    monkeypatch.setattr(command, "_tried", tried)
    assert command.main([], [mutant]) == code
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_a_run_of_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A word that selects no mutant is a mistake."""
    monkeypatch.setattr(command, "_tried", lambda suites: iter(()))
    assert command.main(["no mutant is about this"]) == 1


def test_an_entry_that_does_not_fit_is_reported_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """By its text and its fault."""
    assert command.main([], STAGING(("a fault of former code", "not there", ""))) == 2
    assert "has 0 times, not once: 'not there' (a fault of former code)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (0, Verdict.SURVIVED),
        (1, Verdict.NOTICED),
        (-9, Verdict.UNCLEAR),
        (-10, Verdict.NOTICED),
        (2, Verdict.UNCLEAR),
        (5, Verdict.UNCLEAR),
    ],
)
def test_an_exit_code_has_one_meaning(code: int, verdict: Verdict) -> None:
    """Tests that failed, or that a signal ended, have noticed; those that hung or did not run show nothing."""
    assert verdict_of(code) is verdict


def test_tests_that_hang_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """They do not hold up the others."""
    monkeypatch.setattr(forking, "HANG_SECONDS", 0.0)
    hanging = subprocess.Popen(["sleep", "600"])
    assert forking.ended(hanging.pid)[0] == -signal.SIGKILL


def test_the_tests_run_once_without_a_fault() -> None:
    """Where several files share their tests, in one of their suites; not at all beside a run of all tests."""
    other = of("runner/perago/attempt.py", "perago/test_attempt.py")(("fault", "old", "new"))
    mutants = [*STAGING(NOTICED, SURVIVED), *other]
    assert [(len(suite.mutants), suite.baseline) for suite in suites_of(mutants)] == [(2, True), (1, False)]
    assert [suite.baseline for suite in suites_of(mutants, baseline=False)] == [False, False]


@pytest.mark.parametrize("place", PART)
def test_each_part_of_the_run_of_all_tests_has_mutants(place: str) -> None:
    """A file that was renamed must not leave it unnoticed."""
    assert any(mutant.file.startswith(place) for mutant in EVERY)


def test_the_run_of_all_tests_tries_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """And repeats none of its tests without a fault."""
    tried: list[Suite] = []

    def none(suites: tuple[Suite, ...]) -> Iterator[Trial]:
        tried.extend(suites)
        return iter(())

    monkeypatch.setattr(command, "_tried", none)
    assert command.main(["--part"]) == 0
    assert {mutant for suite in tried for mutant in suite.mutants} == {
        mutant for mutant in EVERY if mutant.file.startswith(PART)
    }
    assert not any(suite.baseline for suite in tried)
