"""What a leader does, in order: fill the stores, decide, watch, poll; and at the end everything backwards.

Nothing is decided before attempts, tasks and pods are listed: a pod that is not in the store would count as lost, and
an attempt that is not there would not be waited for. It knows the other rooms' parts and no client library.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from loguru import logger

from perago_operator.bridge.pollers import Pollers
from perago_operator.ports import Feed, Sink
from perago_operator.process.inflow import AttemptInflow, Audited, TaskInflow
from perago_operator.reconcile.loop import Reconciler
from perago_operator.watch.audit import Audit
from perago_operator.watch.stores import Stores
from perago_operator.watch.watch import Watch


@dataclass(frozen=True, slots=True)
class Scope:
    """The feeds of one namespace, or (None) of all."""

    namespace: str | None
    attempts: Feed
    tasks: Feed
    pods: Feed


@dataclass(frozen=True, slots=True)
class Inflows:
    """Where attempts and tasks go."""

    attempts: Sink
    tasks: Sink


WatchObjects = Callable[[Inflows, asyncio.Event], Awaitable[None]]
"""Watches attempts and tasks until canceled, and sets the event once it does (kopf; see `handlers`)."""


class Work:
    """The leader's work over some scopes; `clock` counts seconds and only grows."""

    def __init__(
        self,
        stores: Stores,
        reconciler: Reconciler,
        pollers: Pollers,
        scopes: tuple[Scope, ...],
        *,
        watch_objects: WatchObjects,
        clock: Callable[[], float],
    ) -> None:
        self._stores = stores
        self._reconciler = reconciler
        self._pollers = pollers
        self._watch_objects = watch_objects
        self._inflows = Inflows(AttemptInflow(stores.attempts, pollers), TaskInflow(stores.tasks, pollers))
        self._tasks: list[asyncio.Task[None]] = []
        self.watches = tuple(Watch(_name("pods", scope), scope.pods, stores.pods, clock=clock) for scope in scopes)
        self.audits = tuple(audit for scope in scopes for audit in self._audits_of(scope, clock))
        self.working = False
        """Everything is listed and watched."""

    def _audits_of(self, scope: Scope, clock: Callable[[], float]) -> tuple[Audit, Audit]:
        tasks = Audited(self._stores.tasks, self._inflows.tasks, scope.namespace)
        attempts = Audited(self._stores.attempts, self._inflows.attempts, scope.namespace)
        return (
            Audit(_name("tasks", scope), scope.tasks, tasks, clock=clock),
            Audit(_name("attempts", scope), scope.attempts, attempts, clock=clock),
        )

    async def run(self) -> None:
        """Work until canceled; raises when a part that runs for ever has ended."""
        for watch in self.watches:
            self._start(watch.run(), f"watch {watch.name}")
        await self._or_failure(self._fill())
        logger.info("{} attempts, {} tasks, {} pods", *self._counts())
        self._reconciler.start()
        watching = asyncio.Event()
        self._start(self._watch_objects(self._inflows, watching), "watch attempts and tasks")
        for audit in self.audits:
            self._start(audit.run(), f"audit {audit.name}")
        await self._or_failure(watching.wait())
        self._pollers.start(self._stores.tasks)
        self.working = True
        await self._or_failure(asyncio.Event().wait())

    async def stop(self, seconds: float) -> None:
        """Poll no more, make attempts of what was polled, let calls under way end, then stop watching.

        All of it within about this time: what takes longer is canceled, and is taken up by the next leader.
        """
        self.working = False
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        await self._pollers.stop(seconds)
        await self._reconciler.stop(max(deadline - clock(), 1.0))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _fill(self) -> None:
        await asyncio.gather(*(audit.fill() for audit in self.audits))
        await asyncio.gather(*(watch.synced.wait() for watch in self.watches))

    def _start(self, part: Awaitable[None], name: str) -> None:
        self._tasks.append(asyncio.ensure_future(part))
        self._tasks[-1].set_name(name)

    async def _or_failure(self, step: Awaitable[object]) -> None:
        """Await a step, unless a part ends first: none ever ends by itself unless something is wrong with it."""
        awaited = asyncio.ensure_future(step)
        try:
            done, _ = await asyncio.wait((awaited, *self._tasks), return_when=asyncio.FIRST_COMPLETED)
        finally:
            awaited.cancel()
        for task in done:
            await task
            if task is not awaited:
                raise RuntimeError(f"{task.get_name()} has ended")

    def _counts(self) -> tuple[int, int, int]:
        return len(self._stores.attempts), len(self._stores.tasks), len(self._stores.pods)


def _name(kind: str, scope: Scope) -> str:
    return kind if scope.namespace is None else f"{kind} of {scope.namespace}"
