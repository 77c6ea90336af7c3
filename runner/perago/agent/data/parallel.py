"""Many things at once, a bounded number in flight, the source read ahead. It knows nothing of what is done."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

Item = TypeVar("Item")
First = TypeVar("First")
Second = TypeVar("Second")

READ_AHEAD = 2000
"""Items fetched from the source before they are worked on: two pages of a listing."""


async def in_parallel(source: AsyncIterable[Item], work: Callable[[Item], Awaitable[None]], width: int) -> None:
    """`work` on every item with `width` under way; the first failure cancels the rest and is raised as it is."""
    queue: asyncio.Queue[Item | None] = asyncio.Queue(READ_AHEAD)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_fill(queue, source, width))
            for _ in range(width):
                group.create_task(_drain(queue, work))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures


async def both(first: Coroutine[Any, Any, First], second: Coroutine[Any, Any, Second]) -> tuple[First, Second]:
    """Both results; the first failure cancels the other one and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = group.create_task(first), group.create_task(second)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    return tasks[0].result(), tasks[1].result()


async def _fill(queue: asyncio.Queue[Item | None], source: AsyncIterable[Item], width: int) -> None:
    async for item in source:
        await queue.put(item)
    for _ in range(width):
        await queue.put(None)


async def _drain(queue: asyncio.Queue[Item | None], work: Callable[[Item], Awaitable[None]]) -> None:
    while (item := await queue.get()) is not None:
        await work(item)


async def stream(items: Iterable[Item]) -> AsyncIterator[Item]:
    """A plain iterable as a source."""
    for item in items:
        yield item
