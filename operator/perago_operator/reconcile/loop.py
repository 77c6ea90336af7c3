"""The loop: any event means "look again at this attempt" — gather, decide, apply, until there is nothing to do.

One asyncio task for each attempt that has something to do, never two for the same one, so that there is one Conductor
call at a time for each task. It keeps memory and timers, and decides nothing.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

from loguru import logger

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.shared import Key
from perago_operator.core import actions as do
from perago_operator.core.config import Config
from perago_operator.core.decide import Decision, decide
from perago_operator.core.situation import Situation
from perago_operator.ports import PortError
from perago_operator.reconcile.apply import Applier, Clock, failure_of
from perago_operator.reconcile.gather import orphans
from perago_operator.reconcile.memories import Memories
from perago_operator.watch.stores import Stores

Observer = Callable[[str, float, bool], None]
"""Told of each call: the kind of action, its seconds, whether it succeeded."""

ROUNDS = 50
"""Rounds of one attempt in a row; an attempt that is still not at rest lets others go first."""


def unobserved(kind: str, seconds: float, ok: bool) -> None:
    """The default: observe nothing."""


class Reconciler:
    """Looks at attempts when told to, one task an attempt, at most `concurrency` of them at work.

    `enqueue` may be called before `start`; nothing is looked at until then: start once pods and attempts are listed,
    for a pod that is not in the store yet would count as lost.
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
    ) -> None:
        self._applier = applier
        self._stores = stores
        self._config = config
        self._clock = clock
        self._observe = observe
        self._slots = asyncio.Semaphore(concurrency)
        self._memories = Memories(stores, config, clock)
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._again: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._started = False
        self._events: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """The stores are complete: look at everything that was enqueued so far."""
        self._started = True
        waiting, self._again = self._again, set()
        for key in waiting:
            self.enqueue(key)

    async def stop(self, seconds: float) -> None:
        """Look at nothing more, and wait so long for the calls under way."""
        self._started = False
        for timer in self._timers.values():
            timer.cancel()
        under_way = {*self._running.values(), *self._events}
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def kill(self) -> None:
        """End at once, calls under way included, as if the process died."""
        self._started = False
        for timer in self._timers.values():
            timer.cancel()
        for task in (*self._running.values(), *self._events):
            task.cancel()

    def enqueue(self, key: Key, delay: float = 0.0) -> None:
        """Look at the attempt, now or after so many seconds; looks that are due together are one."""
        if delay > 0:
            self._set_timer(key, delay)
        elif not self._started or key in self._running:
            self._again.add(key)
        else:
            self._run(key)

    @property
    def active(self) -> int:
        """Attempts that are being looked at."""
        return len(self._running)

    def _set_timer(self, key: Key, delay: float) -> None:
        self._cancel_timer(key)
        self._timers[key] = asyncio.get_running_loop().call_later(delay, self._timer_fired, key)

    def _timer_fired(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.enqueue(key)

    def _cancel_timer(self, key: Key) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()

    def _run(self, key: Key) -> None:
        task = asyncio.get_running_loop().create_task(self._look(key), name=f"attempt {key}")
        self._running[key] = task
        task.add_done_callback(lambda _: self._done(key))

    def _done(self, key: Key) -> None:
        self._running.pop(key, None)
        if key in self._again and self._started:
            self._again.discard(key)
            self._run(key)

    async def _look(self, key: Key) -> None:
        async with self._slots:
            try:
                await self._settle(key)
            except Exception:  # noqa: BLE001
                # The edge of one attempt: a fault of ours in one must not stop the others.
                logger.exception("attempt {}: looking again in {:.0f} s", key, self._config.retry_cap)
                self.enqueue(key, self._config.retry_cap)

    async def _settle(self, key: Key) -> None:
        """Round after round until nothing is to be done now."""
        self._cancel_timer(key)
        for _ in range(ROUNDS):
            self._again.discard(key)
            attempt = self._stores.attempts.get(key)
            if attempt is None:
                return await self._forget(key)
            s = self._memories.situation(key, attempt)
            decision = decide(s)
            if not decision.actions:
                return self._rest(key, decision)
            kinds = [do.kind_of(action) for action in decision.actions]
            logger.debug("attempt {}: {}: {}", key, decision.rule, kinds)
            for action in decision.actions:
                await self._carry_out(key, action, s)
        self._again.add(key)
        return None

    def _rest(self, key: Key, decision: Decision) -> None:
        if decision.look_again_at is not None:
            self._set_timer(key, max((decision.look_again_at - self._clock()).total_seconds(), 0.001))

    async def _carry_out(self, key: Key, action: do.Action, s: Situation) -> None:
        if isinstance(action, do.RecordEvent):
            return self._in_background(action, s.attempt)
        begun = self._clock()
        try:
            answer = await self._applier.carry_out(action, s.attempt)
        except PortError as error:
            logger.warning("attempt {}: {}: {}", key, do.kind_of(action), error)
            self._memories.failed(key, action, s, failure_of(error, action))
            self._observe(do.kind_of(action), self._since(begun), False)
        else:
            self._memories.succeeded(key, action, s, answer)
            self._observe(do.kind_of(action), self._since(begun), True)
        return None

    def _since(self, begun: datetime) -> float:
        return (self._clock() - begun).total_seconds()

    def _in_background(self, event: do.RecordEvent, attempt: PeragoAttempt) -> None:
        """Events are for people: nothing waits for them, and one that cannot be posted is logged instead."""
        task = asyncio.get_running_loop().create_task(self._post(event, attempt))
        self._events.add(task)
        task.add_done_callback(self._events.discard)

    async def _post(self, event: do.RecordEvent, attempt: PeragoAttempt) -> None:
        try:
            await self._applier.carry_out(event, attempt)
        except PortError as error:
            logger.warning("event {} ({}) is not posted: {}", event.reason, event.message, error)

    async def _forget(self, key: Key) -> None:
        """The attempt is gone: drop what is known of it, and let pods go that its owner took along."""
        self._memories.forget(key)
        for pod in orphans(self._stores, key):
            try:
                await self._applier.release_orphan(key.namespace, pod)
            except PortError as error:
                logger.warning("pod {}/{} is not released: {}", key.namespace, pod, error)
                self.enqueue(key, self._config.retry_cap)
