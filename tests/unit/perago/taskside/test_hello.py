"""What the task side reports when the agent does not let it begin."""

import socket
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from perago import wire

TASK_SIDE = "import sys; from perago.taskside.__main__ import main; sys.exit(main(sys.argv[1]))"
"""A process of its own, as it changes signal handlers and umask."""


def reported(tmp_path: Path, refusal: wire.Refusal) -> wire.Result:
    """The result that a task side reports after the agent refused its hello."""
    path = f"{tmp_path}/agent.sock"
    calls = []

    def serve(listener: socket.socket) -> None:
        with listener.accept()[0] as stream:
            for given in (refusal, wire.Done()):
                header = stream.recv(4, socket.MSG_WAITALL)
                calls.append(wire.decode_frame(stream.recv(wire.frame_length(header), socket.MSG_WAITALL)))
                stream.sendall(wire.encode_frame(wire.answer(given)))

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        agent = Thread(target=serve, args=(listener,))
        agent.start()
        subprocess.run([sys.executable, "-c", TASK_SIDE, path], check=True, timeout=60)
        agent.join()
    return wire.Result.model_validate(calls[-1])


@pytest.mark.parametrize(
    ("error", "want"), [("TaskTerminalError", "FAILED_WITH_TERMINAL_ERROR"), ("TaskInputError", "FAILED")]
)
def test_a_refused_hello_is_the_result_of_the_class_it_names(tmp_path: Path, error: str, want: str) -> None:
    """As anywhere else in an attempt: terminal for what no retry can mend."""
    result = reported(tmp_path, wire.Refusal(error=error, message="the Secret is missing"))
    assert (result.status, result.reason, result.message) == (want, error, "the Secret is missing")
