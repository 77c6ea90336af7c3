"""Raises at once what no author expects."""

import perago
from e2e_tasks.shapes import Answer, Numbers


@perago.task(name="e2e-raises", owner_email="tests@example.com")
def body(params: Numbers) -> Answer:
    """Print, and look up a key that is not there."""
    print(f"looking for {params.text}")  # noqa: T201 -- the log is what is tested
    counts: dict[str, int] = {}
    return Answer(text=str(counts[params.text]))
