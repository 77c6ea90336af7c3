"""Every way a task can end, on real pods: what Conductor learns, what the branch holds, and that nothing is left."""

import pytest

from tests.e2e.flow import Flow
from tests.e2e.repository import Repository
from tests.kubectl import condition

pytestmark = pytest.mark.cluster


def test_a_writable_task_publishes_one_commit_on_its_input(flow: Flow, repository: Repository) -> None:
    """Added, changed and deleted files arrive in one commit whose parent is the input and which names its attempt."""
    before = repository.head()
    workflow = flow.start(flow.serve("writable"), repository, text="new")
    (status,) = flow.outcomes(workflow)
    name = flow.first_attempt(workflow)
    commit = repository.commit("main")
    assert commit.parents == [before]
    assert (commit.metadata or {})["perago.attempt"].endswith(f"/{name}")
    assert repository.files() == {
        "changed.txt": b"new",
        "kept/deep.txt": b"first kept/deep.txt",
        "out/added.txt": b"new",
    }
    assert status["workspace"]["publishedRef"] == commit.id
    counted = {kind: status["workspace"]["changed"][kind] for kind in ("added", "modified", "deleted")}
    assert counted == {"added": 1, "modified": 1, "deleted": 1}
    flow.assert_nothing_left(repository, name)


def test_conductor_gets_the_output_with_the_published_ref(flow: Flow, repository: Repository) -> None:
    """The task's output in Conductor is the workspace with the new ref and the body's result."""
    workflow = flow.start(flow.serve("writable"), repository, text="out")
    (task,) = flow.conductor.ended(workflow)["tasks"]
    assert task["status"] == "COMPLETED"
    assert task["outputData"] == {
        "workspace": repository.workspace(),
        "result": {"text": "out", "files": 3},
    }


def test_a_read_only_task_writes_nothing(flow: Flow, repository: Repository) -> None:
    """The ref stays, no staging branch was ever planned, and scratch files go nowhere."""
    before = repository.head()
    (status,) = flow.outcomes(flow.start(flow.serve("readonly"), repository))
    assert repository.head() == before
    assert "staging" not in status
    assert status["outcome"]["output"]["workspace"]["ref"] == before
    assert status["outcome"]["output"]["result"] == {"text": "first changed.txt", "files": 3}


def test_a_task_that_changes_nothing_makes_no_commit(flow: Flow, repository: Repository) -> None:
    """The branch keeps its head, and the output names the input ref."""
    before = repository.head()
    (status,) = flow.outcomes(flow.start(flow.serve("nochange"), repository))
    assert repository.head() == before
    assert status["outcome"]["output"]["workspace"]["ref"] == before


def test_a_failed_attempt_is_retried_and_completes(flow: Flow, repository: Repository) -> None:
    """`TaskFailed` ends the first attempt; the retry publishes on the same input, and nothing of the first is there."""
    before = repository.head()
    workflow = flow.start(flow.serve("flaky", retries=1), repository)
    first, second = flow.outcomes(workflow)
    assert (first["phase"], first["outcome"]["reason"]) == ("Failed", "TaskFailed")
    assert first["outcome"]["message"] == "the first attempt fails on purpose"
    assert second["phase"] == "Succeeded"
    assert repository.commit("main").parents == [before]
    assert repository.files()["retried.txt"] == b"retry 1"
    assert flow.conductor.workflow(workflow)["status"] == "COMPLETED"


def test_a_terminal_error_ends_the_workflow(flow: Flow, repository: Repository) -> None:
    """`TaskTerminalError` is not retried, its words reach Conductor, and what it wrote is not published."""
    before = repository.head()
    workflow = flow.start(flow.serve("terminal", retries=3), repository)
    (task,) = flow.conductor.ended(workflow)["tasks"]
    assert task["status"] == "FAILED_WITH_TERMINAL_ERROR"
    assert task["reasonForIncompletion"] == "the data can not be used"
    assert repository.head() == before
    assert len(flow.outcomes(workflow)) == 1


def test_a_task_without_a_workspace_needs_no_lakefs(flow: Flow) -> None:
    """Its output is the result alone."""
    workflow = flow.start(flow.serve("free"), None, text="free")
    (status,) = flow.outcomes(workflow)
    assert status["outcome"]["output"] == {"result": {"text": "free", "files": 0}}
    assert "workspace" not in status


def test_an_attempt_without_conductor_runs_the_same_way(flow: Flow, repository: Repository) -> None:
    """An applied attempt publishes, reports to nobody and completes."""
    before, name = repository.head(), f"plain-{repository.name}"
    given = {"workspace": repository.workspace(), "params": {"text": "plain"}}
    flow.cluster.apply([flow.attempt(name, "writable", given)])
    status = flow.cluster.finished(name)["status"]
    assert (status["phase"], status["reporting"]["state"]) == ("Succeeded", "NotRequired")
    assert repository.commit("main").parents == [before]
    assert condition(status, "Published") == "True"
    flow.assert_nothing_left(repository, name)


def test_a_workflow_hands_one_tasks_publication_to_the_next(flow: Flow, repository: Repository) -> None:
    """The second task's input ref is what the first published, and reads what it wrote."""
    writer, reader = flow.serve("writable"), flow.serve("readonly")
    given = {"workspace": "${workflow.input.workspace}", "params": {"text": "handed on"}}
    taken = {"workspace": "${step1.output.workspace}", "params": {}}
    flow.conductor.define_workflow("e2e-chain", [(writer, given), (reader, taken)])
    workflow = flow.conductor.start("e2e-chain", {"workspace": repository.workspace()})
    _, second = flow.conductor.ended(workflow)["tasks"]
    assert second["outputData"]["result"]["text"] == "handed on"
    assert second["outputData"]["workspace"]["ref"] == repository.head()


def test_a_finished_attempt_goes_when_its_time_is_over(flow: Flow) -> None:
    """`ttlSecondsAfterFinished` counts from the end, and then the object is gone."""
    flow.cluster.apply([flow.attempt("short-lived", "free", {"params": {}}, ttlSecondsAfterFinished=1)])
    flow.cluster("wait", "peragoattempt/short-lived", "--for=delete", "--timeout=120s")
