"""What a leader does, in order: fill the stores, decide, watch, poll; and at the end the same backwards.

Nothing is decided before attempts, PeragoTasks and pods are listed: a pod that is not in the store would count as lost,
and an attempt that is not there would not be waited for. A namespace that cannot be listed is set aside (`served`). It
knows the parts of the other rooms and no client library.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial

from loguru import logger

from perago_operator.bridge.poller import unobserved
from perago_operator.bridge.pollers import Pollers
from perago_operator.loops import Backoff, all_of, first_of
from perago_operator.ports import Feed, FinishedObserver, PortError, WatchTasks, is_refusal
from perago_operator.process.inflow import inflow
from perago_operator.process.served import Served
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

    def name(self, kind: str) -> str:
        """What its objects of a kind are called in logs and metrics."""
        return kind if self.namespace is None else f"{kind} of {self.namespace}"


class Work:
    """The leader's work over some scopes; `beside` goes on beside it. `clock` counts seconds and never goes back."""

    def __init__(
        self,
        stores: Stores,
        reconciler: Reconciler,
        pollers: Pollers,
        scopes: tuple[Scope, ...],
        watch_tasks: WatchTasks,
        *,
        beside: Mapping[str, Callable[[], Coroutine[None, None, None]]] | None = None,
        observe: FinishedObserver = unobserved,
        clock: Callable[[], float],
    ) -> None:
        self._stores = stores
        self._reconciler = reconciler
        self._pollers = pollers
        self._watch_tasks = watch_tasks
        self._beside = beside or {}
        self._tasks = inflow(stores, pollers, observe)
        self._parts: list[asyncio.Task[None]] = []
        self.served = Served([scope.namespace for scope in scopes], self._back)
        self.watches = tuple(
            Watch(scope.name(kind), feed, sink, clock=clock, observe=partial(self.served.hear, scope.namespace, kind))
            for scope in scopes
            for kind, feed, sink in (("attempts", scope.attempts, stores.attempts), ("pods", scope.pods, stores.pods))
        )
        self._audits = {scope: self._audit_of(scope) for scope in scopes}
        self.working = False
        """Everything is listed and watched."""

    def _audit_of(self, scope: Scope) -> Audit:
        versions = partial(self._stores.tasks.versions, scope.namespace)
        return Audit(scope.name("tasks"), scope.tasks, versions, self._tasks)

    @property
    def audits(self) -> tuple[Audit, ...]:
        """One for each scope."""
        return tuple(self._audits.values())

    def _back(self, namespace: str) -> None:
        """A namespace can be served again: nobody has looked at its attempts meanwhile."""
        for attempt in self._stores.attempts:
            if attempt.metadata.namespace == namespace:
                self._reconciler.enqueue(attempt.metadata.key)

    @property
    def active(self) -> int:
        """Attempts that are being looked at."""
        return self._reconciler.active

    async def run(self) -> None:
        """Work until canceled; raises if a part that should never end does."""
        for watch in self.watches:
            self._start(watch.run(), f"watch {watch.name}")
        watching = {scope: asyncio.Event() for scope in self._audits}
        begun = asyncio.Event()
        for scope, event in watching.items():
            self._start(self._follow_tasks(scope, begun, event), f"watch {scope.name('tasks')}")
        await self._or_failure(self.served.settled.wait())
        logger.info("{} attempts, {} tasks, {} pods", *self._counts())
        self._reconciler.start()
        begun.set()
        for audit in self.audits:
            self._start(audit.run(), f"audit {audit.name}")
        await self._or_failure(all_of(watching.values()))
        self._pollers.start(self._stores.tasks)
        for name, run in self._beside.items():
            self._start(run(), name)
        self.working = True
        await self._or_failure(asyncio.Event().wait())

    async def stop(self, seconds: float) -> None:
        """Poll no more, create attempts for what was polled, let calls under way end, then stop watching.

        All of it within about this time: what takes longer is canceled and left to the next leader. `run` has ended.
        """
        self.working = False
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        await self._pollers.stop(seconds)
        await self._reconciler.stop(max(deadline - clock(), 1.0))
        self._stop_parts()
        await asyncio.gather(*self._parts, return_exceptions=True)

    async def give_back(self, seconds: float) -> None:
        """Another replica may lead: act no more, and give polled tasks without an attempt back to Conductor."""
        self.working = False
        self._reconciler.kill()
        self._stop_parts()
        await self._pollers.give_back(seconds)

    def kill(self) -> None:
        """End at once, calls under way included, as if the process died."""
        self.working = False
        self._pollers.kill()
        self._reconciler.kill()
        self._stop_parts()

    def _stop_parts(self) -> None:
        for part in self._parts:
            part.cancel()

    async def _follow_tasks(self, scope: Scope, begun: asyncio.Event, watching: asyncio.Event) -> None:
        """List the scope's PeragoTasks, and watch them once the work has begun; anew when that was refused.

        A scope that refuses keeps nobody waiting for it.
        """
        observe, backoff = partial(self.served.hear, scope.namespace, "tasks"), Backoff()
        while True:
            try:
                await self._audits[scope].compare()
                observe(None)
                await begun.wait()
                return await self._watch_tasks(scope.namespace, self._tasks, watching)
            except PortError as error:
                observe(error)
                if is_refusal(error) and scope.namespace is not None:
                    watching.set()
                await backoff.wait(f"{scope.name('tasks')} cannot be listed", error)

    def _start(self, part: Coroutine[None, None, None], name: str) -> None:
        self._parts.append(asyncio.create_task(part, name=name))

    async def _or_failure(self, step: Coroutine[None, None, object]) -> None:
        """Await a step, unless a part ends first: none should."""
        ended = await first_of(step, *self._parts)
        if ended > 0:
            raise RuntimeError(f"{self._parts[ended - 1].get_name()} has ended")

    def _counts(self) -> tuple[int, int, int]:
        return len(self._stores.attempts), len(self._stores.tasks), len(self._stores.pods)
