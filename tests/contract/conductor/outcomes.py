"""Outcomes to report."""

from perago.wire import Outcome

COMPLETED = Outcome(status="COMPLETED", reason="Completed", output={"result": {"n": 1}})
FAILED = Outcome(status="FAILED", reason="TaskFailed", message="it rained")
TERMINAL = Outcome(status="FAILED_WITH_TERMINAL_ERROR", reason="InvalidTask", message="no such module")
