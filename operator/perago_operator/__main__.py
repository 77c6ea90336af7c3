"""The operator's process: builds every part from the settings, leads when it is its turn, ends in order on SIGTERM.

The composition root: the only module that names adapters. It decides nothing about attempts.
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Awaitable
from dataclasses import dataclass

import kopf
from loguru import logger

from perago.wire import API_GROUP, API_VERSION, ATTEMPTS_PLURAL
from perago_operator import logs
from perago_operator.adapters import http_server, kopf_watch, kube_access
from perago_operator.adapters.conductor import ConductorKeys, HttpConductor
from perago_operator.adapters.kube import KubeCluster, attempts_path, pods_path, tasks_path, utc_now
from perago_operator.adapters.kube_api import KubeApi
from perago_operator.adapters.kube_feed import KubeFeed
from perago_operator.adapters.kube_lease import KubeLeases
from perago_operator.adapters.lakefs import LakefsKeys, LakefsVersions
from perago_operator.adapters.metrics import Metrics
from perago_operator.api.task import TASKS_PLURAL
from perago_operator.bridge.creation import Creation
from perago_operator.bridge.poller import PollSettings
from perago_operator.bridge.pollers import Pollers, World
from perago_operator.core.config import Config, PodSettings
from perago_operator.core.names import MANAGED_BY, MANAGED_BY_LABEL
from perago_operator.ports import Health, PortError
from perago_operator.process import probes
from perago_operator.process.inflow import Room
from perago_operator.process.leader import Leadership, LeadershipLost
from perago_operator.process.work import Inflows, Scope, Work
from perago_operator.reconcile.apply import Applier
from perago_operator.reconcile.loop import Parts, Reconciler
from perago_operator.settings import Settings, SettingsError, read
from perago_operator.watch.stores import Stores

COMPONENT = "perago-operator"
CRD_SECONDS = 2.0
"""How often a leader looks whether the CRDs are there yet."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Clients of everything outside of the process, and what is measured."""

    access: kube_access.Access
    api: KubeApi
    conductor: HttpConductor
    versions: LakefsVersions
    metrics: Metrics

    async def close(self) -> None:
        """Close all connections."""
        await self.conductor.close()
        await self.api.close()


def outside(settings: Settings) -> Outside:
    """Clients from the settings; raises SettingsError or AccessError. No connection is made yet."""
    access, metrics = kube_access.load(), Metrics()
    keys = ConductorKeys(settings.conductor_keys, settings.conductor_token_header)
    return Outside(
        access=access,
        api=KubeApi(access, observe=metrics.called),
        conductor=HttpConductor(settings.conductor_address(), keys, observe=metrics.called),
        versions=LakefsVersions(LakefsKeys(settings.lakefs_keys), observe=metrics.called),
        metrics=metrics,
    )


def config(settings: Settings) -> Config:
    """The settings as far as decisions depend on them."""
    pod = PodSettings(
        runner_image=settings.runner_image,
        image_pull_secrets=settings.image_pull_secrets,
        service_account=settings.runner_service_account,
        lakefs_secret=settings.lakefs_secret,
        conductor_secret=settings.conductor_secret,
        retry_seconds=settings.retry_seconds,
    )
    return Config(
        installation=settings.installation,
        pod=pod,
        ttl_seconds=settings.ttl_seconds,
        retried_patience=settings.retried_patience_seconds,
        unschedulable_patience=settings.unschedulable_patience_seconds,
    )


def scopes(api: KubeApi, namespaces: tuple[str, ...]) -> tuple[Scope, ...]:
    """Feeds for each namespace, or for all at once."""
    selector = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
    return tuple(
        Scope(
            namespace,
            attempts=KubeFeed(api, attempts_path(namespace)),
            tasks=KubeFeed(api, tasks_path(namespace)),
            pods=KubeFeed(api, pods_path(namespace), label_selector=selector),
        )
        for namespace in namespaces or (None,)
    )


