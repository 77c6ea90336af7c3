"""The edge of a background loop: a fault of ours in one must neither stop it silently nor take the others along."""

import asyncio
from collections.abc import Awaitable, Callable

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
