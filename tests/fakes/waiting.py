"""Waiting for what other asyncio tasks do: by letting them run, not by a clock."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds after which a condition counts as never to hold: the test fails instead of hanging."""
OF_SERVERS = 120.0
"""The same where another process has its part in it."""


async def until(condition: Callable[[], bool], seconds: float = PATIENCE, pause: float = 0) -> None:
    """Let other tasks run until the condition holds; `pause` leaves the processor to other processes."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 -- any change may be the one
            await asyncio.sleep(pause)


async def until_a_server(condition: Callable[[], bool]) -> None:
    """As `until`, where another process has its part in it."""
    await until(condition, OF_SERVERS, 0.01)


async def in_time(work: Awaitable[T], seconds: float = PATIENCE) -> T:
    """The result of work that should end by itself; a fault that keeps it going fails the test within seconds."""
    async with asyncio.timeout(seconds):
        return await work
