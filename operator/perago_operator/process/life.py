"""The life of one replica: it stands by, leads, waits for the CRDs, works, and ends.

It ends in one of three ways. When it is asked to, or when something broke, calls under way may end and the Lease is
released after the last of them. When leadership is lost, everything is dropped at once, for another replica may be
working; only what was polled and is not an object yet is given back to Conductor, since nobody else knows of it.
"""

import asyncio

from loguru import logger

from perago.wire import ATTEMPTS_PLURAL
from perago_operator.api.task import TASKS_PLURAL
from perago_operator.bridge.creation import GIVE_BACK_SECONDS
from perago_operator.loops import Backoff, first_of
from perago_operator.ports import Cluster, PortError
from perago_operator.process.leader import Candidacy, LeadershipLost
from perago_operator.process.work import Work

LOOK_SECONDS = 2.0
"""How often a leader looks whether the CRDs are installed."""


class Life:
    """One replica from its start until `stop` is set (SIGTERM)."""

    def __init__(
        self,
        leadership: Candidacy,
        work: Work,
        cluster: Cluster,
        stop: asyncio.Event,
        *,
        shutdown_seconds: float,
        look_seconds: float = LOOK_SECONDS,
        give_back_seconds: float = GIVE_BACK_SECONDS,
    ) -> None:
        self._leadership = leadership
        self._work = work
        self._cluster = cluster
        self._stop = stop
        self._shutdown_seconds = shutdown_seconds
        self._look_seconds = look_seconds
        self._give_back_seconds = give_back_seconds

    async def run(self) -> None:
        """Live; returns after `stop`, raises LeadershipLost or what broke."""
        await first_of(self._leadership.acquire(), self._stop.wait())
        if self._leadership.leading:
            await self._lead()

    async def _lead(self) -> None:
        """Work for as long as the Lease is renewed; release it when nothing is under way any more."""
        holding = asyncio.create_task(self._leadership.hold(), name="renew the lease")
        try:
            await self._work_while(holding)
        except LeadershipLost:
            await self._work.give_back(self._give_back_seconds)
            raise
        finally:
            self._work.kill()
            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)
            await self._leadership.release()

    async def _work_while(self, holding: asyncio.Task[None]) -> None:
        """Work until asked to end or until something breaks; then let calls under way end, as long as we lead."""
        try:
            await first_of(holding, self._prepare_and_work(), self._stop.wait())
        finally:
            if self._leadership.leading:
                logger.info("ending: no more polls, {} attempts under way", self._work.active)
                await first_of(holding, self._work.stop(self._shutdown_seconds))

    async def _prepare_and_work(self) -> None:
        await self._until_served()
        await self._work.run()

    async def _until_served(self) -> None:
        """Wait until the API server knows both kinds."""
        backoff = Backoff(cap=self._look_seconds)
        while True:
            try:
                missing = {ATTEMPTS_PLURAL, TASKS_PLURAL} - await self._cluster.served_kinds()
            except PortError as error:
                await backoff.wait("waiting for the API server", error)
                continue
            if not missing:
                return
            logger.warning("waiting for the CRDs of {}: install them with the chart", " and ".join(sorted(missing)))
            await asyncio.sleep(self._look_seconds)
