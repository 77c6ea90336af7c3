"""Waiting for what other asyncio tasks do: by letting them run, not by a clock."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds after which a condition counts as never to hold: the test fails instead of hanging."""


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until the condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 -- any change may be the one
            await asyncio.sleep(0)


async def in_time(work: Awaitable[T]) -> T:
    """The result of work that should end by itself; a fault that keeps it going fails the test within seconds."""
    async with asyncio.timeout(PATIENCE):
        return await work
