"""The operator's process: settings, adapters, stores and loops put together. The only module that names adapters.

    settings → access → API server, Conductor, lakeFS → stores → reconciler, pollers, watches → standby until leader

Exit codes: 0 after SIGTERM or SIGINT, 1 when leadership or a part is lost (the Deployment starts it again), 2 for
settings or an access to the cluster that cannot be used.
"""

import asyncio
import signal
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import kopf
from loguru import logger

from perago.wire import API_GROUP, API_VERSION
from perago_operator import logs
from perago_operator import settings as configuration
from perago_operator.adapters import kube_access
from perago_operator.adapters.conductor import ConductorKeys, HttpConductor
from perago_operator.adapters.kube import KubeCluster, attempts_path, pods_path, tasks_path
from perago_operator.adapters.kube_access import Access, AccessError
from perago_operator.adapters.kube_api import KubeApi
from perago_operator.adapters.kube_feed import KubeFeed
from perago_operator.adapters.kube_lease import KubeLeases
from perago_operator.adapters.lakefs import LakefsKeys, LakefsVersions
from perago_operator.adapters.metrics import Gauge, Metrics
from perago_operator.core.config import Config, PodSettings
from perago_operator.core.names import MANAGED_BY, MANAGED_BY_LABEL, Key
from perago_operator.settings import Settings, SettingsError
from perago_operator.shell import handlers, health
from perago_operator.shell.apply import Applier
from perago_operator.shell.creation import Creation
from perago_operator.shell.gauges import gauges
from perago_operator.shell.inflow import Room
from perago_operator.shell.leader import Leadership, LeadershipLost
from perago_operator.shell.poller import PollSettings
from perago_operator.shell.pollers import Pollers, World
from perago_operator.shell.reconcile import Parts, Reconciler
from perago_operator.shell.stores import Stores
from perago_operator.shell.work import Inflows, Scope, Work

KINDS = frozenset({"peragoattempts", "peragotasks"})


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Outside:
    """The clients of everything outside of this process."""

    access: Access
    api: KubeApi
    cluster: KubeCluster
    conductor: HttpConductor
    versions: LakefsVersions


def outside(settings: Settings, access: Access, metrics: Metrics) -> Outside:
    """Clients for these settings; nothing is connected yet. Raises SettingsError."""
    api = KubeApi(access, observe=metrics.called)
    keys = ConductorKeys(settings.conductor_keys, settings.conductor_token_header)
    return Outside(
        access=access,
        api=api,
        cluster=KubeCluster(api, component=settings.installation, clock=utc_now),
        conductor=HttpConductor(settings.conductor_address(), keys, observe=metrics.called),
        versions=LakefsVersions(LakefsKeys(settings.lakefs_keys), observe=metrics.called),
    )


def limits(settings: Settings) -> Config:
    """The settings that decisions depend on."""
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
        pull_patience=settings.pull_patience_seconds,
        unschedulable_patience=settings.unschedulable_patience_seconds,
    )


def scopes(api: KubeApi, namespaces: tuple[str, ...]) -> tuple[Scope, ...]:
    """Feeds for each namespace, or one for all."""
    return tuple(
        Scope(
            namespace,
            attempts=KubeFeed(api, attempts_path(namespace)),
            tasks=KubeFeed(api, tasks_path(namespace)),
            pods=KubeFeed(api, pods_path(namespace), label_selector=f"{MANAGED_BY_LABEL}={MANAGED_BY}"),
        )
        for namespace in (namespaces or (None,))
    )


def assemble(settings: Settings, world: Outside, metrics: Metrics, stop: asyncio.Event) -> Work:
    """The leader's work; nothing runs yet."""

    def listener(key: Key) -> None:
        reconciler.enqueue(key)

    stores = Stores(listener)
    applier = Applier(world.cluster, world.conductor, world.versions, utc_now)
    parts = Parts(applier, stores, limits(settings), utc_now)
    reconciler = Reconciler(parts, concurrency=settings.reconciles, observe=metrics.acted)
    room = Room(stores.attempts)
    creation = Creation(world.cluster, world.conductor, room, clock=time.monotonic)
    polling = PollSettings(settings.identity, settings.poll_seconds, settings.max_attempts)
    pollers = Pollers(World(world.cluster, world.conductor, room, creation, utc_now), polling)

    async def watch_objects(inflows: Inflows, ready: asyncio.Event) -> None:
        sinks = handlers.Sinks(inflows.attempts, inflows.tasks)
        registry = handlers.registry(sinks, lambda: login(world.access))
        watching = asyncio.create_task(handlers.watch(registry, settings.namespaces, ready), name="kopf")
        try:
            await asyncio.wait((watching, retaking := asyncio.create_task(ready.wait())), return_when="FIRST_COMPLETED")
            retaking.cancel()
            stopped_by_signals(stop)
            await watching
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    inside = scopes(world.api, settings.namespaces)
    work = Work(stores, reconciler, pollers, inside, watch_objects=watch_objects, clock=time.monotonic)
    asked = gauges(stores, work, lambda: reconciler.active)
    metrics.read_when_asked(Gauge(one.name, one.help, one.labels, one.read) for one in asked)
    return work


