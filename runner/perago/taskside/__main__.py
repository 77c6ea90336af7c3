"""The task container's process: `python -m perago.taskside`. Holds no key and reads no environment of Perago's.

It connects before the user's module is imported, so that the agent's one connection is this one. On SIGTERM it ends at
once while the body runs (the attempt is then a disruption, or was canceled); a publication under way is finished first.
Exit code 0: the result is recorded; GAVE_UP_EXIT: the agent was gone; 143: SIGTERM.
"""

import faulthandler
import os
import signal
import sys
from types import FrameType

from perago import signals, wire
from perago.errors import TaskDefinitionError, TaskExecutionError
from perago.result import result_for_exception
from perago.run import Ended, Stopwatch
from perago.task import TaskDefinition, excluding, load_module_task
from perago.taskside.client import AgentClient, AgentGone, connect
from perago.taskside.log import log_our_own
from perago.taskside.run import result_of, run_attempt


def main(socket_path: str = wire.SOCKET_PATH) -> int:
    """Run the attempt that the agent assigns; returns the exit code."""
    log_our_own()
    faulthandler.enable()  # a crash of the interpreter leaves its stack in the log
    signals.handle(signal.SIGTERM, _end)
    try:
        client, stopwatch = AgentClient(connect(socket_path)), Stopwatch()
        signals.handle(signal.SIGTERM, lambda *_: None if stopwatch.seconds is not None else _end())
        _report(client, _result(client, stopwatch))
    except AgentGone as error:
        print(f"perago: {error}", file=sys.stderr)  # noqa: T201 - the pod's log is all that is left
        return wire.GAVE_UP_EXIT
    return 0


def _result(client: AgentClient, stopwatch: Stopwatch) -> wire.Result:
    try:
        assignment = client.hello()
    except AgentGone:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the agent refused with is the result
        return result_of(Ended(result_for_exception(error), error), None)
    try:
        task: TaskDefinition = excluding(load_module_task(assignment.module), assignment.exclude)
    except TaskDefinitionError as error:
        from perago.taskside.invalid import invalid_task  # what describes failures is needed by those alone

        return invalid_task(error)
    return run_attempt(task, assignment, client, stopwatch)


def _report(client: AgentClient, result: wire.Result) -> None:
    try:
        client.report(result)
    except (wire.FrameError, TaskExecutionError) as error:
        if result.status != "COMPLETED":
            raise
        too_large = f"the task's output: {error}"
        client.report(wire.Result(status="FAILED", reason=wire.Reason.OUTPUT_TOO_LARGE.value, message=too_large))


def _end(_signal: int = signal.SIGTERM, _frame: FrameType | None = None) -> None:
    """The default of a process that is not the first of its container, which this one is."""
    os._exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
