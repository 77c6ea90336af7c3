"""Takes more memory than it may have."""

import perago
from e2e_tasks.shapes import Answer, Numbers


@perago.task(name="e2e-hungry", owner_email="tests@example.com")
def body(params: Numbers) -> Answer:
    """Fill memory with pages that are really there."""
    pages = [bytearray(b"x") * (16 << 20) for _ in range(64)]
    return Answer(text=params.text, files=len(pages))
