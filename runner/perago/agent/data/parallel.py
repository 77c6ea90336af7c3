"""Many things at once: one source worked through by several threads, or two coroutines. What they do is not known."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
First = TypeVar("First")
Second = TypeVar("Second")


async def in_threads(
    source: Iterable[Item], workers: Sequence[Callable[[Item], None]], abort: Callable[[], None]
) -> None:
    """Every item through one of the workers, each of which has a thread of its own; `source` is read in those, too.

    The first failure ends the rest and is raised as it is. `abort` must make the calls fail that are under way then,
    and those that wait for the source; it is called on cancellation as well. No thread is left when this returns.
    """
    shared = _Shared(source)
    loop, pool = asyncio.get_running_loop(), ThreadPoolExecutor(len(workers), "perago-data")
    threads = [loop.run_in_executor(pool, shared.work, worker) for worker in workers]
    try:
        await asyncio.wait(threads, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        shared.stop()
        if not all(thread.done() for thread in threads):
            abort()
            await asyncio.wait(threads)
        pool.shutdown()  # every call has returned
        for thread in threads:
            thread.exception()  # all but the first are its consequences
    if shared.failure is not None:
        raise shared.failure


class _Shared(Generic[Item]):
    """A source that several threads take from."""

    def __init__(self, source: Iterable[Item]) -> None:
        self._items = iter(source)
        self._lock = threading.Lock()
        self._stopped = False
        self.failure: BaseException | None = None

    def work(self, worker: Callable[[Item], None]) -> None:
        """Take and work until nothing is left."""
        try:
            while (taken := self._take()) is not None:
                worker(taken[0])
        except BaseException as error:
            with self._lock:
                if self.failure is None and not self._stopped:
                    self.failure = error
                self._stopped = True
            raise

    def _take(self) -> tuple[Item] | None:
        with self._lock:
            if self._stopped:
                return None
            for item in self._items:
                return (item,)
            return None

    def stop(self) -> None:
        """Nothing more is taken."""
        self._stopped = True


@asynccontextmanager
async def group() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group whose first failure cancels the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as tasks:
            yield tasks
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures


async def both(first: Coroutine[Any, Any, First], second: Coroutine[Any, Any, Second]) -> tuple[First, Second]:
    """Both results; the first failure cancels the other one and is raised as it is."""
    async with group() as tasks:
        results = tasks.create_task(first), tasks.create_task(second)
    return results[0].result(), results[1].result()
