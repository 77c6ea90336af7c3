"""The servers of a world: the verified fakes, on the world's clock, reached by replicas through counted calls."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime

from perago.wire import ConductorTask
from perago.wire.times import timestamp
from perago_operator.core.names import MANAGED_BY, MANAGED_BY_LABEL
from perago_operator.ports import Manifest, Page, Sink, WatchEvent, key_of
from tests import builders as b
from tests.crash.calls import Calls, Exchange
from tests.fakes.conductor import FakeConductor
from tests.fakes.conductor_server import TERMINAL, FakeTask, Queue
from tests.fakes.kube import FakeCluster, FakeFeed, FakeLeases
from tests.fakes.versions import FakeVersions


def now() -> datetime:
    """The time of day in this world."""
    return b.at(asyncio.get_running_loop().time())


class Cluster(FakeCluster):
    """An API server whose clock goes, and which collects what has no owner any more."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self.faults = Calls(exchange, "cluster")
        self._made = 0
        self._collected = 0

    def new_uid(self) -> str:
        """See `FakeCluster`."""
        self._made += 1
        return str(uuid.UUID(int=self._made))

    def created_now(self) -> str:
        """See `FakeCluster`."""
        return timestamp(now())

    def deleted_now(self) -> str:
        """See `FakeCluster`."""
        return timestamp(now())

    def uids(self) -> set[str]:
        """Of all objects."""
        return {obj["metadata"]["uid"] for obj in self.objects.values()}

    def collect(self) -> None:
        """Delete the pods whose owner is gone, as the garbage collector does within seconds."""
        if self._collected == len(self.history):
            return
        self._collected = len(self.history)
        there = self.uids()
        for (kind, namespace, name), obj in list(self.objects.items()):
            owners = [owner["uid"] for owner in obj["metadata"].get("ownerReferences", [])]
            if owners and not there & set(owners) and not obj["metadata"].get("deletionTimestamp"):
                self.delete(kind, namespace, name)

    def of(self, kind: str) -> list[Manifest]:
        """All objects of a kind."""
        return [obj for (of, _, _), obj in self.objects.items() if of == kind]

    def get(self, kind: str, name: str) -> Manifest | None:
        """An object of the namespace `ns`, if it is there."""
        return self.objects.get((kind, "ns", name))


class Feed(FakeFeed):
    """Pods are listed and watched by a label, as the operator asks for them."""

    def __init__(self, cluster: Cluster, kind: str, exchange: Exchange) -> None:
        super().__init__(cluster, kind, page_size=100)
        self.faults = Calls(exchange, "feed")
        self._exchange = exchange
        self._labelled = kind == "Pod"

    async def page(self, next_page: str | None) -> Page:
        """See `FakeFeed`."""
        page: Page = await super().page(next_page)
        return Page(tuple(filter(self._shows, page.items)), page.resource_version, page.next_page)

    async def watch(self, resource_version: str) -> AsyncIterator[WatchEvent]:
        """See `FakeFeed`."""
        async for event in super().watch(resource_version):
            await self._exchange.back("feed")
            if self._shows(event.obj):
                yield event

    def _shows(self, obj: Manifest) -> bool:
        return not self._labelled or obj["metadata"].get("labels", {}).get(MANAGED_BY_LABEL) == MANAGED_BY


class Conductor(FakeConductor):
    """A server in which a lease that is late has been begun in time: it rewrites the task as it was then."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self.faults = Calls(exchange, "conductor")
        self.taken: dict[str, float] = {}
        """When each task was handed out for the last time."""
        self.revived: Counter[str] = Counter()
        """How often a task that had ended came back to life."""

    def take(self, queue: Queue, count: int, worker_id: str) -> list[FakeTask]:
        """See `ConductorServer`."""
        tasks = super().take(queue, count, worker_id)
        self.taken |= dict.fromkeys((task.identity.task_id for task in tasks), asyncio.get_running_loop().time())
        return tasks

    async def extend_lease(self, task: ConductorTask) -> None:
        """See `FakeConductor`."""
        await self.faults.around("extend_lease", LeaseWork(self, task))

    def lease_begun(self, task: ConductorTask) -> Callable[[], None]:
        """What a lease does that has been read and not been written yet; nothing in a workflow that has ended."""
        if task.task_id not in self.tasks or self.tasks[task.task_id].status in TERMINAL:
            return lambda: None
        write = self.lease_under_way(task.task_id)

        def land() -> None:
            if self.workflows[task.workflow_instance_id].status == "RUNNING":
                self.revived[task.task_id] += self.tasks[task.task_id].status in TERMINAL
                write()

        return land


@dataclass(frozen=True)
class LeaseWork:
    """The server's work for one lease, done at once when it is called."""

    server: Conductor
    task: ConductorTask

    async def __call__(self) -> None:
        self.server.lease(self.task)

    def begun(self) -> Callable[[], Coroutine[None, None, None]]:
        """The rest of the work, once the server has read the task."""
        land = self.server.lease_begun(self.task)

        async def rest() -> None:
            land()

        return rest


class Servers:
    """All of them."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.cluster = Cluster(exchange)
        self.conductor = Conductor(exchange)
        self.versions = FakeVersions()
        self.versions.faults = Calls(exchange, "lakefs")
        self.leases = FakeLeases()
        self.leases.faults = Calls(exchange, "lease")
        self._feeds: list[Feed] = []

    def feed(self, kind: str) -> Feed:
        """For one replica."""
        self._feeds.append(Feed(self.cluster, kind, self.exchange))
        return self._feeds[-1]

    def end_streams(self) -> None:
        """The API server ends every watch under way."""
        for feed in self._feeds:
            feed.end()

    async def watch_tasks(self, _namespace: str | None, sink: Sink, watching: asyncio.Event) -> None:
        """In the place of kopf: everything that is there, then what changes, while the API server answers."""
        news: asyncio.Queue[WatchEvent] = asyncio.Queue()
        for obj in self.cluster.of("PeragoTask"):
            sink.put(obj)
        self.cluster.listeners.append(news.put_nowait)
        watching.set()
        try:
            while True:
                event = await news.get()
                await self.exchange.back("cluster")
                if event.obj["kind"] == "PeragoTask":
                    _deliver(sink, event)
        finally:
            self.cluster.listeners.remove(news.put_nowait)


def _deliver(sink: Sink, event: WatchEvent) -> None:
    if event.kind == "DELETED":
        sink.remove(key_of(event.obj))
    else:
        sink.put(event.obj)
