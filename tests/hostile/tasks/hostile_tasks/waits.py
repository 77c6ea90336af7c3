"""Waits until somebody makes /tmp/go in its container."""

import time
from pathlib import Path

from pydantic import BaseModel

import perago


class Nothing(BaseModel):
    """No parameters."""


class Done(BaseModel):
    """It went on."""

    done: bool = True


@perago.task(name="hostile-waits", owner_email="tests@example.com")
def body(params: Nothing) -> Done:
    """Pass the time."""
    while not Path("/tmp/go").exists():
        time.sleep(0.1)
    return Done()
