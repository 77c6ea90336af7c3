"""Adopts tasks that this installation has polled and that nobody works on.

A process that is killed between a poll and the creation of an attempt leaves a task in progress of which no object
tells, and so does a poll whose answer is lost. Conductor's search finds such tasks, and their worker id says whose they
are. `fate` decides what becomes of one; what is adopted takes the same way as what a poll has brought.
"""

import asyncio
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from typing import Protocol

from loguru import logger

from perago.wire import ConductorTask
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.task import PeragoTask
from perago_operator.bridge.claim import claim, has_ended, is_of_former_run, serves
from perago_operator.bridge.creation import Creation
from perago_operator.bridge.serving import Queue, serving
from perago_operator.core import names
from perago_operator.core.names import same_installation
from perago_operator.loops import Backoff, lasting, within
from perago_operator.ports import Conductor, PolledTask, PortError, Refused
from perago_operator.watch.stores import AttemptStore, TaskStore

LOOK_SECONDS = 300.0
"""The time between two looks."""
SECOND_LOOK_SECONDS = 25.0
"""When a look follows on one that could not decide: longer than a poll and its answer take (20)."""
FIRST_LOOK_SECONDS = 10.0
"""When a look follows on a poll that failed: the index has what was handed out by then, and searches stay few."""


class SearchableConductor(Conductor, Protocol):
    """Conductor as adoption needs it."""

    async def in_progress(self, task_type: str) -> list[str]:
        """Ids of tasks in progress, the latest first, as far as Conductor's index has them; it may be late, or off."""

    async def find(self, task_id: str) -> PolledTask | None:
        """The task as a poll hands it out, with the id of the worker that polled it; None unless it is in progress."""


class Fate(StrEnum):
    """What becomes of a task in progress."""

    LEAVE = "leave"
    """It has an attempt, is becoming one, was polled by somebody else, or its workflow has ended."""
    LOOK_AGAIN = "look again"
    """It may be in the answer to a poll that is under way, or may be an earlier run that has come back to life."""
    ADOPT = "adopt"
    GIVE_BACK = "give back"
    """No PeragoTask serves it any more: others may."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A task in progress: who polled it, and what is known of it here."""

    polled_by: str
    has_attempt: bool = False
    """There is one of its name that serves it, or is about to be."""
    former_is_held: bool = False
    """The attempt of an earlier run of the task has our finalizer still: a call may bring that run back to life."""
    seen_before: bool = False
    """A look has found it `SECOND_LOOK_SECONDS` ago or earlier, and nobody has worked on it since."""
    served: bool = True
    """There is a PeragoTask for its type and domain."""
    workflow_ended: bool = False
    """Whatever is reported of it has no effect: a late heartbeat has brought it back to life."""


def fate(finding: Finding, worker_id: str) -> Fate:
    """What becomes of it, for the leader that polls under this worker id. Other replicas poll no more."""
    if finding.has_attempt or finding.workflow_ended or not same_installation(finding.polled_by, worker_id):
        return Fate.LEAVE
    if finding.former_is_held or (finding.polled_by == worker_id and not finding.seen_before):
        return Fate.LOOK_AGAIN
    return Fate.ADOPT if finding.served else Fate.GIVE_BACK


def pause(undecided: Iterable[float], now: float, *, poll_failed: bool) -> float:
    """Seconds until the next look: when what was first found at these times can be decided, at the latest."""
    usual = SECOND_LOOK_SECONDS if poll_failed else LOOK_SECONDS
    return max(0.0, min([usual, *(first_sight + SECOND_LOOK_SECONDS - now for first_sight in undecided)]))


def worker_name(replica: str, installation: str, lease_uid: str) -> str:
    """The worker id under which a replica polls: `REPLICA@INSTALLATION/UID`.

    The UID of the Lease tells apart installations of one name in several clusters.
    """
    return f"{replica}@{installation}/{lease_uid}"


