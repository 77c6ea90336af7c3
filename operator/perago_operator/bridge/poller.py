"""Takes tasks from Conductor: a loop for each PeragoTask that has a task type and is not paused.

A batch poll of Conductor waits until it has *all* the tasks asked for or its time is over (observed on 3.32.3), so the
loop waits for one task, and takes what else is there without waiting. It knows the Conductor port and `Creation`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from perago_operator.api.reasons import Reason, with_remedy
from perago_operator.api.shared import Key
from perago_operator.api.task import PeragoTask, TaskSpec
from perago_operator.bridge.claim import claim
from perago_operator.bridge.creation import Creation
from perago_operator.bridge.serving import Queue, queue_of
from perago_operator.bridge.usability import Shown
from perago_operator.core.config import Limits
from perago_operator.loops import Backoff, within
from perago_operator.ports import Conductor, PolledTask, PortError, Unreachable

SHARED_LIMITS = frozenset({Reason.NAMESPACE_LIMIT, Reason.NODE_LIMIT})
FULL = SHARED_LIMITS | {Reason.MAX_CONCURRENCY}
"""Why nothing is polled although nothing is wrong."""
BATCH = 100
"""Tasks of one poll at most."""
DRAIN_MS = 10
"""Time-out of a poll that takes what is there: with 0 the server answers with nothing."""
RECHECK_SECONDS = 10.0
"""How often a loop without room looks again although nothing was heard of its attempts."""
CREATION_SECONDS = 1.0
"""How often a loop looks again whether attempts can be created."""


PollObserver = Callable[[str, int], None]
"""Called with the type and the number of the tasks that a poll brought."""


def unobserved(*_: object) -> None:
    """The default: observe nothing."""


@dataclass(frozen=True, slots=True)
class PollSettings:
    """How this replica polls: under which name, for how long, and how many attempts there may be."""

    worker_id: Callable[[], str]
    poll_seconds: float
    limits: Limits
    observe: PollObserver = unobserved
    failed: Callable[[], None] = unobserved
    """Called when a poll has no answer."""
    serves: Callable[[str], bool] = lambda _: True
    """Whether the API server lets the operator work in a namespace."""


@dataclass(frozen=True, slots=True)
class PollState:
    """What a loop is doing, for the PeragoTask's status."""

    reason: Reason
    message: str = ""
    last_poll: datetime | None = None

    @property
    def polling(self) -> bool:
        """Whether tasks are being taken, or would be if there were room."""
        return self.reason is Reason.POLLING or self.reason in FULL


