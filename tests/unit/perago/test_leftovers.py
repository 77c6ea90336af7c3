"""Staging branches that were left behind: whose they are, and which may be deleted."""

from types import SimpleNamespace

import pytest

from perago.staging import staging_branch_name
from perago.wire import metadata_keys as keys
from perago.wire.leftovers import Attempt, Maker, StagingBranch, Verdict, fate_of, maker_of, staging_branch, verdict

UID = "6b9f0f5e-1c2d-4e3f-8a9b-0c1d2e3f4a5b"
BRANCH = StagingBranch("perago-staging-x", "c1", UID, 2)
OURS = Maker("ours", "jobs", "a1")


def named(execution_id: str) -> str:
    """The branch of an execution, as the attempt core names it."""
    identity = SimpleNamespace(
        workflow_instance_id="w", reference_task_name="r", seq=1, iteration=0, task_id="t", retry_count=0
    )
    return staging_branch_name(SimpleNamespace(**vars(identity), execution_id=execution_id))


def test_a_name_tells_attempt_and_execution() -> None:
    """As the agent makes it of the order's execution id."""
    branch = staging_branch(named(f"{UID}-12"), "c1")
    assert branch == StagingBranch(named(f"{UID}-12"), "c1", UID, 12)


NO_NAMES = {
    "no UID, as of an attempt core used without a cluster": named("e1"),
    "no number": named(UID),
    "the number 0": named(f"{UID}-0"),
    "more behind it": named(f"{UID}-1") + "-x",
    "a line break behind it": named(f"{UID}-1") + "\n",
    "another prefix": "x" + named(f"{UID}-1"),
    "a person's": f"perago-staging2-exec-{UID}-1",
    "a UID in capitals": named(f"{UID.upper()}-1"),
}


@pytest.mark.parametrize("name", NO_NAMES.values(), ids=NO_NAMES)
def test_other_names_are_nobodys(name: str) -> None:
    """A branch of such a name is never touched."""
    assert staging_branch(name, "c1") is None


def test_a_commit_of_the_attempt_names_its_installation_and_namespace() -> None:
    """The commit that a branch was made from may be another attempt's publication, and says nothing of the branch."""
    metadata = {keys.ATTEMPT_UID: UID, keys.INSTALLATION: "ours", keys.ATTEMPT: "jobs/a1"}
    assert maker_of(BRANCH, metadata) == OURS
    assert maker_of(BRANCH, {**metadata, keys.ATTEMPT_UID: "another"}) is None
    assert maker_of(BRANCH, {}) is None


VERDICTS = {
    "its attempt is gone": (OURS, Attempt.GONE, 60, Verdict.DELETE),
    "its attempt has ended": (OURS, Attempt.ENDED, 60, Verdict.DELETE),
    "its attempt is gone, and it has no commit": (None, Attempt.GONE, 60, Verdict.DELETE),
    "its attempt lives": (OURS, Attempt.LIVES, 60, Verdict.LIVING),
    "its attempt lives, and it has no commit": (None, Attempt.LIVES, 60, Verdict.LIVING),
    "another installation's": (Maker("theirs", "jobs", "a1"), Attempt.GONE, 60, Verdict.FOREIGN),
    "of an installation that is not named": (Maker("", "jobs", "a1"), Attempt.GONE, 60, Verdict.FOREIGN),
    "nobody can know": (OURS, Attempt.ELSEWHERE, 60, Verdict.UNCLEAR),
    "it is too young": (OURS, Attempt.GONE, 59.9, Verdict.YOUNG),
    "it has ended, and is too young": (None, Attempt.ENDED, 0, Verdict.YOUNG),
}


@pytest.mark.parametrize(("maker", "attempt", "age", "want"), VERDICTS.values(), ids=VERDICTS)
def test_what_becomes_of_a_branch(maker: Maker | None, attempt: Attempt, age: float, want: Verdict) -> None:
    """It is deleted if its attempt is proved to be over and it is old enough."""
    assert verdict("ours", maker, attempt, age, 60) is want


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Canceled"])
def test_an_attempt_has_ended_when_its_branch_is_deleted(phase: str) -> None:
    """Until then its own clean-up is under way."""
    assert fate_of({"phase": phase}) is Attempt.ENDED
    assert fate_of({"phase": phase, "staging": {"state": "Deleted"}}) is Attempt.ENDED
    for state in ("Planned", "Active"):
        assert fate_of({"phase": phase, "staging": {"state": state}}) is Attempt.LIVES


@pytest.mark.parametrize("status", [None, {}, {"phase": "Running", "staging": {"state": "Deleted"}}])
def test_an_attempt_without_an_end_lives(status: dict[str, object] | None) -> None:
    """A new one has no status; a running one may be about to make its branch."""
    assert fate_of(status) is Attempt.LIVES
