"""Servers as children: waited for, stopped by their id, and never left behind."""

import http.server
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from perago_dev.errors import EnvironmentProblem
from perago_dev.host import processes


def test_child_is_gone_after_the_block(tmp_path: Path) -> None:
    """The end of the block is the end of the server."""
    with processes.child(["sleep", "600"], tmp_path / "log") as process:
        assert process.poll() is None
    assert process.returncode is not None


def test_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    """A server that ignores SIGTERM is killed after its time."""
    command = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"]
    with processes.child(command, tmp_path / "log", stop_seconds=0.2) as process:
        processes.wait_until(lambda: "ready" in (tmp_path / "log").read_text(), 10, "the shell")
    assert process.returncode == -9


def test_child_dies_with_a_killed_parent(tmp_path: Path) -> None:
    """Nothing outlives the process that started it, however that ends."""
    program = (
        "import os, pathlib, signal, sys\nfrom perago_dev.host import processes\nlog = pathlib.Path(sys.argv[1])\n"
        "with processes.child(['sh', '-c', 'echo running; exec sleep 600'], log) as process:\n"
        "    processes.wait_until(lambda: 'running' in log.read_text(), 10, 'the child')\n"
        "    print(process.pid, flush=True)\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path / "log")], capture_output=True, text=True)
    state = Path(f"/proc/{int(killed.stdout)}/stat")
    processes.wait_until(lambda: not state.exists() or ") Z " in state.read_text(), 10, "the child's end")


def test_server_that_ends_early_is_told_with_its_last_words(tmp_path: Path) -> None:
    """Waiting for a server that died ends at once, with what it said."""
    log = tmp_path / "some-server.log"
    with (
        processes.child(["sh", "-c", "echo port taken; exit 7"], log) as process,
        pytest.raises(EnvironmentProblem, match=r"(?s)some-server ended with exit code 7.*port taken"),
    ):
        processes.wait_for_child(process, lambda: False, 60, log)


def test_waiting_ends(tmp_path: Path) -> None:
    """What never gets ready is an error that names it."""
    begun = time.monotonic()
    with pytest.raises(EnvironmentProblem, match="the server was not ready"):
        processes.wait_until(lambda: False, 0.1, "the server")
    assert time.monotonic() - begun < 30


def test_answers_tells_a_server_from_none() -> None:
    """A status below 400 is an answer, anything else is none."""
    with http.server.ThreadingHTTPServer((processes.LOOPBACK, 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://{processes.LOOPBACK}:{server.server_address[1]}"
        assert not processes.answers(url)  # 501
        server.shutdown()
    assert not processes.answers(f"http://{processes.LOOPBACK}:{processes.free_port()}")
