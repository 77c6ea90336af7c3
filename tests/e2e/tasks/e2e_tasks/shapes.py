"""Parameters and results that the test tasks share, and how a body passes its time."""

import time
from pathlib import Path

from pydantic import BaseModel

GO = Path("/tmp/go")


class Numbers(BaseModel):
    """`delay` is how long a body sleeps, in seconds; `text` goes into what it writes.

    With `waits` a body goes on only when the test says so, by making the file GO in the task's container.
    """

    delay: float = 0.0
    text: str = "hello"
    waits: bool = False


class Answer(BaseModel):
    """What a test task returns."""

    text: str
    files: int = 0


def rest(params: Numbers) -> None:
    """Pass the time as the test asks."""
    time.sleep(params.delay)
    while params.waits and not GO.exists():
        time.sleep(0.1)
