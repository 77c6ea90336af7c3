"""What dies or is away at the worst moment: each time one accepted result, one publication, and nothing left."""

import pytest

from tests.e2e.flow import Flow
from tests.e2e.gate import Gate
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.repository import Repository
from tests.kubectl import Object, eventually

pytestmark = pytest.mark.cluster


def is_running(status: Object) -> bool:
    """The body has started."""
    return bool(status.get("step") == "Executing")


def assert_published_once(flow: Flow, repository: Repository, before: str, workflow: str) -> None:
    """Conductor has one task, completed; the branch has one commit on its input; the attempt left nothing."""
    (task,) = flow.conductor.ended(workflow)["tasks"]
    assert task["status"] == "COMPLETED"
    assert repository.commit("main").parents == [before]
    (status,) = flow.outcomes(workflow)
    assert status["reporting"]["state"] == "Accepted"
    flow.assert_nothing_left(repository, task["taskId"])


def test_an_operator_killed_while_a_pod_runs(
    own_flow: Flow, repository: Repository, own_operator: OperatorProcess
) -> None:
    """The next operator finds the pod at work, or done, and reports once."""
    before = repository.head()
    workflow = own_flow.start(own_flow.serve("writable", response_seconds=45), repository, waits=True)
    name = own_flow.first_attempt(workflow)
    own_flow.cluster.attempt(name, is_running)
    own_operator.kill()
    own_flow.cluster.let_go(f"{name}-1")
    own_operator.start()
    assert_published_once(own_flow, repository, before, workflow)


def test_an_operator_killed_between_report_and_read_back(
    own_flow: Flow, repository: Repository, own_operator: OperatorProcess, gate: Gate
) -> None:
    """The result has reached Conductor, its answer has not come back: the next operator finds it accepted."""
    before = repository.head()
    gate.after_report = own_operator.kill
    workflow = own_flow.start(own_flow.serve("writable", response_seconds=45), repository)
    eventually(lambda: gate.reports or None, "a report", 90, own_operator.log)
    own_operator.start()
    assert_published_once(own_flow, repository, before, workflow)


def test_a_result_waits_for_a_conductor_that_is_away(
    own_flow: Flow, repository: Repository, own_operator: OperatorProcess, gate: Gate
) -> None:
    """The outcome stays in the attempt with the error beside it, and is delivered when Conductor is back."""
    before = repository.head()
    workflow = own_flow.start(own_flow.serve("writable", response_seconds=60), repository, waits=True)
    name = own_flow.first_attempt(workflow)
    own_flow.cluster.attempt(name, is_running)
    gate.open = False
    own_flow.cluster.let_go(f"{name}-1")
    waiting = own_flow.cluster.attempt(name, lambda status: "lastError" in status.get("reporting", {}))
    assert waiting["status"]["outcome"]["status"] == "COMPLETED"
    assert waiting["status"]["reporting"]["state"] == "Pending"
    gate.open = True
    assert_published_once(own_flow, repository, before, workflow)


def test_a_deleted_attempt_is_canceled_everywhere(
    own_flow: Flow, repository: Repository, own_operator: OperatorProcess
) -> None:
    """Its pod and staging branch go, Conductor learns of it and makes no retry, and the branch keeps its head."""
    before = repository.head()
    workflow = own_flow.start(own_flow.serve("writable", response_seconds=30), repository, delay=120)
    name = own_flow.first_attempt(workflow)
    own_flow.cluster.attempt(name, is_running)
    own_flow.cluster.delete("peragoattempt", name, "--timeout=100s")
    (task,) = own_flow.conductor.ended(workflow)["tasks"]
    assert (task["status"], task["reasonForIncompletion"]) == ("FAILED_WITH_TERMINAL_ERROR", "attempt deleted")
    own_flow.assert_nothing_left(repository, name)
    assert repository.head() == before


def test_a_task_canceled_in_conductor_stops_its_pod(
    own_flow: Flow, repository: Repository, own_operator: OperatorProcess
) -> None:
    """A terminated workflow cancels the attempt long before its body would have ended, and nothing is published."""
    before = repository.head()
    workflow = own_flow.start(own_flow.serve("writable", response_seconds=6), repository, delay=120)
    name = own_flow.first_attempt(workflow)
    own_flow.cluster.attempt(name, is_running)
    own_flow.conductor.call("DELETE", f"/workflow/{workflow}")
    status = own_flow.cluster.finished(name)["status"]
    assert (status["phase"], status["reporting"]["state"]) == ("Canceled", "Superseded")
    own_flow.assert_nothing_left(repository, name)
    assert repository.head() == before


def test_a_long_task_keeps_its_lease(own_flow: Flow, own_operator: OperatorProcess) -> None:
    """A body that takes three response time-outs is never handed out twice."""
    workflow = own_flow.start(own_flow.serve("free", response_seconds=4), None, delay=12)
    (task,) = own_flow.conductor.ended(workflow)["tasks"]
    assert (task["status"], task["retryCount"]) == ("COMPLETED", 0)
