"""Creates the attempt of each polled task, however long the API server is away. No polled task is dropped silently.

It knows the ports and how a claim (`claim`) becomes an attempt, not when polling is due (`poller`).
"""

import asyncio
from collections.abc import Callable
from functools import partial

from loguru import logger

from perago.wire import IN_PROGRESS, ConductorTask, Outcome
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.reading import read
from perago_operator.api.reasons import Reason
from perago_operator.api.shared import Key
from perago_operator.bridge.claim import Claim, is_reported, makes_way
from perago_operator.core.answers import ConductorTaskState
from perago_operator.core.config import Config
from perago_operator.core.reporting import heartbeat_period
from perago_operator.loops import Backoff, end, lasting
from perago_operator.ports import (
    AlreadyExists,
    Cluster,
    Conductor,
    Conflict,
    PortError,
    QuotaExceeded,
    Refused,
    Unreachable,
)
from perago_operator.pulse import Pulse
from perago_operator.watch.stores import AttemptStore

UNSEEN_SECONDS = 30.0
"""How long a created attempt counts although no watch has shown it yet."""
GIVE_BACK_SECONDS = 3.0
"""How long Conductor may take to get tasks back at the end: less than until another replica may lead (5)."""
REPORT_TRIES = 5


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
        self._failing: dict[Key, tuple[Key, PortError]] = {}
        self._unknown: dict[Key, float] = {}
        self._ceased = False
        attempts.when_shown = self._shown

    def start(self, claim: Claim, *, wanted: bool = True) -> None:
        """Create the attempt in the background; give the task back if it is not wanted, or once creation has ceased."""
        back = self._ceased or not wanted
        name = f"{'give back' if back else 'create attempt'} {claim.attempt}"
        step = partial(self._give_back, claim.task) if back else partial(self._create, claim)
        running = asyncio.create_task(lasting(name, step), name=name)
        self._under_way[running] = claim
        running.add_done_callback(lambda ended: self._under_way.pop(ended, None))

    def unseen(self, peragotask: Key) -> frozenset[str]:
        """Names of this PeragoTask's attempts that are being created, or were and no watch has shown them yet."""
        self._forget_created()
        created = {attempt.name for attempt, (owner, _) in self._created.items() if owner == peragotask}
        return frozenset(created | {c.attempt.name for c in self._under_way.values() if c.peragotask == peragotask})

    def _shown(self, attempt: Key) -> None:
        """The watch has shown it, and will say when it is gone."""
        self._created.pop(attempt, None)

    def _forget_created(self) -> None:
        """Those that the watch will not show any more."""
        oldest = self._clock() - UNSEEN_SECONDS
        self._created = {attempt: (owner, at) for attempt, (owner, at) in self._created.items() if at > oldest}

    def is_creating(self, attempt_name: str) -> bool:
        """Whether an attempt of this name is being created, or was and no watch has shown it yet."""
        self._forget_created()
        claimed = (claim.attempt for claim in self._under_way.values())
        return any(attempt.name == attempt_name for attempt in (*claimed, *self._created))

    def trouble(self, peragotask: Key) -> str | None:
        """Why no more tasks should be polled for this PeragoTask: attempts like its own cannot be created."""
        failures = self._failing.values()
        return next((str(error) for failing, error in failures if _concerns(error, failing, peragotask)), None)

    def cease(self) -> None:
        """Create nothing more: give all claims back to Conductor, those under way and those that are still to come."""
        if self._ceased:
            return
        self._ceased = True
        for running, claim in tuple(self._under_way.items()):
            running.cancel()
            self.start(claim)

    async def given_back(self, seconds: float) -> None:
        """Wait this long until everything is given back."""
        for late in await end(self._under_way, seconds):
            logger.error("{}: no answer; the task waits in Conductor for its response time-out", late.get_name())

    async def settle(self, seconds: float) -> None:
        """Wait this long for the claims under way, then give the tasks of the others back to Conductor."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=max(seconds, 0.0))
        self.cease()
        await self.given_back(GIVE_BACK_SECONDS)

    def kill(self) -> None:
        """End at once: the tasks of the claims under way wait in Conductor for their time-out."""
        for running in self._under_way:
            running.cancel()

    async def _give_back(self, task: ConductorTask) -> None:
        try:
            await self._conductor.give_back(task)
            logger.warning("task {} becomes no attempt and goes back to Conductor", task.task_id)
        except PortError as error:
            logger.error("task {} waits in Conductor for its response time-out: {}", task.task_id, error)

    async def _create(self, claim: Claim) -> None:
        try:
            await self._until_created(claim)
        finally:
            self._failing.pop(claim.attempt, None)
            self._unknown.pop(claim.attempt, None)

    async def _until_created(self, claim: Claim) -> None:
        if claim.problem:
            return await self._refuse(claim.task, Reason.TASK_INPUT_ERROR, claim.problem)
        backoff, period = self._backoff(), heartbeat_period(claim.task, self._config)
        heartbeat_at = self._clock() + period
        while (error := await self._try_beside_heartbeats(claim, period)) is not None:
            if isinstance(error, Refused) and error.invalid:
                message = f"the attempt was refused: {error.message}"
                return await self._refuse(claim.task, Reason.INVALID_TASK, message)
            self._failing[claim.attempt] = (claim.peragotask, error)
            await backoff.wait(f"attempt {claim.attempt} is not created yet", error)
            if self._clock() >= heartbeat_at:
                heartbeat_at = self._clock() + period
                if not await self._is_still_ours(claim, error):
                    return None
        return None

    async def _try_beside_heartbeats(self, claim: Claim, period: float) -> PortError | None:
        """Try once; where that takes long, because a call hangs, the task is kept alive meanwhile.

        Not once the watch shows its attempt, whose own heartbeats and report nothing may disturb.
        """

        async def beat() -> float:
            attempt = self._attempts.get(claim.attempt)
            if attempt is None or makes_way(attempt, claim.task):
                await self._is_still_ours(claim, None)
            return period

        async with Pulse(beat, period):
            return await self._try(claim)

    async def _try(self, claim: Claim) -> PortError | None:
        """Create the attempt unless there is one that serves the task; returns why that did not succeed."""
        try:
            attempt = self._attempts.get(claim.attempt) or await self._created_or_found(claim)
            if attempt is not None and makes_way(attempt, claim.task):
                return await self._make_way(claim, attempt)
        except PortError as error:
            return error
        if claim.attempt not in self._attempts:
            self._created[claim.attempt] = (claim.peragotask, self._clock())
        return None

    async def _created_or_found(self, claim: Claim) -> PeragoAttempt | None:
        """Create the attempt; returns the one that was there before, if any. Raises PortError."""
        namespace, name = claim.attempt
        try:
            await self._cluster.create_attempt(namespace, claim.manifest)
        except AlreadyExists as error:
            existing = await self._cluster.read_attempt(namespace, name)
            if existing is None:
                raise Conflict(f"attempt {claim.attempt} was there a moment ago") from error
            logger.debug("attempt {} exists: the task was handed out before", claim.attempt)
            return read(PeragoAttempt, existing)
        return None

    async def _make_way(self, claim: Claim, ended: PeragoAttempt) -> PortError | None:
        """Conductor handed out a task again whose attempt has ended, or will: remove it once it reports no more.

        A rerun uses the same task id. Where the task is not in progress, it was handed out before its result came.
        """
        earlier = f"attempt {claim.attempt} of an earlier run of the task"
        try:
            state = await self._conductor.read(claim.task.task_id)
        except PortError as error:
            return Conflict(f"{earlier} stays until Conductor says whether that run is over: {error}")
        if not self._may_be_ours(claim, state):
            logger.warning("task {} is no longer ours: attempt {} stays as it is", claim.task.task_id, claim.attempt)
            return None
        if state is None:
            return Conflict(f"{earlier} stays until Conductor is asked once more for the task, which it does not know")
        if not is_reported(ended):
            return Conflict(f"{earlier} is still being reported")
        metadata = ended.metadata
        await self._cluster.delete_attempt(metadata.namespace, metadata.name, metadata.uid)
        return Conflict(f"{earlier} is being deleted")

    async def _is_still_ours(self, claim: Claim, error: PortError | None) -> bool:
        """Read the task. Keep it alive while the API server cannot take its attempt; let it time out if it will not.

        Without an error the API server has not answered yet.
        """
        try:
            state = await self._conductor.read(claim.task.task_id)
            if not self._may_be_ours(claim, state):
                logger.warning("task {} is no longer ours: no attempt is created for it", claim.task.task_id)
                return False
            if state is not None and (error is None or isinstance(error, Unreachable | QuotaExceeded | Conflict)):
                await self._conductor.extend_lease(claim.task)
        except PortError as trouble:
            logger.warning("task {}: no heartbeat: {}", claim.task.task_id, trouble)
        return True

    def _may_be_ours(self, claim: Claim, state: ConductorTaskState | None) -> bool:
        """Whether the task is in progress as far as one knows: that it is unknown, Conductor has to say twice."""
        if state is not None:
            self._unknown.pop(claim.attempt, None)
            return state.status == IN_PROGRESS
        since = self._unknown.setdefault(claim.attempt, self._clock())
        return self._clock() - since < self._config.second_look

    async def _refuse(self, task: ConductorTask, reason: Reason, message: str) -> None:
        """There will never be an attempt of this task: report why to Conductor."""
        outcome = Outcome(status="FAILED_WITH_TERMINAL_ERROR", reason=reason.value, message=message)
        backoff = self._backoff()
        for _ in range(REPORT_TRIES):
            try:
                return await self._conductor.report(task, outcome)
            except PortError as trouble:
                await backoff.wait(f"task {task.task_id}: the refusal of its attempt is not reported", trouble)
        logger.error("task {} waits in Conductor for its response time-out: {}", task.task_id, message)
        return None


def _concerns(error: PortError, failing: Key, peragotask: Key) -> bool:
    """Whether an attempt of one PeragoTask that cannot be created says that those of another cannot be, either.

    A webhook that is away and a quota that is used up concern a whole namespace, a refusal the attempt's own kind.
    """
    if isinstance(error, Unreachable | QuotaExceeded):
        return failing.namespace == peragotask.namespace
    return failing == peragotask and not isinstance(error, Conflict)
