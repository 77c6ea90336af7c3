"""Agents and tasks as processes of their own, forked from one that has imported what both need.

The imports take most of the life of such a process, and the suite starts some 200 of them. A test whose subject is the
start or the memory of a process starts Python anew: `anew`.
"""

import asyncio
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Protocol

from perago.agent.__main__ import serve
from perago.agent.listen import listen
from perago.agent.mounts import Mounts
from perago.taskside.__main__ import main as task_side

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload([__name__, "perago.agent.run"])


class Process(Protocol):
    """What `asyncio.subprocess.Process` and `Forked` have in common."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def returncode(self) -> int | None:
        """As in `subprocess.Popen`; None while it runs."""

    async def wait(self) -> int:
        """Wait until it has ended; its exit code, or minus the signal that ended it."""

    def send_signal(self, signal: int, /) -> None:
        """Send it a signal."""

    def kill(self) -> None:
        """End it by SIGKILL."""

    def terminate(self) -> None:
        """Send it SIGTERM."""


class Forked:
    """A process of the fork server, with the methods of `asyncio.subprocess.Process` that the tests call."""

    def __init__(self, target: Callable[..., int], *args: Any) -> None:
        """Start it: `target` gets `args` and returns the exit code."""
        self._process: ForkServerProcess = FORKING.Process(target=_ending, args=(target, *args))
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """As in `subprocess.Popen`; None while it runs."""
        return self._process.exitcode

    async def wait(self) -> int:
        """Wait until it has ended; its exit code, or minus the signal that ended it."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, signal: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.returncode is None:
            os.kill(self.pid, signal)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Send it SIGTERM."""
        self.send_signal(signal.SIGTERM)


async def anew(module: str, *args: str, log: Path) -> Process:
    """Start `module` in a Python of its own; its log is appended to a file."""
    with log.open("ab") as stream:
        return await asyncio.create_subprocess_exec(sys.executable, "-m", module, *args, stderr=stream)


def agent(order: str, mounts: str, log: str = "") -> int:
    """Run an agent with the mounts of a test (JSON); its log is appended to a file."""
    if log:
        _write_to(log, sys.stderr.fileno())
    given = json.loads(mounts)
    return serve(
        order,
        made := Mounts(
            workspace=Path(given["workspace"]),
            socket=Path(given["socket"]),
            lakefs=Path(given["lakefs"]),
            conductor=Path(given["conductor"]),
            cluster=Path(given["cluster"]),
            node_cache=Path(given.get("node_cache", "/nonexistent")),
            api_server=given["api_server"],
            peer=tuple(given.get("peer", (os.getuid(), os.getgid()))),
        ),
        listen(str(made.socket)),
    )


def task(socket: str, folder: str, log: str) -> int:
    """Run the task side in a folder of task modules, in a bare environment; its output is appended to a file."""
    _write_to(log, sys.stdout.fileno(), sys.stderr.fileno())
    os.chdir(folder)
    sys.path.insert(0, "")
    kept = {"PATH": os.environ["PATH"], "HOME": "/tmp"}
    os.environ.clear()
    os.environ.update(kept)
    return task_side(socket)


def _write_to(log: str, *descriptors: int) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for descriptor in descriptors:
        os.dup2(file, descriptor)
    os.close(file)


def _ending(target: Callable[..., int], *args: Any) -> None:
    sys.exit(target(*args))


if __name__ == "__main__":
    sys.exit(agent(*sys.argv[1:]))
