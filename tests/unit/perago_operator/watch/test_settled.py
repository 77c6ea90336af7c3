"""What is kept of an attempt that is over: nothing that is large."""

from typing import Any

import pytest

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.watch.settled import without_payload
from tests import builders as b

OUTCOME = {"status": "COMPLETED", "reason": "Completed", "output": {"rows": 3}, "execution": 1}
STATUS = {"phase": "Succeeded", "outcome": OUTCOME, "conditions": [b.condition("Complete")]}
EXACT: dict[str, Any] = {"inputJson": "{}", "ttlSecondsAfterFinished": 60}


def over(status: dict[str, Any], finalizers: list[str]) -> dict[str, Any]:
    """An attempt with a time to live."""
    return b.attempt(meta={"finalizers": finalizers}, status=status, **EXACT)


def test_a_settled_attempt_is_kept_without_input_and_output() -> None:
    """How it ended, and when it is to be deleted, stays."""
    kept = PeragoAttempt.model_validate(without_payload(over(STATUS, [])))
    assert (kept.spec.input, kept.spec.input_json, kept.spec.ttl_seconds_after_finished) == (None, None, 60)
    assert kept.status.outcome is not None
    assert (kept.status.outcome.output, kept.status.outcome.reason) == (None, "Completed")


@pytest.mark.parametrize(
    ("status", "finalizers"),
    [
        pytest.param(STATUS, b.attempt()["metadata"]["finalizers"], id="held"),
        pytest.param(STATUS | {"conditions": []}, [], id="not complete"),
    ],
)
def test_one_that_is_still_served_is_kept_whole(status: dict[str, Any], finalizers: list[str]) -> None:
    """Its output may have to be reported, or compared with what Conductor shows."""
    attempt = over(status, finalizers)
    assert without_payload(attempt) is attempt
