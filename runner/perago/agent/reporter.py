"""Tells in the status and in the log what takes long: an outage while it lasts, and how far a transfer is.

It looks every few seconds, and says only what has lasted since the look before and has changed: a short transfer, a
hiccup or a standstill costs no write. It decides nothing.
"""

import asyncio
from dataclasses import dataclass
from typing import Final, Protocol

from loguru import logger

from perago import wire
from perago.agent.underway import Moved, Underway, Wait

PERIOD_SECONDS: Final = 5.0
UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


class Posts(Protocol):
    """Takes reports without waiting; see `perago.agent.status.StatusWriter`."""

    def post(self, report: wire.StatusReport) -> None: ...


@dataclass
class Reporter:
    """Reports for one attempt."""

    underway: Underway
    status: Posts
    period: float = PERIOD_SECONDS
    _said_wait: Wait | None = None
    _said_moved: Moved | None = None

    async def run(self) -> None:
        """Look for ever; cancel it at the end."""
        while True:
            await asyncio.sleep(self.period)
            self.look()

    def look(self) -> None:
        """Report what is new, with one patch at most."""
        cleared: list[wire.Cleared] = []
        waiting, transfer = self._waiting(cleared), self._transfer(cleared)
        if waiting or transfer or cleared:
            self.status.post(wire.StatusReport(waiting=waiting, transfer=transfer, cleared=tuple(cleared)))

    def _waiting(self, cleared: list[wire.Cleared]) -> wire.WaitingReport | None:
        wait = self.underway.longest_wait()
        if wait is not None and (self.underway.now() - wait.since).total_seconds() < self.period:
            wait = None
        if wait == self._said_wait:
            return None
        self._said_wait = wait
        if wait is None:
            logger.info("nothing is waited for any more")
            cleared.append("waiting")
            return None
        logger.warning("waiting for {} since {}, until {}: {}", wait.server, wait.since, wait.until, wait.error)
        return wire.WaitingReport(server=wait.server, since=wait.since, until=wait.until, error=wait.error[:1024])

    def _transfer(self, cleared: list[wire.Cleared]) -> wire.TransferReport | None:
        moved, before = self.underway.transfer(), self._said_moved
        if moved is None or moved.seconds < self.period:
            self._said_moved = None
            if before is not None:
                cleared.append("transfer")
            return None
        if before is not None and (before.objects, before.bytes) == (moved.objects, moved.bytes):
            return None
        self._said_moved = moved
        report = transfer_report(moved, before)
        logger.info("{}", report.summary)
        return report


def transfer_report(moved: Moved, before: Moved | None) -> wire.TransferReport:
    """What the status says of a transfer; its rate is that since the report before."""
    start = before or Moved(0, 0, 0.0)
    rate = int((moved.bytes - start.bytes) / max(moved.seconds - start.seconds, 1e-3))
    parts = [f"{moved.objects} objects", _amount(moved.bytes), f"{_amount(rate)}/s"]
    if moved.objects_left is not None:
        parts.append(f"{moved.objects_left} objects left")
    if moved.bytes_left is not None:
        parts.append(f"{_amount(moved.bytes_left)} left")
    if moved.cached_objects:
        parts.append(f"{moved.cached_objects} objects ({_amount(moved.cached_bytes)}) from the node cache")
    return wire.TransferReport(
        objects=moved.objects,
        bytes=moved.bytes,
        bytes_per_second=rate,
        objects_left=moved.objects_left,
        bytes_left=moved.bytes_left,
        summary=", ".join(parts),
    )


def _amount(size: int) -> str:
    amount, unit = float(size), UNITS[0]
    for unit in UNITS:
        if amount < 1024 or unit == UNITS[-1]:
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == UNITS[0] else f"{amount:.1f} {unit}"
