"""Which attempts to look at, and when: one task for each, never two for the same one, a limited number at work.

The same promises as client-go's work queue. It knows keys and a function that looks at one, not what that does.
"""

import asyncio
from collections.abc import Awaitable, Callable

from loguru import logger

from perago_operator.api.shared import Key
from perago_operator.loops import end

Look = Callable[[Key], Awaitable[float | None]]
"""Looks at one object; returns in how many seconds to look again although nothing happens, or None."""


class WorkQueue:
    """Keys that are due; `add` may be called before `start`, and nothing is looked at until then.

    A look that raises is a fault of ours: it is logged, and repeated after `fault_seconds`.
    """

    def __init__(self, look: Look, *, concurrency: int, fault_seconds: float) -> None:
        self._look = look
        self._concurrency = concurrency
        self._fault_seconds = fault_seconds
        self._started = False
        self._due: dict[Key, None] = {}
        """Keys that wait for a slot, in their order. As tasks, thousands would run before the event loop looks at its
        sockets again."""
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._again: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}

    @property
    def active(self) -> int:
        """How many objects are being looked at, or wait for a slot."""
        return len(self._running) + len(self._due)

    def start(self) -> None:
        """Look at everything that was added so far."""
        self._started = True
        waiting, self._again = self._again, set()
        for key in waiting:
            self.add(key)

    async def stop(self, seconds: float) -> None:
        """Begin no more looks, and wait this long for those under way."""
        self._cease()
        await end(self._running.values(), seconds)

    def kill(self) -> None:
        """End at once, looks under way included."""
        self._cease()
        for task in self._running.values():
            task.cancel()

    def _cease(self) -> None:
        self._started = False
        self._due.clear()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def add(self, key: Key, delay: float = 0.0) -> None:
        """Look at the object, now or after this many seconds; looks that are due together are one."""
        if delay > 0:
            self._cancel_timer(key)
            self._timers[key] = asyncio.get_running_loop().call_later(delay, self._timer_fired, key)
        elif not self._started or key in self._running:
            self._again.add(key)
        else:
            self._due[key] = None
            self._fill_slots()

    def _timer_fired(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _cancel_timer(self, key: Key) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()

    def _fill_slots(self) -> None:
        while self._due and len(self._running) < self._concurrency:
            key = next(iter(self._due))
            del self._due[key]
            self._run(key)

    def _run(self, key: Key) -> None:
        task = asyncio.get_running_loop().create_task(self._work(key), name=f"attempt {key}")
        self._running[key] = task
        task.add_done_callback(lambda _: self._done(key))

    def _done(self, key: Key) -> None:
        del self._running[key]
        if key in self._again and self._started:
            self._again.discard(key)
            self._due[key] = None
        self._fill_slots()

    async def _work(self, key: Key) -> None:
        self._again.discard(key)
        self._cancel_timer(key)
        try:
            delay = await self._look(key)
        except Exception:  # noqa: BLE001 -- the edge of one object: a fault of ours must not stop the others
            logger.exception("attempt {}: internal error; looking again in {:.0f} s", key, self._fault_seconds)
            delay = self._fault_seconds
        if delay is not None:
            self.add(key, delay)