def login(access: Access) -> kopf.ConnectionInfo:
    """kopf's own connection, with the access that everything else uses."""
    authorization = access.read_authorization()
    scheme, _, token = (authorization or "").partition(" ")
    return kopf.ConnectionInfo(
        server=access.server,
        ca_path=access.files.ca,
        certificate_path=access.files.certificate,
        private_key_path=access.files.key,
        insecure=not access.verified,
        scheme=scheme or None,
        token=token or None,
    )


def checks(settings: Settings, leadership: Leadership, work: Work) -> health.Health:
    """Alive: no watch is stale. Ready: leading and at work, or standing by."""

    def stale() -> str | None:
        if not work.working:
            return None
        silent = {watch.name: watch.silent_seconds() for watch in work.watches}
        limit = settings.watch_stale_seconds
        told = [f"{name} heard nothing for {seconds:.0f} s" for name, seconds in silent.items() if seconds > limit]
        told += [complaint for audit in work.audits if (complaint := audit.complaint())]
        return "; ".join(told) or None

    def at_work() -> str | None:
        return None if work.working or not leadership.leading else "attempts, tasks and pods are being listed"

    return health.Health(alive={"watches": stale}, ready={"work": at_work})


async def require_crds(api: KubeApi) -> None:
    """Raises SettingsError when the cluster does not know our kinds."""
    missing = KINDS - await api.served(f"{API_GROUP}/{API_VERSION}")
    if missing:
        raise SettingsError(
            f"the cluster does not know {', '.join(sorted(missing))} of {API_GROUP}/{API_VERSION}: install the CRDs"
        )


async def lead(leadership: Leadership, work: Work, stop: asyncio.Event, seconds: float) -> None:
    """Stand by, then work, until told to stop; raises when leadership or a part of the work is lost."""
    waiting = asyncio.create_task(stop.wait(), name="signal")
    acquiring = asyncio.create_task(leadership.acquire(), name="standby")
    await asyncio.wait((waiting, acquiring), return_when=asyncio.FIRST_COMPLETED)
    if not acquiring.done():
        acquiring.cancel()
        return
    acquiring.result()
    parts = (asyncio.create_task(leadership.hold(), name="lease"), asyncio.create_task(work.run(), name="work"))
    try:
        done, _ = await asyncio.wait((waiting, *parts), return_when=asyncio.FIRST_COMPLETED)
        for part in done:
            part.result()
    finally:
        waiting.cancel()
        await work.stop(seconds)
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        await leadership.release()


def stopped_by_signals(stop: asyncio.Event) -> None:
    """SIGTERM and SIGINT set the event."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


async def run(settings: Settings, access: Access) -> None:
    """The whole life of the process. Raises what ended it, if not a signal."""
    metrics = Metrics()
    stop = asyncio.Event()
    stopped_by_signals(stop)
    async with AsyncExitStack() as closing:
        world = outside(settings, access, metrics)
        closing.push_async_callback(world.api.close)
        closing.push_async_callback(world.conductor.close)
        await require_crds(world.api)
        leases = KubeLeases(world.api, settings.lease_namespace, settings.lease_name)
        leadership = Leadership(leases, settings.identity, clock=time.monotonic, wall=utc_now)
        work = assemble(settings, world, metrics, stop)
        served = checks(settings, leadership, work)
        answering = await health.serve(
            health.Health(served.alive, served.ready, metrics.render), settings.http_host, settings.http_port
        )
        closing.push_async_callback(answering.cleanup)
        await lead(leadership, work, stop, settings.shutdown_seconds)


def main() -> None:
    """Entry point of `perago-operator` and `python -m perago_operator`."""
    try:
        settings = configuration.read()
        logs.configure(settings)
        asyncio.run(run(settings, kube_access.load()))
    except (SettingsError, AccessError) as error:
        sys.stderr.write(f"perago-operator: {error}\n")
        sys.exit(2)
    except LeadershipLost as error:
        logger.error("stopping: {}", error)
        sys.exit(1)


if __name__ == "__main__":
    main()