class Adoption:
    """Looks for such tasks when a leader begins, and from time to time."""

    def __init__(
        self,
        conductor: SearchableConductor,
        creation: Creation,
        attempts: AttemptStore,
        tasks: TaskStore,
        worker_id: Callable[[], str],
        *,
        clock: Callable[[], float],
    ) -> None:
        """`clock` counts seconds and never goes back."""
        self._conductor = conductor
        self._creation = creation
        self._attempts = attempts
        self._tasks = tasks
        self._worker_id = worker_id
        self._backoff = Backoff(first=1.0, cap=SECOND_LOOK_SECONDS)
        self._poll_failed = asyncio.Event()
        self._poll_failed.set()  # a poll of the leader before may be under way still
        self._clock = clock
        self._undecided: dict[str, float] = {}
        """When each of these was first found."""
        self._adopted: set[str] = set()

    def poll_failed(self) -> None:
        """A poll has no answer, which may have handed out tasks: look soon, and again when it would be over."""
        self._poll_failed.set()

    async def run(self) -> None:
        """Look until canceled."""
        await lasting("adoption of polled tasks", self._repeat)

    async def _repeat(self) -> None:
        while True:
            poll_failed = self._poll_failed.is_set()
            self._poll_failed.clear()
            await self._look_until_answered()
            if await within(pause(self._undecided.values(), self._clock(), poll_failed=poll_failed), self._poll_failed):
                await asyncio.sleep(FIRST_LOOK_SECONDS)

    async def _look_until_answered(self) -> None:
        """Look until Conductor answers."""
        while True:
            try:
                await self.look()
            except PortError as error:
                await self._backoff.wait("tasks that were polled and have no attempt cannot be looked for", error)
            else:
                return self._backoff.succeeded()

    async def look(self) -> None:
        """Look once at the tasks in progress of every type that PeragoTasks or attempts name. Raises PortError."""
        served, undecided, in_progress = serving(self._tasks), dict[str, float](), set[str]()
        attempts = {attempt.metadata.name: attempt for attempt in self._attempts if serves(attempt)}
        at_work = frozenset(name for name, attempt in attempts.items() if not has_ended(attempt))
        for task_type in sorted(self._types(served)):
            for task_id in await self._in_progress(task_type):
                in_progress.add(task_id)
                if self._has_attempt(task_id, at_work):
                    continue
                if await self._decided(task_id, attempts, served) is Fate.LOOK_AGAIN:
                    undecided[task_id] = self._undecided.get(task_id, self._clock())
        self._undecided = undecided
        self._adopted = {
            task_id for task_id in self._adopted & in_progress if names.attempt_name(task_id) not in attempts
        }

    def _types(self, served: Mapping[Queue, PeragoTask]) -> set[str]:
        """Attempts name the types of PeragoTasks that were deleted a while ago."""
        references = (attempt.spec.conductor for attempt in self._attempts)
        return {queue.task_type for queue in served} | {conductor.task_type for conductor in references if conductor}

    async def _in_progress(self, task_type: str) -> list[str]:
        """None where Conductor refuses a search for such a type: the others are looked at."""
        try:
            return await self._conductor.in_progress(task_type)
        except Refused as error:
            logger.warning("tasks of type {} that have no attempt cannot be looked for: {}", task_type, error)
            return []

    def _has_attempt(self, task_id: str, attempts: Container[str] = frozenset()) -> bool:
        """One that was adopted, and has no attempt nevertheless, is left to its time-out."""
        name = names.attempt_name(task_id)
        return name in attempts or task_id in self._adopted or self._creation.is_creating(name)

    def _former_is_held(self, task: ConductorTask) -> bool:
        """The attempt of an earlier run is held for as long as a call of unknown fate may reach its task.

        A task that was certainly run again does not wait for that: no late heartbeat has brought it to life.
        """
        name = names.attempt_name(task.task_id)
        former = (attempt for attempt in self._attempts if attempt.metadata.name == name)
        return any(
            names.ATTEMPT_FINALIZER in attempt.metadata.finalizers and not is_of_former_run(attempt, task)
            for attempt in former
        )

    async def _decided(
        self, task_id: str, attempts: Mapping[str, PeragoAttempt], served: Mapping[Queue, PeragoTask]
    ) -> Fate:
        """What becomes of a task without an attempt; it is done on return."""
        polled = await self._conductor.find(task_id)
        if polled is None:
            return Fate.LEAVE
        serving_it = {name for name, attempt in attempts.items() if not is_of_former_run(attempt, polled.task)}
        task = served.get(Queue(polled.task.task_type, polled.task.domain))
        finding = Finding(
            polled_by=polled.task.worker_id or "",
            has_attempt=self._has_attempt(task_id, serving_it),
            former_is_held=self._former_is_held(polled.task),
            seen_before=self._clock() - self._undecided.get(task_id, inf) >= SECOND_LOOK_SECONDS,
            served=task is not None,
        )
        decided = fate(finding, self._worker_id())
        if decided is Fate.ADOPT:
            ended = await self._conductor.workflow_ended(polled.task.workflow_instance_id)
            if ended is None and not finding.seen_before:
                return Fate.LOOK_AGAIN
            decided = fate(replace(finding, workflow_ended=ended is not False), self._worker_id())
        if decided is Fate.ADOPT and task is not None:
            await self._adopt(polled, task)
        elif decided is Fate.GIVE_BACK:
            logger.warning(_GIVEN_BACK, task_id, finding.polled_by)
            await self._conductor.give_back(polled.task)
        return decided

    async def _adopt(self, polled: PolledTask, task: PeragoTask) -> None:
        """As if polled just now, with its whole response time-out before it."""
        await self._conductor.extend_lease(polled.task)
        logger.warning(_ADOPTED, polled.task.task_id, polled.task.worker_id)
        self._adopted.add(polled.task.task_id)
        self._creation.start(claim(polled, task))


_ADOPTED = "task {} was polled by {} and has no attempt: it gets one now"
_GIVEN_BACK = (
    "task {} was polled by {}, has no attempt, and no PeragoTask serves its type and domain any more: "
    "it goes back to Conductor"
)
