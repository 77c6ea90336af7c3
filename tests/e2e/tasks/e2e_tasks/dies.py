"""Ends its process silently."""

import os
import sys

import perago
from e2e_tasks.shapes import Answer, Numbers


@perago.task(name="e2e-dies", owner_email="tests@example.com")
def body(params: Numbers) -> Answer:
    """Leave last words on standard error and exit behind the core's back."""
    print(f"last words: {params.text}", file=sys.stderr, flush=True)  # noqa: T201 -- the log is what is tested
    os._exit(7)
