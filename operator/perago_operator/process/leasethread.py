"""The Lease on a thread of its own, so that no other work of this process makes its renewal late.

With many attempts at once, or on a busy machine, the operator's event loop may be late by more than the Lease lasts.
Here `Leadership` runs in another event loop, whose thread does nothing else. That thread must not keep a replica the
leader whose own event loop hangs: it asks that loop for a sign of life, and gives up without one.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from threading import Thread

from loguru import logger

from perago_operator.loops import first_of
from perago_operator.process.afresh import SIGNALS
from perago_operator.process.leader import Leadership, LeadershipLost

HANG_SECONDS = 30.0
"""How long the operator's event loop may give no sign of life. A busy loop comes around within seconds. One that hangs
is ended by the kubelet, whose liveness probe of the chart has the same patience (three probes, 10 s apart); and where
there is no probe, another replica leads after this time and the Lease's duration."""
LOOK_SECONDS = 1.0
"""The time between two questions to that loop."""

Contend = Callable[[], AbstractAsyncContextManager[Leadership]]
"""Opens what a `Leadership` needs, in the event loop that renews the Lease."""


class LeaseThread:
    """`leader.Candidacy` of another thread's event loop; its methods are called in the operator's own."""

    def __init__(
        self,
        leadership: Leadership,
        operators: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        look_seconds: float,
    ) -> None:
        """To be made in the event loop that renews the Lease; `operators` is the one that works."""
        self._leadership = leadership
        self._operators = operators
        self._clock = clock
        self._look_seconds = look_seconds
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._alive_at = clock()

    @property
    def leading(self) -> bool:
        return self._leadership.leading

    @property
    def renewed_at(self) -> float:
        return self._leadership.renewed_at

    @property
    def lease_uid(self) -> str:
        return self._leadership.lease_uid

    async def acquire(self) -> None:
        await self._there(self._leadership.acquire)

    async def hold(self) -> None:
        """Leadership is also lost when the operator's event loop gives no sign of life for `HANG_SECONDS`."""
        await self._there(self._hold)

    async def release(self) -> None:
        await self._there(self._leadership.release)

    async def _there(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run it on the Lease's thread. What is canceled here has ended there before the next work begins."""
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._in_turn(work), self._loop))

    async def _in_turn(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        async with self._turn:
            await work()

    async def _hold(self) -> None:
        self._alive_at = self._clock()
        await first_of(self._leadership.hold(), self._until_hung())

    async def _until_hung(self) -> None:
        """Raises LeadershipLost once the operator's event loop has not come around for too long."""
        while (silent := self._clock() - self._alive_at) < HANG_SECONDS:
            self._operators.call_soon_threadsafe(self._give_sign)
            await asyncio.sleep(self._look_seconds)
        self._leadership.leading = False
        hung = f"the operator's event loop has not come around for {silent:.0f} s"
        logger.error("{}: the Lease is not renewed any more", hung)
        raise LeadershipLost(hung)

    def _give_sign(self) -> None:
        """Called in the operator's event loop."""
        self._alive_at = self._clock()


@asynccontextmanager
async def on_a_thread(
    contend: Contend, clock: Callable[[], float], *, look_seconds: float = LOOK_SECONDS
) -> AsyncIterator[LeaseThread]:
    """A candidacy on a thread that begins here, and has ended afterwards; raises what `contend` raises."""
    operators, ready, over = asyncio.get_running_loop(), Future[LeaseThread](), Future[None]()

    async def live() -> None:
        async with contend() as leadership:
            ready.set_result(LeaseThread(leadership, operators, clock, look_seconds))
            await asyncio.wrap_future(over)
            await leadership.release()  # it may have been acquired while nobody waited for it any more

    ready.set_running_or_notify_cancel()  # nobody can cancel it any more
    thread = Thread(target=_run, args=(live, ready), name="lease", daemon=True)
    thread.start()
    try:
        yield await asyncio.wrap_future(ready)
    finally:
        over.set_result(None)
        await asyncio.to_thread(thread.join)


def _run(live: Callable[[], Coroutine[None, None, None]], ready: "Future[LeaseThread]") -> None:
    """The thread. Signals are the main thread's alone: `afresh` holds them back there while it begins again."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        asyncio.run(live())
    except Exception as error:
        if ready.done():
            raise
        ready.set_exception(error)
