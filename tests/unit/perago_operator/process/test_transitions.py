"""The log has one line for each transition of an attempt."""

from collections.abc import Iterator
from typing import Any

import pytest
from loguru import logger

from perago.wire import LONGEST_LINE
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.process.transitions import tell
from tests import builders as b


@pytest.fixture
def lines() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What is logged at INFO or above, with its fields."""
    told: list[tuple[str, dict[str, Any]]] = []
    sink = logger.add(lambda message: told.append((message.record["message"], message.record["extra"])), level="INFO")
    yield told
    logger.remove(sink)


def attempt(**status: Any) -> PeragoAttempt:
    """Attempt `a1` with this status."""
    return PeragoAttempt.model_validate(b.attempt(status=status))


RUNS = {"phase": "Running", "step": "Executing", "executions": 2, "podName": "a1-2"}
FAILED = {"status": "FAILED", "reason": "OOMKilled", "message": "the task was killed\nfor its limit"}


def test_a_transition_is_one_line_with_attempt_execution_and_step(lines: list[tuple[str, dict[str, Any]]]) -> None:
    """And with fields of these names, for logs that are read by programs."""
    tell(attempt(phase="Running", step="Downloading", executions=2), attempt(**RUNS))
    tell(attempt(**RUNS), attempt(phase="Failed", executions=2, outcome=FAILED))
    assert [line for line, _ in lines] == [
        "attempt ns/a1 execution 2: Running, Executing",
        "attempt ns/a1 execution 2: Failed, OOMKilled: the task was killed for its limit",
    ]
    fields = {"attempt": "ns/a1", "execution": 2, "phase": "Failed", "step": "", "reason": "OOMKilled"}
    assert lines[1][1] == fields


def test_what_an_attempt_waits_for_is_told_once(lines: list[tuple[str, dict[str, Any]]]) -> None:
    """Its message may change with each look of a scheduler; it is cut."""
    waits = [
        attempt(phase="Pending", conditions=[b.condition("PodReady", "False", "QuotaExceeded", message=text)])
        for text in ("x" * 999, "used: 3")
    ]
    tell(attempt(), waits[0])
    tell(waits[0], waits[1])
    assert [line for line, _ in lines] == [f"attempt ns/a1 execution 0: Pending, QuotaExceeded: {'x' * LONGEST_LINE}"]


def test_what_changes_no_state_is_not_told(lines: list[tuple[str, dict[str, Any]]]) -> None:
    """A transfer that moves on, and all that is there when a replica begins to lead."""
    transfer = {"objects": 1, "bytes": 1, "bytesPerSecond": 1, "summary": "1 object"}
    tell(attempt(**RUNS), attempt(**RUNS, transfer=transfer))
    tell(None, attempt(**RUNS))
    assert lines == []
