"""Runs independent steps in parallel. A step starts at once and is awaited where its result is needed."""

import contextvars
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from perago_dev.errors import Stopped
from perago_dev.host import commands
from perago_dev.host.stopping import stopping

Result = TypeVar("Result")
WIDTH = 8


class Together:
    """Starts callables in threads, and waits for all of them before the surrounding block ends."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        """Use `pool` for the threads."""
        self._pool = pool
        self._futures: list[Future[object]] = []

    def start(self, work: Callable[[], Result]) -> Callable[[], Result]:
        """Start `work` now; the returned function waits for it, and returns its result or raises its error."""
        future = self._pool.submit(contextvars.copy_context().run, work)
        self._futures.append(future)  # type: ignore[arg-type]  # Future is invariant, and only waited for here
        return future.result

    def wait(self) -> None:
        """Wait for everything that was started; raises the first error, in the order of the starts."""
        for future in self._futures:
            future.result()

    def cause(self, seen: BaseException) -> BaseException:
        """The first error once all steps are over: `seen` itself, unless that only says that it was stopped."""
        if not isinstance(seen, Stopped):
            return seen
        errors = (future.exception() for future in self._futures if not future.cancelled())
        return next((error for error in errors if error and not isinstance(error, Stopped)), seen)


@contextmanager
def together() -> Iterator[Together]:
    """A block in which steps run in parallel; the first error stops the programs of the others and is raised."""
    pool = ThreadPoolExecutor(WIDTH, thread_name_prefix="step")
    group = Together(pool)
    try:
        yield group
        group.wait()
    except BaseException as seen:
        with stopping():
            commands.stop_children()
            pool.shutdown(wait=True, cancel_futures=True)
        if (cause := group.cause(seen)) is not seen:
            raise cause from None
        raise
    finally:
        pool.shutdown(wait=True)
