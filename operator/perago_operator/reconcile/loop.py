"""The loop: any event means "look again at this attempt" — gather, decide, apply, until there is nothing to do.

The work queue never runs two looks at one attempt at a time, and a heartbeat beside a look (`pulse`) waits for the
calls about the task, so that there is one of them at a time. Memory is kept in `memories`; nothing is decided here.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial

from loguru import logger

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.shared import Key
from perago_operator.clocks import Clock
from perago_operator.core import actions as do
from perago_operator.core.answers import Failure
from perago_operator.core.config import Config
from perago_operator.core.decide import Decision, decide, heartbeat_due, heartbeats
from perago_operator.core.pod.model import Pod
from perago_operator.core.situation import Situation
from perago_operator.loops import end
from perago_operator.ports import PortError
from perago_operator.pulse import Pulse
from perago_operator.reconcile.apply import Applier, failure_of
from perago_operator.reconcile.gather import orphans
from perago_operator.reconcile.memories import Memories
from perago_operator.reconcile.stumbles import Stumbles, end_of
from perago_operator.reconcile.workqueue import WorkQueue
from perago_operator.watch.stores import Stores

Observer = Callable[[str, float, bool], None]
"""Called with the kind of an action, its seconds, and whether it succeeded."""

AT_ONCE = 0.0


def unobserved(kind: str, seconds: float, ok: bool) -> None:
    """The default: observe nothing."""


class Reconciler:
    """Looks at attempts when told to, at most `concurrency` of them at a time.

    Start once attempts and pods are listed, for a pod that is not in the store yet would count as lost.
    """

    def __init__(
        self,
        applier: Applier,
        stores: Stores,
        config: Config,
        clock: Clock,
        *,
        concurrency: int = 50,
        observe: Observer = unobserved,
        worker_id: Callable[[], str | None] = lambda: None,
        serves: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """`worker_id` is what this replica polls as; without one, every attempt is believed what task it is of.

        Attempts of a namespace that it does not serve at the moment are not looked at.
        """
        self._applier = applier
        self._stores = stores
        self._config = config
        self._observe = observe
        self._serves = serves
        self._clock = clock
        self._memories = Memories(stores, config, clock, worker_id)
        self._queue = WorkQueue(self._look, concurrency=concurrency, fault_seconds=config.retry_cap)
        self._stumbles = Stumbles()
        self._events: set[asyncio.Task[None]] = set()

    @property
    def active(self) -> int:
        """Attempts that are being looked at."""
        return self._queue.active

    def enqueue(self, key: Key) -> None:
        """Look at the attempt, as soon as the loop is started."""
        self._queue.add(key)

    def start(self) -> None:
        """The stores are complete: look at everything that was enqueued so far."""
        self._queue.start()

    async def stop(self, seconds: float) -> None:
        """Look at nothing more, and wait this long for the calls under way."""
        deadline = self._clock.seconds() + seconds
        await self._queue.stop(seconds)
        await end(self._events, deadline - self._clock.seconds())

    def kill(self) -> None:
        """End at once, calls under way included, as if the process died."""
        self._queue.kill()
        for event in self._events:
            event.cancel()

    async def _look(self, key: Key) -> float | None:
        """One round; returns in how many seconds the next one is due."""
        if not self._serves(key.namespace):
            return None
        attempt = self._stores.attempts.get(key)
        if attempt is None:
            return await self._forget(key)
        bearable = self._stumbles.bearable(attempt)
        try:
            s = self._memories.situation(bearable)
            decision = decide(s)
        except Exception as fault:  # the edge of one attempt: a fault of ours must not be repeated for ever
            if bearable is not attempt or not self._stumbles.again(attempt):
                raise
            return AT_ONCE if attempt.status.outcome is not None else await self._end(attempt, fault)
        self._make_room(decision, s)
        if not decision.actions:
            return self._until_next(decision)
        logger.debug("attempt {}: {}: {}", key, decision.rule, [do.kind_of(action) for action in decision.actions])
        async with Pulse(partial(self._beat, key), self._seconds_to(heartbeat_due(s))) as pulse:
            for action in decision.actions:
                await self._in_order(action, s, pulse)
                if (pulse.beaten or isinstance(action, do.Heartbeat)) and self._memories.superseded(key):
                    break  # nobody waits for what was decided before that was known
        return AT_ONCE

    def _make_room(self, decision: Decision, s: Situation) -> None:
        """What was decided takes room, or waits for it, before anybody else looks."""
        if any(isinstance(action, do.CreatePod) for action in decision.actions):
            self._stores.attempts.take_room(s.attempt)
        elif not s.pod_was_created:
            self._stores.attempts.stay_out(s.attempt, decision.waits_for)

    async def _end(self, attempt: PeragoAttempt, error: Exception) -> float | None:
        """Write the outcome of an attempt that no rule can be asked about; looked at again when that is seen."""
        logger.opt(exception=error).error("attempt {}: internal error for the second time", attempt.metadata.key)
        try:
            answer = await self._applier.carry_out(do.PatchStatus(end_of(error), guarded=True), attempt)
        except PortError as trouble:
            logger.warning("attempt {}: its end cannot be written: {}", attempt.metadata.key, trouble)
            return self._config.retry_cap
        if isinstance(answer, dict):
            self._memories.read(answer)
        return None

    async def _in_order(self, action: do.Action, s: Situation, pulse: Pulse) -> None:
        """Carry it out; a call about the Conductor task and a heartbeat beside the look wait for each other."""
        if isinstance(action, do.Heartbeat | do.Report | do.ReadBack):
            async with pulse.still:
                return await self._carry_out(action, s)
        return await self._carry_out(action, s)

    async def _beat(self, key: Key) -> float | None:
        """Send the heartbeat that has become due while an action waits; returns in how many seconds the next one is."""
        attempt = self._stores.attempts.get(key)
        if attempt is None:
            return None
        s = self._memories.situation(attempt)
        for action in heartbeats(s):
            await self._carry_out(action, s)
        return self._seconds_to(heartbeat_due(self._memories.situation(attempt)))

    def _until_next(self, decision: Decision) -> float | None:
        seconds = self._seconds_to(decision.look_again_at)
        return None if seconds is None else max(seconds, 0.001)

    def _seconds_to(self, time: datetime | None) -> float | None:
        return None if time is None else (time - self._clock.now()).total_seconds()

    async def _carry_out(self, action: do.Action, s: Situation) -> None:
        if isinstance(action, do.RecordEvent):
            return self._in_background(action, s.attempt)
        if isinstance(action, do.GrantTurn) and not self._stores.attempts.reserve_turn(s.attempt):
            return None
        kind, began = do.kind_of(action), self._clock.seconds()
        try:
            answer = await self._applier.carry_out(action, s.attempt)
        except PortError as error:
            logger.warning("attempt {}: {}: {}", s.attempt.metadata.key, kind, error)
            failure = failure_of(error, action)
        except Exception as error:  # noqa: BLE001 -- the edge of one action: those behind it are carried out all the same
            logger.exception("attempt {}: {}: internal error", s.attempt.metadata.key, kind)
            failure = Failure(f"internal error: {error!r}")
        else:
            self._memories.succeeded(action, s, answer)
            self._observe(kind, self._clock.seconds() - began, True)
            return None
        self._memories.failed(action, s, failure)
        self._observe(kind, self._clock.seconds() - began, False)
        if failure.conflict:
            await self._read_again(s.attempt)
        return None

    async def _read_again(self, attempt: PeragoAttempt) -> None:
        """The object has changed, and its watch may be long in showing that: each patch of the old one would fail."""
        try:
            obj = await self._applier.read(attempt)
        except PortError as error:
            logger.warning("attempt {}: it cannot be read: {}", attempt.metadata.key, error)
            return
        if obj is not None:
            self._memories.read(obj)

    def _in_background(self, event: do.RecordEvent, attempt: PeragoAttempt) -> None:
        """Events are for people: nothing waits for them, and one that cannot be posted is logged instead."""
        task = asyncio.get_running_loop().create_task(self._post(event, attempt), name=f"event {event.reason}")
        self._events.add(task)
        task.add_done_callback(self._posted)

    async def _post(self, event: do.RecordEvent, attempt: PeragoAttempt) -> None:
        try:
            await self._applier.carry_out(event, attempt)
        except PortError as error:
            logger.warning("event {} ({}) is not posted: {}", event.reason, event.message, error)

    def _posted(self, task: asyncio.Task[None]) -> None:
        self._events.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.opt(exception=error).error("{}: internal error", task.get_name())

    async def _forget(self, key: Key) -> float | None:
        """The attempt is gone: drop what is known of it, and let its pods go, whose end nobody waits for."""
        self._memories.forget(key)
        self._stumbles.forget(key)
        failures = 0
        for pod in orphans(self._stores, key):
            failures += not await self._released(pod)
        return self._config.retry_cap if failures else None

    async def _released(self, pod: Pod) -> bool:
        try:
            await self._applier.release_orphan(pod)
        except PortError as error:
            logger.warning("pod {}/{} is not released: {}", pod.metadata.namespace, pod.name, error)
            return False
        return True
