"""The demo's checks: each passes on what should be, and says what is wrong otherwise."""

import io
import json
from typing import Any

import pytest
from PIL import Image

from perago_dev.demo import checks
from perago_dev.demo.checks import CheckFailed, Commit
from perago_dev.objects import Object

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


def png(*colours: str) -> bytes:
    """A PNG file of 8 × 4 pixels, striped in these colours."""
    image = Image.new("RGB", (8, 4))
    for column in range(8):
        image.paste(colours[column % len(colours)], (column, 0, column + 1, 4))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_a_picture_is_decoded() -> None:
    """The whole file, in its expected size."""
    checks.picture(png("red", "blue"), (8, 4))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<svg/>", "not a PNG file"),
        (png("red", "blue")[:45], "cannot be decoded"),
        (png("red"), "blank"),
        (b"\x89PNG\r\n\x1a\n...", "cannot be decoded"),
    ],
    ids=["another format", "cut off", "one colour", "signature only"],
)
def test_what_cannot_be_seen_is_no_picture(content: bytes, words: str) -> None:
    """A signature alone does not pass."""
    with pytest.raises(CheckFailed, match=words):
        checks.picture(content, (8, 4))


def test_a_picture_has_its_size() -> None:
    """Another drawing fails."""
    with pytest.raises(CheckFailed, match=r"\(8, 4\) pixels, not \(4, 4\)"):
        checks.picture(png("red", "blue"), (4, 4))


REPORT = "# Title\n\n| year | mm |\n|---|---|\n| 2012 | 1.0 |\n| 2013 | 2.0 |\n\n![Climate](summary/climate.png)\n"


def test_a_report_has_its_title_rows_and_picture() -> None:
    """Cell by cell."""
    checks.report(REPORT, "Title", (("2012", "1.0"), ("2013", "2.0")))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (REPORT.replace("# Title", "# Other"), "begins with"),
        (REPORT.replace("2.0", "2.1"), "rows are"),
        (REPORT.replace("| 2013 | 2.0 |\n", ""), "rows are"),
        (REPORT.replace("climate.png", "other.png"), "picture"),
        ("", "begins with"),
    ],
)
def test_any_other_report_fails(content: str, words: str) -> None:
    """A wrong heading, a wrong or missing figure, no picture."""
    with pytest.raises(CheckFailed, match=words):
        checks.report(content, "Title", (("2012", "1.0"), ("2013", "2.0")))


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


def ran(**more: Any) -> Object:
    """An attempt of Conductor's task t1 that completed with the result of run r1."""
    output = {"result": {"run": "r1"}}
    status = {
        "executions": 1,
        "outcome": {"status": "COMPLETED", "reason": "Completed", "output": output},
        "reporting": {"state": "Accepted", "attempts": 1},
    }
    return {**ATTEMPT, "spec": {"conductor": {"taskId": "t1"}}, "status": status | more}


PUBLISHED = Commit("c", ("a",), NAMING | {"perago.output": json.dumps({"result": {"run": "r1"}})})


def test_one_publication_is_the_attempts() -> None:
    """It is returned."""
    assert checks.only_publication([PUBLISHED], "a", ran()) == PUBLISHED


@pytest.mark.parametrize(
    "commits",
    [[], [Commit("d", ("c",), NAMING), PUBLISHED], [Commit("c", ("a",), NAMING | {"perago.attempt-uid": "u2"})]],
    ids=["none", "two", "another attempt's"],
)
def test_any_other_number_of_publications_fails(commits: list[Commit]) -> None:
    """None, two, or somebody else's."""
    with pytest.raises(CheckFailed):
        checks.only_publication(commits, "a", ran())


@pytest.mark.parametrize(
    ("content", "commit", "attempt"),
    [
        ("r2", PUBLISHED, ran()),
        ("r1", Commit("c", ("a",), NAMING), ran()),
        ("r1", PUBLISHED, ran(outcome={"output": {"result": {"run": "r2"}}})),
    ],
    ids=["file", "metadata", "outcome"],
)
def test_file_metadata_and_outcome_are_of_one_run(content: str, commit: Commit, attempt: Object) -> None:
    """A second run of the body would give each of them another name."""
    checks.result_published(PUBLISHED, "r1", ran())
    with pytest.raises(CheckFailed, match="from run"):
        checks.result_published(commit, content, attempt)


def test_an_outcome_before_the_kill_proves_nothing() -> None:
    """Then the commit was not needed."""
    checks.no_outcome_yet(succeeded(outcome=None))
    with pytest.raises(CheckFailed, match="before its pod was killed"):
        checks.no_outcome_yet(ran())


def test_a_second_execution_is_noticed() -> None:
    """The work would have been done twice."""
    checks.ran_once(ran())
    with pytest.raises(CheckFailed, match="2 times"):
        checks.ran_once(ran(executions=2))


CONDUCTORS: Object = {"taskId": "t1", "status": "COMPLETED", "retryCount": 0, "outputData": {"result": {"run": "r1"}}}


@pytest.mark.parametrize(
    ("task", "attempt"),
    [
        (CONDUCTORS | {"taskId": "t2"}, ran()),
        (CONDUCTORS | {"status": "FAILED"}, ran()),
        (CONDUCTORS | {"retryCount": 1}, ran()),
        (CONDUCTORS | {"outputData": {}}, ran()),
        (CONDUCTORS, ran(reporting={"state": "Superseded"})),
    ],
    ids=["another task", "failed", "a retry", "another output", "not accepted"],
)
def test_a_result_that_counted_otherwise_fails(task: Object, attempt: Object) -> None:
    """The first try of the task has this attempt's output, and was accepted."""
    checks.counted_once(CONDUCTORS, ran())
    with pytest.raises(CheckFailed):
        checks.counted_once(task, attempt)


FENCED: Object = {"outcome": {"reason": "StaleAttemptError"}, "reporting": {"state": "Superseded"}}


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": {"reason": "Completed"}},
        {"workspace": {"publishedRef": "c"}},
        {"reporting": {"state": "Accepted"}},
    ],
)
def test_a_stale_attempt_that_got_through_fails(change: Object) -> None:
    """It completed, published, or was believed."""
    checks.was_fenced(ran(**FENCED))
    with pytest.raises(CheckFailed, match="t1"):
        checks.was_fenced(ran(**FENCED | change))


def test_tasks_of_a_completed_workflow_keep_their_failed_tries() -> None:
    """In the order in which they were tried."""
    tries = [task(retryCount=1), task(retryCount=0, status="FAILED")]
    found = checks.tasks_of_completed({"status": "COMPLETED", "tasks": tries})
    assert [one["retryCount"] for one in found] == [0, 1]
    with pytest.raises(CheckFailed, match="TERMINATED"):
        checks.tasks_of_completed({"status": "TERMINATED", "tasks": tries})
