"""Puts its things in order when its pod is asked to end."""

import signal
import threading
from pathlib import Path

from pydantic import BaseModel

import perago

asked = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: asked.set())


class Nothing(BaseModel):
    pass


@perago.task(name="heeds", owner_email="team@example.com", workspace=perago.WorkspaceSpec())
def heeds(workspace: Path, params: Nothing) -> Nothing:
    (workspace / "began").write_text("")
    asked.wait()
    (workspace / "order").write_text("restored")
    return Nothing()
