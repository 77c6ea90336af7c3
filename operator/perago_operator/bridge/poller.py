"""Takes tasks from Conductor: a loop for each PeragoTask that has a task type and is not paused.

A batch poll of Conductor waits until it has *all* the tasks asked for or its time is over (observed on 3.32.3), so the
loop waits for one task, and takes what else is there without waiting. It knows the Conductor port and `Creation`.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from loguru import logger

from perago_operator.api.shared import Key
from perago_operator.api.task import PeragoTask
from perago_operator.bridge.creation import Attempts, Creation, order
from perago_operator.loops import Backoff
from perago_operator.ports import Conductor, PolledTask, PortError

BATCH = 100
"""Tasks of one poll at most."""
DRAIN_MS = 10
"""Time-out of a poll that takes what is there: with 0 the server answers with nothing."""
RECHECK_SECONDS = 10.0
"""How often a loop without room looks again although nothing was heard of its attempts."""


def untold(task_type: str, count: int) -> None:
    """For who does not want to hear of polled tasks."""


@dataclass(frozen=True, slots=True)
class PollSettings:
    """How this replica polls: under which name, for how long, and how many attempts a task has by default."""

    worker_id: str
    poll_seconds: float
    max_attempts: int
    polled: Callable[[str, int], None] = untold
    """Told of the tasks that a poll brought: their type and number."""


@dataclass(frozen=True, slots=True)
class PollState:
    """What a loop is doing, for the PeragoTask's status. `wall` times are for people."""

    reason: str
    message: str = ""
    last_poll: float | None = None

    @property
    def polling(self) -> bool:
        """Whether tasks are being taken, or would be if there were room."""
        return self.reason in ("Polling", "MaxConcurrency")


class TaskPoller:
    """The loop of one PeragoTask. `clock` is the time of day in seconds: what it polled last is shown to people."""

    def __init__(
        self,
        task: PeragoTask,
        conductor: Conductor,
        creation: Creation,
        attempts: Attempts,
        settings: PollSettings,
        *,
        clock: Callable[[], float],
    ) -> None:
        self.task = task
        self.state = PollState("Starting")
        self._conductor = conductor
        self._creation = creation
        self._attempts = attempts
        self._settings = settings
        self._clock = clock
        self._backoff = Backoff()
        self._failures = 0
        self._drain = False
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def key(self) -> Key:
        """Namespace and name of the PeragoTask."""
        return self.task.metadata.key

    def replace(self, task: PeragoTask) -> None:
        """The PeragoTask has changed; takes effect with the next poll."""
        self.task = task
        self.wake()

    def wake(self) -> None:
        """Look again whether there is room."""
        self._changed.set()

    def stop(self) -> None:
        """Poll no more; `run` returns when the poll under way has been settled."""
        self._stopping.set()
        self.wake()

    async def run(self) -> None:
        """Poll until stopped. What a poll hands out is always given to `Creation`, also while stopping."""
        while not self._stopping.is_set():
            self._changed.clear()
            room = self._room()
            if room <= 0:
                await _wait(self._changed, RECHECK_SECONDS)
                continue
            try:
                taken = await self._poll(room)
            except PortError as error:
                await self._after_failure(error)
                continue
            self._failures, self._drain = 0, bool(taken)
            if taken:
                self._settings.polled(taken[0].task.task_type, len(taken))
            for polled in taken:
                self._creation.start(order(polled, self.task))

    def _room(self) -> int:
        """How many attempts may be added now; notes why when there is no room."""
        spec = self.task.spec
        if spec.task_type is None or spec.paused:
            self._note("Paused" if spec.paused else "NoTaskType")
            return 0
        limit = spec.max_concurrency or self._settings.max_attempts
        room = limit - len(self._attempts.unfinished(self.key) | self._creation.unseen(self.key))
        self._note("Polling" if room > 0 else "MaxConcurrency", f"at most {limit} attempts at once")
        return room

    async def _poll(self, room: int) -> list[PolledTask]:
        """Wait for one task, or right after one came take what else is there."""
        spec = self.task.spec
        timeout_ms = DRAIN_MS if self._drain else round(self._settings.poll_seconds * 1000)
        taken = await self._conductor.poll(
            spec.task_type or "",
            domain=spec.domain,
            worker_id=self._settings.worker_id,
            count=min(room, BATCH) if self._drain else 1,
            timeout_ms=timeout_ms,
        )
        self.state = PollState(self.state.reason, self.state.message, self._clock())
        return taken

    async def _after_failure(self, error: PortError) -> None:
        self._failures, self._drain = self._failures + 1, False
        delay = self._backoff.delay(self._failures, random.random)
        logger.warning("polling for {}: {}; again in {:.1f} s", self.task.spec.task_type, error, delay)
        self._note("PollFailed", str(error))
        await _wait(self._stopping, delay)

    def _note(self, reason: str, message: str = "") -> None:
        self.state = PollState(reason, message, self.state.last_poll)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, but not longer."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
