"""Creates the attempt of each polled task, however long the API server is away. No polled task is dropped silently.

It knows the ports and how a claim becomes an attempt, not when polling is due (`poller`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from loguru import logger

from perago.wire import IN_PROGRESS, ConductorTask, Outcome
from perago_operator.api.reasons import Reason
from perago_operator.api.shared import Key
from perago_operator.api.task import PeragoTask
from perago_operator.bridge.manifest import attempt_manifest
from perago_operator.core.config import Config
from perago_operator.core.reporting import heartbeat_period
from perago_operator.loops import Backoff, end, lasting
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
    key_of,
)
from perago_operator.watch.stores import AttemptStore

UNSEEN_SECONDS = 30.0
"""How long a created attempt counts although no watch has shown it yet."""
REPORT_TRIES = 5


@dataclass(frozen=True, slots=True)
class Claim:
    """A polled task that has no attempt yet: it is ours in Conductor, and only this process knows of it."""

    peragotask: Key
    attempt: Key
    manifest: Manifest
    task: ConductorTask


def claim(polled: PolledTask, task: PeragoTask) -> Claim:
    """The claim on a polled task, with the attempt to create for it."""
    manifest = attempt_manifest(polled, task)
    return Claim(task.metadata.key, key_of(manifest), manifest, polled.task)


def short_backoff() -> Backoff:
    """A task that Conductor has handed out is waited for."""
    return Backoff(cap=5.0)


class Creation:
    """All claims on their way to become attempts; `clock` counts seconds and never goes back."""

    def __init__(
        self,
        cluster: Cluster,
        conductor: Conductor,
        attempts: AttemptStore,
        config: Config,
        *,
        clock: Callable[[], float],
        backoff: Callable[[], Backoff] = short_backoff,
    ) -> None:
        self._cluster = cluster
        self._conductor = conductor
        self._attempts = attempts
        self._config = config
        self._clock = clock
        self._backoff = backoff
        self._under_way: dict[asyncio.Task[None], Claim] = {}
        self._created: dict[Key, tuple[Key, float]] = {}

    def start(self, claim: Claim) -> None:
        """Create the attempt in the background."""
        name = f"create attempt {claim.attempt}"
        running = asyncio.create_task(lasting(name, partial(self._create, claim)), name=name)
        self._under_way[running] = claim
        running.add_done_callback(lambda ended: self._under_way.pop(ended, None))

    def unseen(self, peragotask: Key) -> frozenset[str]:
        """Names of this PeragoTask's attempts that are being created, or were and no watch has shown them yet."""
        oldest = self._clock() - UNSEEN_SECONDS
        self._created = {
            attempt: (owner, at)
            for attempt, (owner, at) in self._created.items()
            if at > oldest and attempt not in self._attempts
        }
        created = {attempt.name for attempt, (owner, _) in self._created.items() if owner == peragotask}
        return frozenset(created | {c.attempt.name for c in self._under_way.values() if c.peragotask == peragotask})

    async def settle(self, seconds: float) -> None:
        """Wait this long for the claims under way, then give the tasks of the others back to Conductor."""
        claims = dict(self._under_way)
        late = await end(claims, seconds)
        await asyncio.gather(*(self._give_back(claims[creation].task) for creation in late))

    def kill(self) -> None:
        """End at once: the tasks of the claims under way wait in Conductor for their time-out."""
        for running in self._under_way:
            running.cancel()

    async def _give_back(self, task: ConductorTask) -> None:
        try:
            await self._conductor.give_back(task)
            logger.warning("task {} could not become an attempt and goes back to Conductor", task.task_id)
        except PortError as error:
            logger.error("task {} waits in Conductor for its response time-out: {}", task.task_id, error)

    async def _create(self, claim: Claim) -> None:
        backoff, period = self._backoff(), heartbeat_period(claim.task, self._config)
        heartbeat_at = self._clock() + period
        while (error := await self._try(claim)) is not None:
            if isinstance(error, Refused) and error.invalid:
                return await self._refuse(claim.task, error)
            await backoff.wait(f"attempt {claim.attempt} is not created yet", error)
            if self._clock() >= heartbeat_at:
                heartbeat_at = self._clock() + period
                if not await self._is_still_ours(claim, error):
                    return None
        return None

    async def _try(self, claim: Claim) -> PortError | None:
        """Create the attempt unless the watch has shown it; returns why that did not succeed."""
        if claim.attempt in self._attempts:
            return None
        try:
            await self._cluster.create_attempt(claim.attempt.namespace, claim.manifest)
        except AlreadyExists:
            logger.debug("attempt {} exists: the task was handed out before", claim.attempt)
        except PortError as error:
            return error
        self._created[claim.attempt] = (claim.peragotask, self._clock())
        return None

    async def _is_still_ours(self, claim: Claim, error: PortError) -> bool:
        """Read the task. Keep it alive while the API server cannot take its attempt; let it time out if it will not."""
        try:
            state = await self._conductor.read(claim.task.task_id)
            if state is None or state.status != IN_PROGRESS:
                logger.warning("task {} is no longer ours: no attempt is created for it", claim.task.task_id)
                return False
            if isinstance(error, Unreachable | QuotaExceeded) and claim.attempt not in self._attempts:
                await self._conductor.extend_lease(claim.task)
        except PortError as trouble:
            logger.warning("task {}: no heartbeat: {}", claim.task.task_id, trouble)
        return True

    async def _refuse(self, task: ConductorTask, error: Refused) -> None:
        """The API server will never take this attempt: report why to Conductor."""
        message = f"the attempt was refused: {error.message}"
        outcome = Outcome(status="FAILED_WITH_TERMINAL_ERROR", reason=Reason.INVALID_TASK.value, message=message)
        backoff = self._backoff()
        for _ in range(REPORT_TRIES):
            try:
                return await self._conductor.report(task, outcome)
            except PortError as trouble:
                await backoff.wait(f"task {task.task_id}: the refusal of its attempt is not reported", trouble)
        logger.error("task {} waits in Conductor for its response time-out: {}", task.task_id, message)
        return None
