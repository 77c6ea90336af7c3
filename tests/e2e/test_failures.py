"""What people see of a failure once its pod is gone, and what helper containers have to do with one."""

import pytest

from tests.e2e.flow import Flow
from tests.kubectl import Object, condition, is_complete

pytestmark = pytest.mark.cluster

CODE = "    return Answer(text=str(counts[params.text]))"
SAFE = {
    "runAsNonRoot": True,
    "runAsUser": 65533,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def helper(name: str, image: str, code: str) -> Object:
    """A container that a pod template adds."""
    return {"name": name, "image": image, "command": ["python", "-c", code], "securityContext": SAFE}


def test_a_traceback_outlives_its_pod_by_hand(flow: Flow) -> None:
    """Class, text and line in the message; the author's code and the end of the log in status and `describe`."""
    flow.cluster.apply([flow.attempt("raises", "raises", {"params": {"text": "b"}}, keepFailedPodsSeconds=1)])
    status = flow.cluster.finished("raises")["status"]
    flow.assert_nothing_left(None, "raises")
    outcome = status["outcome"]
    assert (outcome["reason"], outcome["message"].partition(" (")[0]) == ("KeyError", "KeyError: 'b'")
    assert outcome["message"].endswith("/e2e_tasks/raises.py:12)")
    assert outcome["traceback"][-2:] == [CODE, "KeyError: 'b'"]
    assert "looking for b" in status["log"]["lines"]
    told = flow.cluster("describe", "peragoattempt", "raises")
    assert all(words in told for words in ("raises.py", CODE.strip(), "looking for b"))


def test_a_quick_failures_log_is_at_conductor(flow: Flow) -> None:
    """Its first lines and its traceback, although the attempt ended as soon as it began."""
    workflow = flow.start(flow.serve("raises"), None, text="b")
    (task,) = flow.conductor.ended(workflow)["tasks"]
    assert task["reasonForIncompletion"].startswith("KeyError: 'b'")
    flow.outcomes(workflow)
    log = flow.conductor.log(task["taskId"])
    assert "looking for b" in log
    assert "raises.py" in log
    assert "KeyError: 'b'" in log


def is_running_without(status: Object, helper: str) -> bool:
    """The task's container is ready, and the status says what keeps a helper from running."""
    return condition(status, "PodReady") == "True" and helper in str(status["conditions"])


def test_helpers_neither_end_an_attempt_nor_keep_it(flow: Flow) -> None:
    """One fails early, one never ends, one has no image: the task is done in one execution, and that is shown."""
    helpers = [
        helper("early", flow.image, "raise SystemExit(3)"),
        helper("endless", flow.image, "import time; time.sleep(3600)"),
        helper("imageless", "localhost/no-such-helper:1", "pass"),
    ]
    template = {"spec": {"containers": helpers, "terminationGracePeriodSeconds": 1}}
    # a PeragoTask's, because an attempt's own template may name the task's container alone
    task = {
        "apiVersion": "perago.dev/v1alpha1",
        "kind": "PeragoTask",
        "metadata": {"name": "helped"},
        "spec": {"podTemplate": template},
    }
    attempt = flow.attempt("helped", "free", {"params": {"waits": True}}, taskRef={"name": "helped"})
    flow.cluster.apply([task, attempt])
    running = flow.cluster.attempt("helped", lambda status: is_running_without(status, "imageless"))["status"]
    assert running["phase"] == "Running"
    flow.cluster.let_go("helped-1")
    status = flow.cluster.finished("helped")["status"]
    assert (status["phase"], status["executions"]) == ("Succeeded", 1)
    flow.assert_nothing_left(None, "helped")


def test_a_failed_pod_is_kept_for_a_while(flow: Flow) -> None:
    """The attempt is over and released, and the pod's log can be read until somebody deletes the attempt."""
    given = {"params": {"text": "b"}}
    flow.cluster.apply([flow.attempt("kept", "raises", given, keepFailedPodsSeconds=600)])
    attempt = flow.cluster.finished("kept")
    assert attempt["status"]["phase"] == "Failed"
    pod = flow.cluster.get("pod", "kept-1")
    assert pod is not None
    assert (pod["metadata"].get("finalizers"), pod["metadata"].get("deletionTimestamp")) == (None, None)
    assert "looking for b" in flow.cluster("logs", "kept-1", "-c", "task")
    assert is_complete(attempt["status"])
    flow.cluster.delete("peragoattempt", "kept")
    flow.assert_nothing_left(None, "kept")
