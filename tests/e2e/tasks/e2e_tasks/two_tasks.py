"""Declares two tasks, where one is allowed."""

import perago
from e2e_tasks.shapes import Answer, Numbers


@perago.task(name="e2e-first", owner_email="tests@example.com")
def first(params: Numbers) -> Answer:
    """One."""
    return Answer(text=params.text)


@perago.task(name="e2e-second", owner_email="tests@example.com")
def second(params: Numbers) -> Answer:
    """Two."""
    return Answer(text=params.text)
