"""How background loops go on: what is logged and run again, and how long to wait before the next try."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from loguru import logger

AGAIN_SECONDS = 10.0


async def lasting(name: str, step: Callable[[], Awaitable[None]], *, pause: float = AGAIN_SECONDS) -> None:
    """Run the step until it returns; one that raises is logged with its traceback and run again after a pause."""
    while True:
        try:
            return await step()
        except Exception:  # noqa: BLE001 -- the edge itself
            logger.exception("{}: a fault of the operator's; again in {:.0f} s", name, pause)
        await asyncio.sleep(pause)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits between `first` and `cap` seconds, each spread over the upper half of its length."""

    first: float = 0.2
    cap: float = 10.0

    def delay(self, failures: int, chance: Callable[[], float]) -> float:
        """Seconds to wait after this many failures in a row (from 1); `chance` gives numbers from 0 to 1."""
        whole = min(self.cap, self.first * 2.0 ** min(failures - 1, 30))
        return whole * (0.5 + chance() / 2)
