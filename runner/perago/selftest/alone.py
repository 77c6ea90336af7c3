"""A task without a workspace."""

from pydantic import BaseModel

import perago


class Given(BaseModel):
    """Anything."""

    text: str


@perago.task(name="perago_selftest_alone", owner_email="nobody@example.com")
def body(params: Given) -> Given:
    """Give back what was given."""
    return params