class Operator:
    """All parts of one process."""

    def __init__(self, settings: Settings, out: Outside) -> None:
        self._settings = settings
        self._out = out
        self._stop = asyncio.Event()
        cluster = KubeCluster(out.api, component=COMPONENT, clock=utc_now)
        self._stores = Stores(lambda key: self._reconciler.enqueue(key))
        applier = Applier(cluster, out.conductor, out.versions, utc_now)
        self._reconciler = Reconciler(
            Parts(applier, self._stores, config(settings), utc_now),
            concurrency=settings.reconciles,
            observe=out.metrics.acted,
        )
        room = Room(self._stores.attempts)
        creation = Creation(cluster, out.conductor, room, clock=time.monotonic)
        self._work = Work(
            self._stores,
            self._reconciler,
            Pollers(World(cluster, out.conductor, room, creation, utc_now), self._poll_settings()),
            scopes(out.api, settings.namespaces),
            watch_objects=self._watch_objects,
            clock=time.monotonic,
        )
        leases = KubeLeases(out.api, settings.lease_namespace, settings.lease_name)
        self._leadership = Leadership(leases, settings.identity, clock=time.monotonic, wall=utc_now)

    def _poll_settings(self) -> PollSettings:
        settings = self._settings
        polled = self._out.metrics.polled
        return PollSettings(settings.identity, settings.poll_seconds, settings.max_attempts, polled)

    async def run(self) -> None:
        """Answer probes, wait for leadership, work until SIGTERM, end in order. Raises when something broke."""
        self._take_signals()
        self._out.metrics.read_when_asked(probes.gauges(self._stores, self._reconciler, self._work, self._leadership))
        settings = self._settings
        server = await http_server.serve(self._health(), settings.http_host, settings.http_port)
        logger.info("answering probes at {}", ", ".join(f"{host}:{port}" for host, port, *_ in server.addresses))
        try:
            if await self._unless_stopped(self._until_leader()):
                await self._lead()
        finally:
            await server.cleanup()
            await self._out.close()

    async def _until_leader(self) -> None:
        await self._leadership.acquire()

    async def _lead(self) -> None:
        """Work for as long as the Lease is renewed; give it up only when nothing is under way any more."""
        holding = asyncio.create_task(self._leadership.hold(), name="renew the lease")
        working = asyncio.create_task(self._prepare_and_work(), name="work")
        try:
            await self._unless_stopped(_first(holding, working))
            logger.info("ending: no more polls, {} attempts under way", self._reconciler.active)
        except LeadershipLost:
            working.cancel()
            raise
        finally:
            if self._leadership.leading:
                await self._work.stop(self._settings.shutdown_seconds)
            for task in (working, holding):
                task.cancel()
            await asyncio.gather(working, holding, return_exceptions=True)
            await self._leadership.release()

    async def _prepare_and_work(self) -> None:
        await self._until_crds()
        await self._work.run()

    async def _until_crds(self) -> None:
        """Wait until the API server knows both kinds."""
        wanted = {ATTEMPTS_PLURAL, TASKS_PLURAL}
        while True:
            try:
                missing = wanted - await self._out.api.served(f"{API_GROUP}/{API_VERSION}")
            except PortError as error:
                logger.warning("waiting for the API server: {}", error)
            else:
                if not missing:
                    return
                logger.warning("waiting for the CRDs of {}: install the chart's", " and ".join(sorted(missing)))
            await asyncio.sleep(CRD_SECONDS)

    async def _watch_objects(self, inflows: Inflows, watching: asyncio.Event) -> None:
        """kopf, which takes the signals when it starts; they are taken back."""
        registry = kopf_watch.registry(kopf_watch.Sinks(inflows.attempts, inflows.tasks), self._login)
        running = asyncio.create_task(kopf_watch.watch(registry, self._settings.namespaces, watching), name="kopf")
        try:
            await asyncio.wait((running, asyncio.ensure_future(watching.wait())), return_when=asyncio.FIRST_COMPLETED)
            self._take_signals()
            await running
        finally:
            running.cancel()

    def _login(self) -> kopf.ConnectionInfo:
        access = self._out.access
        scheme, _, token = (access.read_authorization() or "").partition(" ")
        return kopf.ConnectionInfo(
            server=access.server,
            ca_path=access.files.ca,
            insecure=not access.verified,
            certificate_path=access.files.certificate,
            private_key_path=access.files.key,
            scheme=scheme or None,
            token=token or None,
        )

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)

    async def _unless_stopped(self, step: Awaitable[None]) -> bool:
        """Await a step; False when SIGTERM came first."""
        stepping, stopping = asyncio.ensure_future(step), asyncio.ensure_future(self._stop.wait())
        try:
            done, _ = await asyncio.wait((stepping, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        if stepping in done:
            await stepping
            return True
        stepping.cancel()
        await asyncio.gather(stepping, return_exceptions=True)
        return False

    def _health(self) -> Health:
        return Health(
            alive=probes.liveness(self._work, self._settings.watch_stale_seconds),
            ready=probes.readiness(self._work, self._leadership),
            metrics=self._out.metrics.render,
        )


async def _first(*tasks: asyncio.Task[None]) -> None:
    """Await whichever ends first, with its exception; the others go on."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        await task


async def operate(settings: Settings) -> None:
    """Run the operator in this event loop until SIGTERM."""
    await Operator(settings, outside(settings)).run()


def main() -> int:
    """Run the operator; the exit status is 0 after SIGTERM, 1 when something broke, 2 for bad settings."""
    try:
        settings = read()
        logs.configure(settings)
        asyncio.run(operate(settings))
    except (SettingsError, kube_access.AccessError) as error:
        with contextlib.suppress(BrokenPipeError):
            sys.stderr.write(f"{COMPONENT}: {error}\n")
        return 2
    except LeadershipLost as error:
        logger.error("{}: ending at once", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
