"""The rule of the CRD by which the API server keeps an outcome as it was written, for the fakes of it."""

from typing import Any

WRITTEN_ONCE = "status.outcome is written once and cannot be changed or removed"


def keeps_outcome(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether one status may follow another: the outcome stays, unless its execution was given up."""
    old, new = before.get("outcome"), after.get("outcome")
    if old is None or new == old:
        return True
    by = old.get("execution")
    if by is not None and after.get("executions", 0) > by:
        return True
    published = new is not None and new["status"] == "COMPLETED" and "execution" not in new
    return published and old.get("failureClass") == "Infrastructure"
