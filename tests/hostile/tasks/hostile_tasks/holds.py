"""Holds a workspace, and crashes on SIGUSR1 where a dump of it can be written."""

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
    signal.signal(signal.SIGUSR1, lambda *_: ctypes.string_at(0))
    time.sleep(3600)
    return Done()
