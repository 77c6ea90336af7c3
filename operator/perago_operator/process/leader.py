"""One replica leads: a coordination Lease that the leader renews and the others wait for.

The same rules as client-go's leader election, so that kubectl and other clients read the Lease alike. Times written by
other replicas are never compared with our clock: a Lease has expired when *we* saw it unchanged for its duration.
`next_write` decides and is pure; `Leadership` waits and writes.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from loguru import logger

from perago_operator.ports import Conflict, Lease, Leases, PortError


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds: how long a Lease holds unrenewed, when a leader gives up renewing, and the time between tries."""

    duration: float = 15.0
    deadline: float = 10.0
    retry: float = 2.0


class LeadershipLost(Exception):
    """The Lease was not renewed in time or is someone else's: stop at once, another replica may be working."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A Lease and when, on our own clock, it was first seen like this."""

    lease: Lease
    since: float


def observe(earlier: Observed | None, lease: Lease, now: float) -> Observed:
    """What is known after reading `lease`: a Lease that has not changed was not renewed."""
    unchanged = earlier is not None and earlier.lease == lease
    return earlier if unchanged and earlier is not None else Observed(lease, now)


def next_write(observed: Observed, identity: str, now: float, wall: str, duration: float) -> Lease | None:
    """The Lease to write to lead or go on leading; None while another replica holds it."""
    lease = observed.lease
    if lease.holder == identity:
        return replace(lease, renewed=wall, duration_seconds=int(duration))
    if lease.holder and now - observed.since < lease.duration_seconds:
        return None
    return Lease(
        holder=identity,
        duration_seconds=int(duration),
        acquired=wall,
        renewed=wall,
        transitions=lease.transitions + (1 if lease.version else 0),
        version=lease.version,
    )


def wall_time(moment: datetime) -> str:
    """`metav1.MicroTime`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Leadership:
    """This replica's part in the election. `clock` counts seconds and only grows; `wall` is what others read."""

    def __init__(
        self,
        leases: Leases,
        identity: str,
        *,
        clock: Callable[[], float],
        wall: Callable[[], datetime],
        terms: Terms | None = None,
    ) -> None:
        self._leases = leases
        self._identity = identity
        self._clock = clock
        self._wall = wall
        self._terms = terms or Terms()
        self._observed: Observed | None = None
        self.leading = False

    async def acquire(self) -> None:
        """Return once this replica leads."""
        holder = None
        while not await self._try():
            seen = self._observed.lease.holder if self._observed else ""
            if seen != holder:
                logger.info("standing by: {} leads", seen or "nobody yet")
                holder = seen
            await asyncio.sleep(self._terms.retry)
        self.leading = True
        logger.info("{} leads from now on", self._identity)

    async def hold(self) -> None:
        """Renew until canceled; raises LeadershipLost when that did not succeed for `terms.deadline` seconds."""
        renewed_at = self._clock()
        while True:
            await asyncio.sleep(self._terms.retry)
            left = renewed_at + self._terms.deadline - self._clock()
            try:
                async with asyncio.timeout(max(left, 0.0)):
                    renewed = await self._try()
            except TimeoutError:
                renewed = False
            if renewed:
                renewed_at = self._clock()
            elif self._taken() or self._clock() - renewed_at >= self._terms.deadline:
                self.leading = False
                raise LeadershipLost(f"the lease was not renewed for {self._clock() - renewed_at:.0f} s")

    async def release(self) -> None:
        """Give the Lease up, so that another replica need not wait for its end; best effort."""
        self.leading = False
        lease = self._observed.lease if self._observed else Lease()
        if lease.holder != self._identity:
            return
        try:
            await self._leases.write(replace(lease, holder="", duration_seconds=1, renewed=wall_time(self._wall())))
        except PortError as error:
            logger.warning("the lease was not released and runs out by itself: {}", error)

    def _taken(self) -> bool:
        return self._observed is not None and self._observed.lease.holder not in ("", self._identity)

    async def _try(self) -> bool:
        """Read, and write if the Lease is free or ours; True when it is ours afterwards."""
        try:
            self._observed = observe(self._observed, await self._leases.read(), self._clock())
            wanted = next_write(
                self._observed, self._identity, self._clock(), wall_time(self._wall()), self._terms.duration
            )
            if wanted is None:
                return False
            self._observed = Observed(await self._leases.write(wanted), self._clock())
        except Conflict:
            return False
        except PortError as error:
            logger.warning("the lease cannot be read or written: {}", error)
            return False
        return True
