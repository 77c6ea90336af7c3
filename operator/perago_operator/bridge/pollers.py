"""One poller and one status keeper for each PeragoTask that exists, started and stopped as they come and go.

It knows PeragoTasks and the ports; the loops themselves are in `poller`, what a status says in `taskstatus`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from loguru import logger

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.shared import Key
from perago_operator.api.task import PeragoTask
from perago_operator.bridge.creation import Creation
from perago_operator.bridge.poller import SHARED_LIMITS, PollSettings, TaskPoller
from perago_operator.bridge.serving import Queue, queue_of, serving
from perago_operator.bridge.taskstatus import TaskNumbers, status_patch
from perago_operator.bridge.usability import Shown
from perago_operator.loops import end, lasting
from perago_operator.ports import Cluster, Conductor, NotFound, PortError

STATUS_SECONDS = 5.0
"""How often a PeragoTask's numbers are compared with its status."""


@dataclass(frozen=True, slots=True)
class _Worker:
    poller: TaskPoller
    polling: asyncio.Task[None]
    status: asyncio.Task[None]


class Pollers:
    """The workers of all PeragoTasks. `put` and `remove` follow the watch."""

    def __init__(
        self,
        cluster: Cluster,
        conductor: Conductor,
        creation: Creation,
        shown: Shown,
        settings: PollSettings,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._conductor = conductor
        self._creation = creation
        self._shown = shown
        self._attempts = shown.attempts
        self._usability = shown.usability
        self._settings = settings
        self._now = now
        self._workers: dict[Key, _Worker] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._started = False

    def start(self, tasks: Iterable[PeragoTask]) -> None:
        """Attempts are listed, so that room can be counted: poll for these PeragoTasks, and for those that come."""
        self._started = True
        for task in tasks:
            self.put(task)

    def put(self, task: PeragoTask) -> None:
        """A PeragoTask as it is now."""
        worker = self._workers.get(task.metadata.key)
        before = worker.poller.task if worker is not None else None
        if worker is not None:
            worker.poller.replace(task)
        elif self._started:
            self._workers[task.metadata.key] = self._employ(task)
        if before is None or _place(before) != _place(task):
            self._share_queues()

    def remove(self, key: Key) -> None:
        """The PeragoTask is gone: poll no more for it."""
        self._end(key, gone=True)
        self._usability.forget(key)
        self._share_queues()

    def heard(self, attempt: PeragoAttempt) -> None:
        """An attempt as it is now, which shows whether others like it can run."""
        self._usability.heard(attempt)

    def wake(self, key: Key) -> None:
        """An attempt of this PeragoTask has changed: there may be room, also for those that share a limit with it."""
        for other, worker in self._workers.items():
            if other == key or worker.poller.state.reason in SHARED_LIMITS:
                worker.poller.wake()

    async def stop(self, seconds: float) -> None:
        """Poll no more, await the polls under way, and create attempts for all that they bring, within this time."""
        self._dismiss()
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        for polling in await end(self._ending, seconds):
            logger.warning("{}: given up; its tasks wait in Conductor for their time-out", polling.get_name())
        await self._creation.settle(deadline - clock())

    async def give_back(self, seconds: float) -> None:
        """Poll and create no more, and give back to Conductor what was polled and is no attempt, within this time."""
        self._creation.cease()
        self._dismiss()
        await end(self._ending, seconds / 2)
        await self._creation.given_back(seconds / 2)

    def kill(self) -> None:
        """End at once, polls and creations under way included."""
        self._dismiss()
        for polling in self._ending:
            polling.cancel()
        self._creation.kill()

    def _share_queues(self) -> None:
        """Of PeragoTasks for the same queue, the oldest takes its tasks, and the others say so."""
        pollers = [worker.poller for worker in self._workers.values()]
        served = serving(poller.task for poller in pollers)
        for poller in pollers:
            queue = queue_of(poller.task)
            elder = served[queue].metadata.key if queue else None
            poller.yield_to(None if elder == poller.key else elder)

    def _dismiss(self) -> None:
        self._started = False
        for key in tuple(self._workers):
            self._end(key, gone=False)

    def _end(self, key: Key, *, gone: bool) -> None:
        worker = self._workers.pop(key, None)
        if worker is not None:
            worker.status.cancel()
            worker.poller.stop(gone=gone)
            self._ending.add(worker.polling)
            worker.polling.add_done_callback(self._ending.discard)

    def _employ(self, task: PeragoTask) -> _Worker:
        poller = TaskPoller(task, self._conductor, self._creation, self._shown, self._settings, now=self._now)
        return _Worker(
            poller,
            _background(f"poll for {task.metadata.name}", poller.run),
            _background(f"status of {task.metadata.name}", partial(self._keep_status, poller)),
        )

    async def _keep_status(self, poller: TaskPoller) -> None:
        """Write the PeragoTask's status whenever it differs from what is true."""
        while True:
            await asyncio.sleep(STATUS_SECONDS)
            numbers, unusable = await self._numbers(poller), self._usability.of(poller.task)
            patch = status_patch(poller.task, numbers, poller.state, self._now(), unusable)
            if patch is None:
                continue
            try:
                await self._cluster.patch_task_status(poller.key.namespace, poller.key.name, patch)
            except NotFound:
                logger.debug("PeragoTask {} is gone", poller.key)
            except PortError as error:
                logger.warning("status of PeragoTask {}: {}", poller.key, error)

    async def _numbers(self, poller: TaskPoller) -> TaskNumbers:
        return TaskNumbers(
            active=self._attempts.count_unfinished(poller.key),
            pending_pods=self._attempts.without_running_pod(poller.key),
            queued=await self._queued(poller),
            waiting_for_room=self._attempts.waiting_for_room(poller.key),
        )

    async def _queued(self, poller: TaskPoller) -> int | None:
        """Tasks waiting in Conductor; None when Conductor does not say."""
        spec = poller.task.spec
        if spec.task_type is None:
            return None
        try:
            return await self._conductor.queue_size(spec.task_type, spec.domain)
        except PortError as error:
            logger.debug("queue size of {}: {}", spec.task_type, error)
            return None


def _place(task: PeragoTask) -> tuple[Queue | None, str]:
    """What decides whether it serves its queue; its age comes with its uid."""
    return queue_of(task), task.metadata.uid


def _background(name: str, loop: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
    return asyncio.create_task(lasting(name, loop), name=name)
