"""A task without a workspace."""

import time

import perago
from e2e_tasks.shapes import Answer, Numbers


@perago.task(name="e2e-free", owner_email="tests@example.com")
def body(params: Numbers) -> Answer:
    """Sleep and answer."""
    time.sleep(params.delay)
    return Answer(text=params.text)
