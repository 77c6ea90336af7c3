"""An event loop in virtual time. Whenever nothing can go on by itself it asks what happens next, and never waits."""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

Idle = Callable[[float | None], None]
"""Gets the seconds until the next timer, None without one; it wakes a coroutine or lets the time pass."""


class _NeverWaiting(selectors.SelectSelector):
    def __init__(self, idle: Idle) -> None:
        super().__init__()
        self._idle = idle

    def select(self, timeout: float | None = None) -> list[Any]:
        """Called when every coroutine waits, and, with a time-out of 0, also when some can go on."""
        if timeout is None or timeout > 0:
            self._idle(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """What runs in a thread elsewhere is run in place, so that one order of choices gives one course of events."""

    def __init__(self, idle: Idle) -> None:
        self.now = 0.0
        self.failure: Exception | None = None
        """What has stopped the loop too early."""
        super().__init__(_NeverWaiting(idle))
        self.set_exception_handler(self._heard)

    def time(self) -> float:
        """Virtual seconds."""
        return self.now

    def fail(self, error: Exception) -> None:
        """Stop; the first error counts."""
        self.failure = self.failure or error
        self.stop()

    def _heard(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An error of a callback is a mistake; one that nobody asks for is that of a process that has died."""
        error = context.get("exception")
        if "handle" in context and isinstance(error, Exception):
            self.fail(error)

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """The result is there at once."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is raised where the result is awaited
            future.set_exception(error)
        return future
