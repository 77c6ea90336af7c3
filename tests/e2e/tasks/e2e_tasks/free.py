"""A task without a workspace."""

import perago
from e2e_tasks.shapes import Answer, Numbers, rest


@perago.task(name="e2e-free", owner_email="tests@example.com")
def body(params: Numbers) -> Answer:
    """Rest, and answer."""
    rest(params)
    return Answer(text=params.text)
