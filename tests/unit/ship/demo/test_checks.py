"""The demo's checks: each passes on what should be, and says what is wrong otherwise."""

from typing import Any

import pytest

from perago_dev.demo import checks
from perago_dev.demo.checks import CheckFailed, Commit

Object = dict[str, Any]

ATTEMPT: Object = {"metadata": {"name": "t1", "namespace": "demo", "uid": "u1"}}
NAMING = {"perago.attempt": "demo/t1", "perago.attempt-uid": "u1"}


def task(**more: Any) -> Object:
    """A completed task of a workflow."""
    return {"referenceTaskName": "one", "seq": "1", "status": "COMPLETED", "outputData": {}} | more


def succeeded(**more: Any) -> Object:
    """An attempt that is over and reported."""
    status = {"phase": "Succeeded", "outcome": {"status": "COMPLETED"}, "reporting": {"state": "Accepted"}}
    return {**ATTEMPT, "status": status | more}


def test_completed_tasks_come_in_order() -> None:
    """Conductor's own order of tasks is not relied upon."""
    workflow = {"status": "COMPLETED", "tasks": [task(seq="10"), task(seq="2")]}
    assert [one["seq"] for one in checks.workflow_completed(workflow)] == ["2", "10"]


def test_a_failed_workflow_tells_its_tasks_reason() -> None:
    """The message carries Conductor's words."""
    failed = task(status="FAILED", reasonForIncompletion="no such ref")
    with pytest.raises(CheckFailed, match=r"the workflow is FAILED: one: no such ref"):
        checks.workflow_completed({"status": "FAILED", "tasks": [failed]})


@pytest.mark.parametrize("tasks", [[], [task(status="SKIPPED")]])
def test_a_workflow_without_completed_tasks_is_none(tasks: list[Object]) -> None:
    """COMPLETED alone is not enough."""
    with pytest.raises(CheckFailed):
        checks.workflow_completed({"status": "COMPLETED", "tasks": tasks})


def test_a_retried_task_is_a_failed_one() -> None:
    """The demo does not wait for a retry: the first failure is shown."""
    tasks = [task(status="TIMED_OUT"), task(status="IN_PROGRESS")]
    assert checks.failed_tasks({"tasks": tasks}) == tasks[:1]


def test_result_is_compared() -> None:
    """A wrong figure fails."""
    checks.result_is(task(outputData={"result": {"days": 1}}), {"days": 1})
    with pytest.raises(CheckFailed, match="returned"):
        checks.result_is(task(outputData={"result": {"days": 2}}), {"days": 1})


@pytest.mark.parametrize("output", [{}, {"workspace": {}}, {"workspace": {"ref": ""}}])
def test_an_output_without_a_commit_fails(output: Object) -> None:
    """The published ref is Conductor's to know."""
    with pytest.raises(CheckFailed, match="does not name a commit"):
        checks.published_ref(task(outputData=output))


def test_publication_stands_on_its_input_and_names_its_attempt() -> None:
    """One parent, and both names."""
    checks.publication(Commit("c", ("a",), NAMING), "a", ATTEMPT)


@pytest.mark.parametrize(
    "commit",
    [
        Commit("c", ("b",), NAMING),
        Commit("c", ("a", "b"), NAMING),
        Commit("c", ("a",), {}),
        Commit("c", ("a",), NAMING | {"perago.attempt": "demo/t2"}),
        Commit("c", ("a",), NAMING | {"perago.attempt-uid": "u2"}),
    ],
    ids=["other parent", "two parents", "unnamed", "other attempt", "another of that name"],
)
def test_any_other_commit_is_no_publication(commit: Commit) -> None:
    """A wrong parent or name fails."""
    with pytest.raises(CheckFailed):
        checks.publication(commit, "a", ATTEMPT)


def test_head_is_the_last_publication() -> None:
    """A commit on top of it fails."""
    checks.head_is("c", "c")
    with pytest.raises(CheckFailed, match="head is d"):
        checks.head_is("d", "c")


def test_files_are_exactly_those() -> None:
    """The message names what is missing and what is too much."""
    checks.exact_files(["b", "a"], {"a", "b"})
    with pytest.raises(CheckFailed, match=r"missing \['b'\], unexpected \['x'\]"):
        checks.exact_files(["a", "x"], {"a", "b"})


def test_a_picture_is_a_png() -> None:
    """By its signature."""
    checks.picture(b"\x89PNG\r\n\x1a\n...")
    with pytest.raises(CheckFailed):
        checks.picture(b"<svg/>")


@pytest.mark.parametrize(
    "attempt",
    [
        succeeded(phase="Failed"),
        succeeded(outcome={"status": "FAILED", "reason": "TaskFailed"}),
        succeeded(reporting={"state": "Superseded"}),
        ATTEMPT,
    ],
)
def test_an_attempt_that_did_not_succeed_fails(attempt: Object) -> None:
    """Phase, outcome and report must all say so."""
    checks.attempt_succeeded(succeeded(), "Accepted")
    with pytest.raises(CheckFailed, match="t1"):
        checks.attempt_succeeded(attempt, "Accepted")


@pytest.mark.parametrize(
    ("pods", "branches", "attempts", "word"),
    [
        ([{"metadata": {"name": "t1-1"}}], [], [], "t1-1"),
        ([], ["perago-staging-x"], [], "perago-staging-x"),
        ([], [], [{"metadata": {"name": "t1", "finalizers": ["f"]}}], "finalizers are left on: t1"),
    ],
)
def test_leftovers_are_named(pods: list[Object], branches: list[str], attempts: list[Object], word: str) -> None:
    """A pod, a branch or a finalizer each fail; nothing at all passes."""
    checks.nothing_left([], [], [ATTEMPT])
    with pytest.raises(CheckFailed, match=word):
        checks.nothing_left(pods, branches, attempts)


def test_completion_is_a_condition() -> None:
    """A phase alone does not end an attempt."""
    done = {"type": "Complete", "status": "True"}
    assert checks.is_complete({"status": {"conditions": [done]}})
    assert not checks.is_complete({"status": {"conditions": [done | {"status": "False"}]}})
    assert not checks.is_complete({})
