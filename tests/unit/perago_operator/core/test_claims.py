"""Which attempts may speak for the Conductor task that they name."""

from typing import Any

import pytest

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.task import PeragoTask
from perago_operator.core.claims import false_claim, is_disowned
from tests import builders as b

OURS = "pod-a@ns.perago/uid-1"
TASK = PeragoTask.model_validate(b.task(taskType="build"))


def attempt(name: str = "t-1", *, status: Any = None, **conductor: Any) -> PeragoAttempt:
    """An attempt with this name of Conductor's task `t-1`."""
    ref = {"taskType": "build", "workflowInstanceId": "w", "taskId": "t-1", "referenceTaskName": "r", "seq": 1}
    made = b.attempt(conductor={**ref, "workerId": "pod-b@ns.perago/uid-1", **conductor}, status=status or {})
    return PeragoAttempt.model_validate({**made, "metadata": {**made["metadata"], "name": name}})


def test_what_the_bridge_has_made_is_believed() -> None:
    """Also when another replica polled it."""
    assert false_claim(attempt(), OURS, [TASK]) is None


@pytest.mark.parametrize(
    ("forged", "words"),
    [
        (attempt("mine"), "whose attempt would have the name t-1"),
        (attempt(workerId="pod-b@ns.other/uid-2"), "which this installation has not polled"),
        (attempt(workerId=None), "which this installation has not polled"),
        (attempt(taskType="pay_salaries"), "no PeragoTask of namespace ns serves its type pay_salaries"),
        (attempt(domain="north"), "no PeragoTask of namespace ns serves its type build"),
    ],
)
def test_what_anybody_may_have_written_is_not(forged: PeragoAttempt, words: str) -> None:
    """A second name of a task, a task of other workers, and a type of another namespace."""
    elsewhere = TASK.model_copy(update={"metadata": TASK.metadata.model_copy(update={"namespace": "elsewhere"})})
    served = elsewhere.model_copy(update={"spec": elsewhere.spec.model_copy(update={"task_type": "pay_salaries"})})
    assert words in str(false_claim(forged, OURS, [TASK, served]))


def test_an_attempt_is_asked_before_anything_is_done_for_it() -> None:
    """Later, its PeragoTask may be gone; and one without a task claims nothing."""
    assert false_claim(attempt(status={"phase": "Pending"}), OURS, []) is None
    assert false_claim(PeragoAttempt.model_validate(b.attempt(standalone=True)), OURS, []) is None


def test_a_false_claim_stays_false() -> None:
    """The status says so: a claim that is still to be reported, or was, is none."""
    assert is_disowned(attempt(status={"phase": "Finishing", "reporting": {"state": "NotRequired"}}))
    assert not is_disowned(attempt(status={"reporting": {"state": "Accepted"}}))
    assert not is_disowned(attempt())
    standalone = b.attempt(standalone=True, status={"reporting": {"state": "NotRequired"}})
    assert not is_disowned(PeragoAttempt.model_validate(standalone))
