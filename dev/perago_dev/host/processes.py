"""Starts a server as a child process on loopback, waits until it answers, and stops it by its process id."""

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from perago_dev.errors import EnvironmentProblem
from perago_dev.host import proxies
from perago_dev.host.commands import tail, tied

LOOPBACK = "127.0.0.1"
STOP_SECONDS = 10.0
INTERVAL = 0.2
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody is listening at the moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def answers(url: str, seconds: float = 3.0) -> bool:
    """Whether a GET of `url` returns a status below 400; servers on this host are called without a proxy."""
    opener = _DIRECT if proxies.is_own(url) else urllib.request.build_opener()
    try:
        with opener.open(url, timeout=seconds):
            return True
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def listens(address: tuple[str, int], seconds: float = 3.0) -> bool:
    """Whether somebody takes connections at an address."""
    try:
        with socket.create_connection(address, timeout=seconds):
            return True
    except OSError:
        return False


def wait_until(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Call `ready` until it returns True. Raises EnvironmentProblem after `seconds`."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise EnvironmentProblem(f"{what} was not ready within {seconds:.0f} s")
        time.sleep(INTERVAL)


@contextmanager
def child(
    command: Sequence[str],
    log: Path,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stop_seconds: float = STOP_SECONDS,
) -> Iterator[subprocess.Popen[bytes]]:
    """The running command, with all its output in `log`; at the end it is stopped, and killed if it does not stop."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        process = subprocess.Popen(tied(command), stdout=sink, stderr=sink, cwd=cwd, env=env)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(stop_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_child(process: subprocess.Popen[bytes], ready: Callable[[], bool], seconds: float, log: Path) -> None:
    """Wait until the child is ready. Raises EnvironmentProblem with its last output if it ends or takes longer."""

    def ready_or_over() -> bool:
        if process.poll() is not None:
            last = tail(log.read_text(errors="replace"))
            raise EnvironmentProblem(f"{log.stem} ended with exit code {process.returncode}:\n{last}")
        return ready()

    wait_until(ready_or_over, seconds, f"{log.stem} (its log: {log})")
