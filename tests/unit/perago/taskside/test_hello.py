"""What the task side reports when the agent does not let it begin."""

import socket
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from perago import wire
from tests.unit.perago.taskside.scripted import ok, serve

TASK_SIDE = "import sys; from perago.taskside.__main__ import main; sys.exit(main(sys.argv[1]))"
"""A process of its own, as it changes signal handlers and logging."""


def reported(tmp_path: Path, refusal: wire.Refusal) -> wire.Result:
    """The result that a task side reports after the agent refused its hello."""
    path = f"{tmp_path}/agent.sock"
    calls: list[dict[str, Any]] = []

    def answer(call: dict[str, Any]) -> bytes:
        return ok(refusal if call["call"] == "hello" else wire.Done())(call)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        agent = Thread(target=lambda: serve(listener.accept()[0], answer, calls))
        agent.start()
        subprocess.run([sys.executable, "-c", TASK_SIDE, path], check=True, timeout=60)
        agent.join()
    return wire.Result.model_validate(calls[-1])


@pytest.mark.parametrize(
    ("error", "want"), [("TaskTerminalError", "FAILED_WITH_TERMINAL_ERROR"), ("TaskInputError", "FAILED")]
)
def test_a_refused_hello_is_the_result_of_the_class_it_names(tmp_path: Path, error: str, want: str) -> None:
    """As anywhere else in an attempt: terminal for what no retry can mend."""
    begin = "" if error == "TaskTerminalError" else f"{error}: "
    result = reported(tmp_path, wire.Refusal(error=error, message="the Secret is missing"))
    assert (result.status, result.reason, result.message) == (want, error, f"{begin}the Secret is missing")
