"""A module that is not a task: what is wrong and where, as a terminal result. Looks at exceptions only."""

import sys
import traceback
from types import TracebackType

from perago import wire
from perago.errors import TaskDefinitionError
from perago.taskside.failure import traceback_of
from perago.traces import trace_of


def invalid_task(error: TaskDefinitionError) -> wire.Result:
    """The result of an attempt whose module is missing, cannot be imported, or does not declare exactly one task."""
    print(trace_of(error).rstrip(), file=sys.stderr)  # noqa: T201 - the pod's log
    place = where(error.__cause__.__traceback__) if error.__cause__ else None
    return wire.Result(
        status="FAILED_WITH_TERMINAL_ERROR",
        reason=wire.Reason.INVALID_TASK.value,
        message=f"{error} ({place})" if place else str(error),
        traceback=traceback_of(error),
    )


def where(trace: TracebackType | None) -> str | None:
    """`file:line` of the innermost frame outside the import machinery; None when the module was not even found."""
    frames = [frame for frame in traceback.extract_tb(trace) if "importlib" not in frame.filename]
    outside = [frame for frame in frames if "/perago/task.py" not in frame.filename]
    return f"{outside[-1].filename}:{outside[-1].lineno}" if outside else None
