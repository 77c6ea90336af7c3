"""What every background loop needs: a way to survive its own faults, to wait before the next try, and to end."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TypeVar

from loguru import logger

T = TypeVar("T")

AGAIN_SECONDS = 10.0


async def lasting(name: str, step: Callable[[], Awaitable[None]], *, pause: float = AGAIN_SECONDS) -> None:
    """Run the step until it returns; one that raises is logged with its traceback and run again after a pause."""
    while True:
        try:
            return await step()
        except Exception:  # noqa: BLE001 -- the edge: a fault of ours must neither end the loop nor pass in silence
            logger.exception("{}: internal error; retrying in {:.0f} s", name, pause)
        await asyncio.sleep(pause)


async def first_of(*parts: Awaitable[object]) -> int:
    """Wait until one of the parts ends; returns its position, or raises what it raised.

    The other parts go on if they are tasks of the caller's; coroutines are canceled, and have ended on return.
    """
    tasks = [asyncio.ensure_future(part) for part in parts]
    own = [task for task, part in zip(tasks, parts, strict=True) if task is not part]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _canceled(own)
    ended = [number for number, task in enumerate(tasks) if task in done]
    for number in ended:
        if not tasks[number].cancelled():
            tasks[number].result()
    return ended[0]


async def _canceled(tasks: Collection[asyncio.Future[T]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def end(tasks: Iterable[asyncio.Task[None]], seconds: float) -> frozenset[asyncio.Task[None]]:
    """Wait this long for the tasks, then cancel those that are left, which are returned. All have ended on return."""
    tasks = tuple(tasks)
    if not tasks:
        return frozenset()
    _, late = await asyncio.wait(tasks, timeout=max(seconds, 0.0))
    await _canceled(late)
    return frozenset(late)


async def all_of(events: Iterable[asyncio.Event]) -> None:
    """Wait until every event has been set."""
    for event in events:
        await event.wait()


class Backoff:
    """Waits between tries of one thing that fails: doubling from `first` to `cap` seconds, with jitter."""

    def __init__(self, first: float = 0.2, cap: float = 10.0) -> None:
        self._first = first
        self._cap = cap
        self._failures = 0

    def succeeded(self) -> None:
        """The next wait is a short one again."""
        self._failures = 0

    async def wait(self, what: str, error: Exception, *, unless: asyncio.Event | None = None) -> None:
        """Log the failure and wait before the next try, at most until the event `unless` is set."""
        delay = self.delay()
        logger.warning("{}: {}; retrying in {:.1f} s", what, error, delay)
        await (asyncio.sleep(delay) if unless is None else within(delay, unless))

    def delay(self) -> float:
        """Count a failure; returns the seconds to wait after it, spread over the upper half of their length."""
        longest = min(self._cap, self._first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return longest * random.uniform(0.5, 1.0)


async def within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for the event, but not longer than this; returns whether it was set."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