class TaskPoller:
    """The loop of one PeragoTask. `now` is the time of day: people see when it polled last."""

    def __init__(
        self,
        task: PeragoTask,
        conductor: Conductor,
        creation: Creation,
        shown: Shown,
        settings: PollSettings,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self.task = task
        self.state = PollState(Reason.STARTING)
        self._elder: Key | None = None
        self._conductor = conductor
        self._creation = creation
        self._attempts = shown.attempts
        self._usability = shown.usability
        self._settings = settings
        self._now = now
        self._backoff = Backoff()
        self._drain = False
        self._failure: str | None = None
        """Why the last poll failed, until one is answered."""
        self._stopping = asyncio.Event()
        self._gone = False
        self._changed = asyncio.Event()

    @property
    def key(self) -> Key:
        """Namespace and name of the PeragoTask."""
        return self.task.metadata.key

    def replace(self, task: PeragoTask) -> None:
        """The PeragoTask has changed; takes effect with the next poll."""
        if task.spec != self.task.spec:
            self._usability.forget(self.key)
        self.task = task
        self.wake()

    def yield_to(self, elder: Key | None) -> None:
        """An older PeragoTask serves the same queue (None: there is none any more): take nothing beside it."""
        if elder != self._elder:
            self._elder = elder
            self.wake()

    def wake(self) -> None:
        """Look again whether there is room."""
        self._changed.set()

    def stop(self, *, gone: bool = False) -> None:
        """Poll no more, for good if the PeragoTask is gone; `run` returns when the poll under way has been settled."""
        self._gone = gone
        self._stopping.set()
        self.wake()

    async def run(self) -> None:
        """Poll until stopped. What a poll hands out is always given to `Creation`, also while stopping.

        It goes back to Conductor if the PeragoTask serves its queue no longer: somebody has changed it meanwhile.
        """
        while not self._stopping.is_set():
            self._changed.clear()
            room = self._room()
            if room <= 0:
                await within(self._recheck_seconds, self._changed)
                continue
            queue = queue_of(self.task)
            try:
                taken = await self._poll(room)
            except PortError as error:
                await self._after_failure(error)
                continue
            self._backoff.succeeded()
            self._failure = None
            self._drain = bool(taken)
            if taken:
                self._settings.observe(taken[0].task.task_type, len(taken))
            for polled in taken:
                self._creation.start(claim(polled, self.task), wanted=self._serves(queue))

    def _serves(self, queue: Queue | None) -> bool:
        """Whether tasks of this queue are still to become attempts."""
        changed = self._gone or self.task.spec.paused or queue_of(self.task) != queue
        return not changed and self._elder is None

    @property
    def _recheck_seconds(self) -> float:
        return CREATION_SECONDS if self.state.reason is Reason.ATTEMPTS_NOT_CREATED else RECHECK_SECONDS

    def _room(self) -> int:
        """How many attempts may be added now; notes why when there is no room."""
        spec = self.task.spec
        if spec.task_type is None or spec.paused:
            self._note(Reason.PAUSED if spec.paused else Reason.NO_TASK_TYPE)
            return 0
        if self._elder is not None:
            self._note(Reason.TASK_TYPE_SERVED, with_remedy(_served(spec, self._elder), Reason.TASK_TYPE_SERVED))
            return 0
        if not self._settings.serves(self.key.namespace):
            self._note(Reason.NAMESPACE_REFUSED)
            return 0
        if trouble := self._creation.trouble(self.key):
            self._note(Reason.ATTEMPTS_NOT_CREATED, trouble)
            return 0
        limit = spec.max_concurrency or self._settings.limits.per_task
        unseen = (Key(self.key.namespace, name) for name in self._creation.unseen(self.key))
        coming = sum(not self._attempts.is_unfinished(attempt) for attempt in unseen)
        room = _left(limit, self._attempts.count_unfinished(self.key) + coming)
        if unusable := self._usability.of(self.task):
            self._note(Reason.TASK_NOT_READY, with_remedy("see the condition Ready", Reason.TASK_NOT_READY))
            undecided = coming + self._usability.undecided(self._attempts.unfinished(self.key))
            return min(room, 1) if unusable.allows_trial(undecided) else 0
        words = f"at most {limit} attempts at once" if limit else ""
        self._note_room(room, words)
        return min(room, self._room_beside(coming)) if room > 0 else 0

    def _note_room(self, room: int, words: str) -> None:
        """Another try is no poll yet: while they fail, that is what is said."""
        if room > 0 and self._failure is not None:
            self._note(Reason.POLL_FAILED, self._failure)
        else:
            self._note(Reason.POLLING if room > 0 else Reason.MAX_CONCURRENCY, words)

    def _room_beside(self, coming: int) -> int:
        """How many attempts may be added beside those of others; notes why when there is no room.

        What would have to wait here stays in Conductor, where others can take it.
        """
        limits, namespace = self._settings.limits, self.key.namespace
        room = _left(limits.per_namespace, self._attempts.crowds.unfinished(namespace) + coming)
        if room <= 0:
            words = f"at most {limits.per_namespace} attempts of namespace {namespace} at once"
            self._note(Reason.NAMESPACE_LIMIT, words)
        elif self._attempts.crowds.is_crowded(namespace):
            self._note(Reason.NODE_LIMIT, "attempts wait for room on the nodes")
            return 0
        return room

    async def _poll(self, room: int) -> list[PolledTask]:
        """Wait for one task, or right after one came take what else is there."""
        spec = self.task.spec
        timeout_ms = DRAIN_MS if self._drain else round(self._settings.poll_seconds * 1000)
        taken = await self._conductor.poll(
            spec.task_type or "",
            domain=spec.domain,
            worker_id=self._settings.worker_id(),
            count=min(room, BATCH) if self._drain else 1,
            timeout_ms=timeout_ms,
        )
        self.state = PollState(self.state.reason, self.state.message, self._now())
        return taken

    async def _after_failure(self, error: PortError) -> None:
        self._drain, self._failure = False, str(error)
        self._note(Reason.POLL_FAILED, self._failure)
        if isinstance(error, Unreachable):
            self._settings.failed()
        await self._backoff.wait(f"polling for {self.task.spec.task_type}", error, unless=self._stopping)

    def _note(self, reason: Reason, message: str = "") -> None:
        self.state = PollState(reason, message, self.state.last_poll)


def _left(limit: int | None, taken: int) -> int:
    """Room below a limit; as much as one poll can take where there is none."""
    return limit - taken if limit else BATCH


def _served(spec: TaskSpec, elder: Key) -> str:
    domain = f" and domain {spec.domain}" if spec.domain else ""
    return f"PeragoTask {elder}, which is older, takes the tasks of type {spec.task_type}{domain}"
