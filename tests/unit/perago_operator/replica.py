"""A whole replica of the operator over fakes: what `process.assembly` puts together, and what a test does around it."""

import asyncio
from pathlib import Path
from types import CoroutineType
from typing import Any

import perago_operator
from perago_operator.ports import Sink, WatchEvent, key_of
from perago_operator.process.assembly import Operator, Outside
from perago_operator.process.leader import Leadership
from perago_operator.process.work import Scope
from perago_operator.settings import Settings
from tests import builders as b
from tests.fakes.conductor import FakeConductor
from tests.fakes.kube import FakeCluster, FakeFeed, FakeLeases
from tests.fakes.versions import FakeVersions
from tests.fakes.waiting import until

SOURCES = str(Path(perago_operator.__file__).parent)


def at_work() -> list[str]:
    """Names of the asyncio tasks that run code of the operator's; those of fakes and tests are left out."""
    coroutines = ((task.get_name(), task.get_coro()) for task in asyncio.all_tasks())
    return sorted(name for name, it in coroutines if isinstance(it, CoroutineType) and _is_ours(it))


def _is_ours(coroutine: "CoroutineType[Any, Any, Any]") -> bool:
    return coroutine.cr_code.co_filename.startswith(SOURCES)


class Replica:
    """The fakes, and the operator over them; the place of kopf is taken by the fake cluster's own events."""

    def __init__(self, namespaces: tuple[str | None, ...] = (None,), **settings: Any) -> None:
        """`settings` come on top of those of every replica. `feeds` are those of the first namespace."""
        self.cluster = FakeCluster()
        self.conductor = FakeConductor()
        self.leases = FakeLeases()
        self.scopes = tuple(self._scope(namespace) for namespace in namespaces)
        self.attempts, self.tasks, self.pods = self.feeds_of(self.scopes[0])
        self.polled: list[tuple[str, int]] = []
        self.seconds = 0.0
        self.stop = asyncio.Event()
        self.watch_begins = asyncio.Event()
        self.watch_begins.set()
        self.watch_ends = asyncio.Event()
        self.watch_refuses: dict[str | None, Exception] = {}
        """What the next watch of PeragoTasks of a namespace raises once `refused` is set."""
        self.refused = asyncio.Event()
        outside = Outside(
            cluster=self.cluster,
            conductor=self.conductor,
            versions=FakeVersions(),
            leadership=Leadership(self.leases, "me", clock=lambda: self.seconds, now=lambda: b.at(self.seconds)),
            scopes=self.scopes,
            watch_tasks=self._watch_tasks,
            acted=lambda *_: None,
            polled=lambda *polled: self.polled.append(polled),
        )
        common = {"runner_image": "runner:1", "identity": "me", "poll_seconds": 0.05, "limit_per_task": 10}
        self.operator = Operator(
            outside,
            Settings(**common | settings),
            self.stop,
            clock=lambda: self.seconds,
            now=lambda: b.at(self.seconds),
        )

    def _scope(self, namespace: str | None) -> Scope:
        kinds = ("PeragoAttempt", "PeragoTask", "Pod")
        return Scope(namespace, *(self.cluster.feed(kind, namespace=namespace) for kind in kinds))

    @staticmethod
    def feeds_of(scope: Scope) -> tuple[FakeFeed, FakeFeed, FakeFeed]:
        """The scope's feeds of attempts, PeragoTasks and pods."""
        attempts, tasks, pods = scope.attempts, scope.tasks, scope.pods
        assert isinstance(attempts, FakeFeed)
        assert isinstance(tasks, FakeFeed)
        assert isinstance(pods, FakeFeed)
        return attempts, tasks, pods

    async def _watch_tasks(self, namespace: str | None, sink: Sink, watching: asyncio.Event) -> None:
        """Every event of a PeragoTask goes to the sink, as with kopf."""
        await self.watch_begins.wait()

        def deliver(event: WatchEvent) -> None:
            if event.obj["kind"] != "PeragoTask" or namespace not in (None, event.obj["metadata"]["namespace"]):
                return
            if event.kind == "DELETED":
                sink.remove(key_of(event.obj))
            else:
                sink.put(event.obj)

        self.cluster.listeners.append(deliver)
        watching.set()
        if (error := self.watch_refuses.pop(namespace, None)) is not None:
            await self.refused.wait()
            self.cluster.listeners.remove(deliver)
            raise error
        await self.watch_ends.wait()

    @property
    def feeds(self) -> tuple[FakeFeed, ...]:
        """What is listed and watched."""
        return self.attempts, self.tasks, self.pods

    def calls(self) -> list[str]:
        """Everything that was asked of cluster and Conductor, watches aside."""
        return [*self.cluster.faults.seen, *self.conductor.faults.seen]

    def pod_names(self) -> list[str]:
        """Names of the pods that exist."""
        return sorted(name for kind, _, name in self.cluster.objects if kind == "Pod")

    async def rest(self) -> None:
        """Let everything run that can run now."""
        for _ in range(100):
            await asyncio.sleep(0)

    async def until_polled(self) -> None:
        """Wait until a poll is under way."""
        await until(lambda: "poll" in self.conductor.faults.seen)
