"""One replica leads: a coordination Lease that the leader renews and the others wait for.

The same rules as client-go's leader election, so that kubectl and other clients read the Lease alike. Times written by
other replicas are never compared with our clock: a Lease has expired when *we* saw it unchanged for its duration.
`next_write` decides and is pure; `Leadership` waits and writes, and knows of no thread (`leasethread` does).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from loguru import logger

from perago.wire.times import micro_timestamp
from perago_operator.ports import Conflict, Lease, Leases, PortError


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds: how long an unrenewed Lease holds, when a leader gives up renewing it, and the time between tries.

    The first request of a try may take `longest_try`: a connection that died unnoticed must not use up the whole
    deadline. The second one goes out on a connection that has just answered, and may take what is left of it.
    """

    duration: float = 15.0
    deadline: float = 10.0
    retry: float = 2.0
    longest_try: float = 3.0


class LeadershipLost(Exception):
    """The Lease was not renewed in time or is another replica's: stop at once, that one may be working."""


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


class Candidacy(Protocol):
    """This replica's part in the election, as the rest of the process sees it."""

    @property
    def leading(self) -> bool:
        """Whether this replica works; another thread may change it at any time."""

    @property
    def renewed_at(self) -> float:
        """The second from which the last renewal counts; minus infinity before the first one."""

    @property
    def lease_uid(self) -> str:
        """The UID of the Lease, which stays the same from leader to leader; "" before it was read."""

    async def acquire(self) -> None:
        """Return once this replica leads."""

    async def hold(self) -> None:
        """Renew until canceled; raises LeadershipLost."""

    async def release(self) -> None:
        """Give the Lease up, so that another replica need not wait for its end; no-op unless leading. Best effort."""


class Leadership:
    """`Candidacy` in this event loop. `clock` counts seconds and never goes back; `now` is the time of day."""

    def __init__(
        self,
        leases: Leases,
        identity: str,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        terms: Terms = Terms(),
    ) -> None:
        self._leases = leases
        self._identity = identity
        self._clock = clock
        self._now = now
        self._terms = terms
        self._observed: Observed | None = None
        self.renewed_at = float("-inf")
        self.leading = False

    @property
    def lease_uid(self) -> str:
        return self._observed.lease.uid if self._observed else ""

    async def acquire(self) -> None:
        known_leader = None
        while not await self._renew(self._terms.deadline):
            leader = self._observed.lease.holder if self._observed else ""
            if leader != known_leader:
                logger.info("standing by: {} leads", leader or "nobody yet")
                known_leader = leader
            await asyncio.sleep(self._terms.retry)
        self.leading = True
        logger.info("{} leads from now on", self._identity)

    async def hold(self) -> None:
        """Leadership is lost when no renewal succeeded for `terms.deadline` seconds, or to another replica."""
        while True:
            await asyncio.sleep(min(self._terms.retry, self._left()))
            if await self._renew(self._left()):
                continue
            if self._is_taken() or not self._left():
                self.leading = False
                raise LeadershipLost(f"the Lease was not renewed for {self._clock() - self.renewed_at:.0f} s")

    async def release(self) -> None:
        if not self.leading or self._observed is None:
            return
        self.leading = False
        released = replace(self._observed.lease, holder="", duration_seconds=1, renewed=micro_timestamp(self._now()))
        try:
            async with asyncio.timeout(self._terms.longest_try):
                await self._leases.write(released)
        except (PortError, TimeoutError) as error:
            logger.warning("the Lease was not released and will expire: {}", str(error) or "no answer")

    def _left(self) -> float:
        """Seconds until leadership is lost unless the Lease is renewed."""
        return max(self.renewed_at + self._terms.deadline - self._clock(), 0.0)

    def _is_taken(self) -> bool:
        return self._observed is not None and self._observed.lease.holder not in ("", self._identity)

    async def _renew(self, seconds: float) -> bool:
        """Read, and write if the Lease is free or ours, within these seconds at most; True when it is ours afterwards.

        It counts as renewed from before the first request: others may have seen it renewed long before the answer.
        """
        began = self._clock()
        try:
            async with asyncio.timeout(seconds):
                renewed = await self._write_if_free()
        except Conflict:
            return False
        except (PortError, TimeoutError) as error:
            logger.warning("the Lease cannot be read or written: {}", str(error) or "no answer")
            return False
        if renewed:
            self.renewed_at = began
        return renewed

    async def _write_if_free(self) -> bool:
        async with asyncio.timeout(self._terms.longest_try):
            lease = await self._leases.read()
        self._observed = observe(self._observed, lease, self._clock())
        renewed = micro_timestamp(self._now())
        write = next_write(self._observed, self._identity, self._clock(), renewed, self._terms.duration)
        if write is None:
            return False
        self._observed = Observed(await self._leases.write(write), self._clock())
        return True
