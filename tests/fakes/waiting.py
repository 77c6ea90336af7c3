"""Waiting for what other asyncio tasks do, without a clock deciding: the test's own time-out is the limit."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until the condition holds."""
    while not condition():  # noqa: ASYNC110 -- any change may be the one
        await asyncio.sleep(0)
