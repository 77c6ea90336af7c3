"""Makes an attempt of each polled task, however long the API server is away: a polled task is never dropped silently.

It knows the ports and how a manifest is made from a polled task; not when polling is due (`poller`).
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from loguru import logger

from perago.wire import ConductorTask, Outcome
from perago_operator.api.shared import Key
from perago_operator.api.task import PeragoTask
from perago_operator.bridge.manifest import attempt_manifest
from perago_operator.core.names import attempt_name
from perago_operator.loops import Backoff, lasting
from perago_operator.ports import (
    AlreadyExists,
    Cluster,
    Conductor,
    Manifest,
    PolledTask,
    PortError,
    QuotaExceeded,
    Refused,
    Unreachable,
)

HOPELESS = frozenset({400, 413, 422})
"""HTTP statuses that say the object itself is wrong: the same manifest is refused again for ever."""
UNSEEN_SECONDS = 30.0
"""How long a created attempt counts although no watch has shown it yet."""
LEASE_WITHOUT_TIMEOUT = 60.0
REPORT_TRIES = 5


class Attempts(Protocol):
    """What is known of the attempts that exist."""

    def unfinished(self, task: Key) -> frozenset[str]:
        """Names of the attempts of this PeragoTask that are not finished."""

    def exists(self, attempt: Key) -> bool:
        """Whether the watch has shown this attempt."""


@dataclass(frozen=True, slots=True)
class Order:
    """One polled task on its way to become an attempt."""

    task_key: Key
    name: str
    manifest: Manifest
    task: ConductorTask

    @property
    def attempt(self) -> Key:
        """The attempt's key."""
        return Key(self.task_key.namespace, self.name)


def order(polled: PolledTask, task: PeragoTask) -> Order:
    """The attempt to create for a polled task."""
    return Order(task.metadata.key, attempt_name(polled.task.task_id), attempt_manifest(polled, task), polled.task)


class Creation:
    """All creations under way; `clock` counts seconds and only grows."""

    def __init__(
        self,
        cluster: Cluster,
        conductor: Conductor,
        attempts: Attempts,
        *,
        clock: Callable[[], float],
        backoff: Backoff | None = None,
    ) -> None:
        self._cluster = cluster
        self._conductor = conductor
        self._attempts = attempts
        self._clock = clock
        self._backoff = backoff or Backoff(cap=5.0)
        self._under_way: dict[asyncio.Task[None], Order] = {}
        self._made: dict[Key, tuple[Key, float]] = {}

    def start(self, wanted: Order) -> None:
        """Create the attempt in the background."""
        name = f"create {wanted.name}"
        running = asyncio.create_task(lasting(name, partial(self._create, wanted)), name=name)
        self._under_way[running] = wanted
        running.add_done_callback(lambda done: self._under_way.pop(done, None))

    def unseen(self, task: Key) -> frozenset[str]:
        """Names of this PeragoTask's attempts that are being created, or were and no watch has shown them yet."""
        oldest = self._clock() - UNSEEN_SECONDS
        self._made = {
            attempt: (owner, at)
            for attempt, (owner, at) in self._made.items()
            if at > oldest and not self._attempts.exists(attempt)
        }
        made = {name for (_, name), (owner, _) in self._made.items() if owner == task}
        return frozenset(made | {one.name for one in self._under_way.values() if one.task_key == task})

    async def settle(self, seconds: float) -> None:
        """Wait so long for what is under way, then hand what is left back to Conductor."""
        if self._under_way:
            await asyncio.wait(tuple(self._under_way), timeout=seconds)
        left = dict(self._under_way)
        for running in left:
            running.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.gather(*(self._give_back(wanted) for wanted in left.values()))

    async def _give_back(self, wanted: Order) -> None:
        try:
            await self._conductor.give_back(wanted.task)
            logger.warning("task {} could not become an attempt and goes back to Conductor", wanted.task.task_id)
        except PortError as error:
            logger.error("task {} waits in Conductor for its response time-out: {}", wanted.task.task_id, error)

    async def _create(self, wanted: Order) -> None:
        failures, lease_due = 0, self._clock() + _lease_period(wanted.task)
        while not self._attempts.exists(wanted.attempt):
            try:
                await self._cluster.create_attempt(wanted.attempt.namespace, wanted.manifest)
            except AlreadyExists:
                logger.debug("attempt {} exists: the task was handed out before", wanted.name)
            except PortError as error:
                if isinstance(error, Refused) and error.status in HOPELESS:
                    return await self._refuse(wanted.task, error)
                failures += 1
                await self._wait(wanted, error, failures)
                if self._clock() >= lease_due:
                    lease_due = self._clock() + _lease_period(wanted.task)
                    if not await self._still_wanted(wanted, error):
                        return None
                continue
            self._made[wanted.attempt] = (wanted.task_key, self._clock())
            return None
        return None

    async def _wait(self, wanted: Order, error: PortError, failures: int) -> None:
        delay = self._backoff.delay(failures, random.random)
        logger.warning("attempt {} is not created yet: {}; again in {:.1f} s", wanted.name, error, delay)
        await asyncio.sleep(delay)

    async def _still_wanted(self, wanted: Order, trouble: PortError) -> bool:
        """Read the task; keep it alive while the trouble is the API server's, and let it time out when it is ours."""
        try:
            state = await self._conductor.read(wanted.task.task_id)
            if state is None or state.status != "IN_PROGRESS":
                logger.warning("task {} is no longer ours: no attempt is made of it", wanted.task.task_id)
                return False
            if isinstance(trouble, Unreachable | QuotaExceeded) and not self._attempts.exists(wanted.attempt):
                await self._conductor.extend_lease(wanted.task)
        except PortError as error:
            logger.warning("task {}: lease not extended: {}", wanted.task.task_id, error)
        return True

    async def _refuse(self, task: ConductorTask, error: Refused) -> None:
        """The API server will never take this attempt: tell Conductor why."""
        outcome = Outcome(
            status="FAILED_WITH_TERMINAL_ERROR",
            reason="InvalidTask",
            message=f"the attempt was refused: {error.message}",
        )
        for failures in range(1, REPORT_TRIES + 1):
            try:
                return await self._conductor.report(task, outcome)
            except PortError as trouble:
                logger.warning("task {}: the refusal is not reported: {}", task.task_id, trouble)
                await asyncio.sleep(self._backoff.delay(failures, random.random))
        return None


def _lease_period(task: ConductorTask) -> float:
    """Seconds between leases: a third of the response time-out, so that two may fail."""
    return task.response_timeout_seconds / 3 or LEASE_WITHOUT_TIMEOUT
