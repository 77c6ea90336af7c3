"""Holds a workspace; on SIGUSR1 a process of its own crashes where a dump can be written."""

import ctypes
import os
import signal
import time
from pathlib import Path

import perago
from hostile_tasks.waits import Done, Nothing


@perago.task(name="hostile-holds", owner_email="tests@example.com", workspace=perago.WorkspaceSpec(read_only=True))
def body(workspace: Path, params: Nothing) -> Done:
    """Pass the time."""
    os.chdir("/tmp")
    signal.signal(signal.SIGUSR1, _crash)
    time.sleep(3600)
    return Done()


def _crash(*_: object) -> None:
    """The pod has to go on: its volumes would go with it, and the dump with them."""
    child = os.fork()
    if child == 0:
        ctypes.string_at(0)
    os.waitpid(child, 0)
    Path("/tmp/crashed").touch()
