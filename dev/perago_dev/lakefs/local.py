"""A development server of one's own, as a child process on loopback, for tests and local use. Stdlib only."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

START_SECONDS = 30.0
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Server:
    """A lakeFS API to talk to: `endpoint` has no path (clients add `/api/v1`). `pid` is 0 when it is not ours."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    pid: int = 0


@contextmanager
def local_server(data_dir: Path, *, access_key: str = "", secret_key: str = "") -> Iterator[Server]:
    """Serves `data_dir` on a free port of loopback until the block ends; keys are made up unless given.

    Raises:
        RuntimeError: the server ended or did not answer in time; with its output.
    """
    access_key, secret_key = access_key or "AKIA" + secrets.token_hex(8).upper(), secret_key or secrets.token_hex(20)
    data_dir.mkdir(parents=True, exist_ok=True)
    port_file, log_file = data_dir / "port", data_dir / "server.log"
    port_file.unlink(missing_ok=True)
    environment = os.environ | {"LAKEFS_ACCESS_KEY_ID": access_key, "LAKEFS_SECRET_ACCESS_KEY": secret_key}
    command = [sys.executable, "-m", "perago_dev.lakefs", "serve", "--port", "0", "--data", str(data_dir)]
    with log_file.open("ab") as log:
        process = subprocess.Popen([*command, "--port-file", str(port_file)], env=environment, stdout=log, stderr=log)
    try:
        port = _await_port(process, port_file, log_file)
        yield Server(f"http://127.0.0.1:{port}", access_key, secret_key, process.pid)
    finally:
        _stop(process)


def _await_port(process: "subprocess.Popen[bytes]", port_file: Path, log_file: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if port_file.exists():
            return int(port_file.read_text())
        time.sleep(0.02)
    raise RuntimeError(f"the development lakeFS did not start:\n{log_file.read_text()}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
