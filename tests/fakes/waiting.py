"""Waiting for what other asyncio tasks do: by letting them run, not by a clock."""

import asyncio
from collections.abc import Callable

PATIENCE = 5.0
"""Seconds after which a condition counts as never to hold: the test fails instead of hanging."""


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until the condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 -- any change may be the one
            await asyncio.sleep(0)
