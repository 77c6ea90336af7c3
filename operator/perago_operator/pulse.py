"""Heartbeats beside work that takes long: a call that hangs must not let its own Conductor task time out.

A look at an attempt carries out one action after the other. While it waits for an answer that is long in coming,
heartbeats that become due are sent beside it, and none beside another call about the same task. It knows neither
attempts nor calls.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

LEAST_SECONDS = 1.0
"""Before the first beat, since the work begins with what is due, and between two."""


class Pulse:
    """Around the work: `beat` sends what is due, and returns in how many seconds something is again; None: never."""

    def __init__(self, beat: Callable[[], Awaitable[float | None]], first: float | None) -> None:
        self.beaten = False
        """A beat was sent beside the work."""
        self.still = asyncio.Lock()
        """Held during a beat, and by whoever must not be disturbed by one."""
        self._beat = beat
        self._first = first
        self._over = False
        self._timer: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Pulse":
        self._wind_up(self._first)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """A beat under way is awaited, for what comes next may call Conductor at once; it is canceled with the work."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._beating is not None:
            if kind is not None:
                self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=kind is not None)

    def _wind_up(self, seconds: float | None) -> None:
        if seconds is not None and not self._over:
            self._timer = asyncio.get_running_loop().call_later(max(seconds, LEAST_SECONDS), self._strike)

    def _strike(self) -> None:
        self._timer = None
        self._beating = asyncio.get_running_loop().create_task(self._once(), name="heartbeat beside other work")

    async def _once(self) -> None:
        async with self.still:
            self.beaten = True
            seconds = await self._beat()
        self._wind_up(seconds)
