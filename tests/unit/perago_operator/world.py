"""A small world for the reconciler: cluster, Conductor and lakeFS in memory, a clock that stands still unless moved,
and what kubelet, agent and people do to it. Watches deliver at once; `settle` runs until nothing happens any more.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from perago_operator.api.shared import Key
from perago_operator.clocks import Clock, TimeOfDay
from perago_operator.core.config import Config
from perago_operator.ports import Manifest, WatchEvent, key_of
from perago_operator.reconcile.apply import Applier
from perago_operator.reconcile.loop import Reconciler
from perago_operator.watch.stores import Stores
from tests import builders as b
from tests.fakes.conductor import FakeConductor
from tests.fakes.kube import FakeCluster
from tests.fakes.versions import FakeVersions

KEY = Key("ns", b.NAME)


class World:
    """One operator process at a time; `restart` replaces it by a new one that knows nothing.

    Statuses are written at once, unless they may be `quiet` for as long as the settings say.
    """

    def __init__(self, config: Config | None = None, *, quiet: bool = False) -> None:
        self.cluster = FakeCluster()
        self.conductor = FakeConductor()
        self.versions = FakeVersions()
        self.config = config or Config()
        if not quiet:
            self.config = replace(self.config, quiet_start=0.0, quiet_seconds=0.0)
        self.versions.branch("repo", "main")
        self.now = b.at(0.5)
        self.set_by = timedelta()
        """How far the time of day of the operator's machine is off."""
        self.late: list[WatchEvent] | None = None
        """Watch events that are held back, while watches lag."""
        self.cluster.listeners.append(self._deliver)
        self._boot()

    def _boot(self) -> None:
        self.late = None
        self.stores = Stores(lambda key: self.reconciler.enqueue(key))
        self.time_of_day = TimeOfDay(self.seconds, lambda: self.now + self.set_by)
        clock = Clock(self.seconds, self.time_of_day)
        self._hear()
        applier = Applier(self.cluster, self.conductor, self.versions, clock)
        self.reconciler = Reconciler(applier, self.stores, self.config, clock)
        for obj in self.cluster.objects.values():
            self._put(obj)
        self.reconciler.start()

    def seconds(self) -> float:
        """The time in this world on a clock that never goes back."""
        return (self.now - b.START).total_seconds()

    def _hear(self) -> None:
        """The API server answers, as it does whenever the Lease is renewed."""
        self.time_of_day.heard(format_datetime(self.now, usegmt=True), self.seconds())

    async def restart(self) -> None:
        """The operator dies wherever it stands; another one starts."""
        self.reconciler.kill()
        await asyncio.sleep(0)
        self._boot()

    async def settle(self) -> None:
        """Run until the reconciler has nothing under way."""
        for _ in range(1000):
            await asyncio.sleep(0)
            if not self.reconciler.active:
                return
        raise AssertionError("the reconciler does not come to rest")

    async def pass_time(self, seconds: float, key: Key = KEY) -> None:
        """Let time go by, look again, settle."""
        self.now += timedelta(seconds=seconds)
        self._hear()
        self.reconciler.enqueue(key)
        await self.settle()

    def lag(self) -> None:
        """From now on watches deliver nothing."""
        self.late = [] if self.late is None else self.late

    def catch_up(self) -> None:
        """Watches deliver what was held back, and go on."""
        late, self.late = self.late or [], None
        for event in late:
            self._deliver(event)

    def _deliver(self, event: WatchEvent) -> None:
        if self.late is not None:
            self.late.append(event)
        elif event.kind == "DELETED":
            self._store(event.obj).remove(key_of(event.obj))
        else:
            self._put(event.obj)

    def _put(self, obj: Manifest) -> None:
        self._store(obj).put(obj)

    def _store(self, obj: Manifest) -> Any:
        stores = {"PeragoAttempt": self.stores.attempts, "PeragoTask": self.stores.tasks, "Pod": self.stores.pods}
        return stores[obj["kind"]]

    # --- what others do

    async def add(self, obj: Manifest) -> None:
        """Somebody creates an object."""
        self.cluster.add(obj)
        await self.settle()

    async def add_polled(self, **changes: Any) -> None:
        """Conductor hands out a task, and the bridge makes an attempt of it."""
        self.conductor.schedule("build", b.NAME, workflow_instance_id="wf-1", response_timeout_seconds=60)
        polled = await self.conductor.poll("build", domain=None, worker_id="w", count=1, timeout_ms=1)
        await self.add(b.attempt(conductor=polled[0].task.to_json(), **changes))

    async def kubelet(self, pod: Manifest) -> None:
        """The kubelet says how a pod fares: its spec and status are those of `pod`."""
        if ("Pod", "ns", pod["metadata"]["name"]) in self.cluster.objects:
            shown = {"spec": pod["spec"], "status": pod["status"]}
            self.cluster.merge("Pod", "ns", pod["metadata"]["name"], shown)
        await self.settle()

    async def agent(self, **status: Any) -> None:
        """The agent patches its attempt's status."""
        self.cluster.merge("PeragoAttempt", *KEY, {"status": status})
        await self.settle()

    def attempt(self, name: str = b.NAME) -> Manifest:
        """The attempt as it is now."""
        return self.cluster.objects["PeragoAttempt", "ns", name]

    def status(self, name: str = b.NAME) -> Manifest:
        """The attempt's status as it is now."""
        status: Manifest = self.attempt(name).get("status", {})
        return status

    @property
    def pods(self) -> list[str]:
        """Names of the pods that exist."""
        return sorted(name for kind, _, name in self.cluster.objects if kind == "Pod")
