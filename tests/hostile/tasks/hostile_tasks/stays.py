"""Waits before it has asked its agent for anything: while it is imported, its agent has said hello alone."""

import time

import perago
from hostile_tasks.waits import Done, Nothing

time.sleep(3600)


@perago.task(name="hostile-stays", owner_email="tests@example.com", workspace=perago.WorkspaceSpec(read_only=True))
def body(workspace: object, params: Nothing) -> Done:
    """Never comes."""
    return Done()
