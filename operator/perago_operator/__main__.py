"""The operator's process: names the adapters, hands them to the parts, and turns the end into an exit status.

The composition root: the only module that names adapters. It decides nothing.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from functools import partial

from loguru import logger

from perago.wire.untraceable import refuse_tracing
from perago_operator import logs
from perago_operator.adapters import http_server, kube_access
from perago_operator.adapters.conductor import HttpConductor
from perago_operator.adapters.kopf_watch import KopfWatch
from perago_operator.adapters.kube import KubeCluster, attempts_path, pods_path, tasks_path, utc_now
from perago_operator.adapters.kube_api import KubeApi
from perago_operator.adapters.kube_feed import KubeFeed
from perago_operator.adapters.kube_lease import KubeLeases
from perago_operator.adapters.lakefs import LakefsVersions
from perago_operator.adapters.metrics import Metrics
from perago_operator.clocks import TimeOfDay
from perago_operator.core.names import MANAGED_BY, MANAGED_BY_LABEL
from perago_operator.loops import first_of
from perago_operator.process.afresh import SIGNALS, end_at_once, hear_signals
from perago_operator.process.assembly import Operator, Outside
from perago_operator.process.gate import give_back_gate, leaders_gate
from perago_operator.process.leader import Candidacy, Leadership, LeadershipLost
from perago_operator.process.leasethread import on_a_thread
from perago_operator.process.work import Scope
from perago_operator.settings import Settings, SettingsError, read

COMPONENT = "perago-operator"
DEEPEST = 60_000
"""Levels of Python calls. The API server takes objects of 10,000 levels, and a list with one of them has to be read for
the sake of all the others; its model is then refused. A test shows that the main thread's stack is enough for it."""
LEASE_CONNECTIONS = 2
"""Of the Lease alone: it must not wait for a connection behind anything else. One, and one for when that one hangs."""


@contextlib.asynccontextmanager
async def outside(settings: Settings, metrics: Metrics, stop: asyncio.Event, now: TimeOfDay) -> AsyncIterator[Outside]:
    """Clients of everything outside, closed at the end; raises SettingsError or AccessError."""
    access = kube_access.load()
    settings.require_conductor()
    take_signals = partial(_take_signals, stop)
    take_signals()
    async with (
        _contending(settings, metrics, now) as leadership,
        _gated(settings, access, metrics, now, leadership) as (api, conductor, versions),
    ):
        yield Outside(
            cluster=KubeCluster(api, component=COMPONENT, now=now),
            conductor=conductor,
            versions=versions,
            leadership=leadership,
            scopes=_scopes(api, settings.namespaces),
            watch_tasks=KopfWatch(access, take_signals=take_signals),
            acted=metrics.acted,
            polled=metrics.polled,
            finished=metrics.finished,
        )


def _contending(
    settings: Settings, metrics: Metrics, now: TimeOfDay
) -> contextlib.AbstractAsyncContextManager[Candidacy]:
    """The Lease's thread, with a token and connections of its own. What it hears of the time is heard here as well."""
    here, lease_time = asyncio.get_running_loop(), TimeOfDay(time.monotonic, utc_now)

    def heard(date: str | None, sent: float) -> None:
        lease_time.heard(date, sent)
        here.call_soon_threadsafe(now.heard, date, sent)

    @contextlib.asynccontextmanager
    async def contend() -> AsyncIterator[Leadership]:
        access = kube_access.load()
        async with KubeApi(access, connections=LEASE_CONNECTIONS, observe=metrics.called, heard=heard) as api:
            leases = KubeLeases(api, settings.lease_namespace, settings.lease_name)
            yield Leadership(leases, settings.identity, clock=time.monotonic, now=lease_time)

    return on_a_thread(contend, time.monotonic)


@contextlib.asynccontextmanager
async def _gated(
    settings: Settings, access: kube_access.Access, metrics: Metrics, now: TimeOfDay, leadership: Candidacy
) -> AsyncIterator[tuple[KubeApi, HttpConductor, LakefsVersions]]:
    """The clients of the three servers, by which nothing is changed once another replica may lead."""
    gate, give_back = leaders_gate(leadership, time.monotonic), give_back_gate(leadership, time.monotonic)
    observe = metrics.called
    async with (
        KubeApi(access, observe=observe, heard=now.heard, gate=gate) as api,
        HttpConductor(settings.conductor_secret_now, observe=observe, gate=gate, give_back_gate=give_back) as conductor,
    ):
        yield api, conductor, LakefsVersions(settings.lakefs_secret_now, observe=observe, gate=gate)


def _take_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    hear_signals()


def _scopes(api: KubeApi, namespaces: tuple[str, ...]) -> tuple[Scope, ...]:
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


async def operate(settings: Settings) -> None:
    """Run the operator in this event loop until SIGTERM; a replica that loses the Lease never returns."""
    metrics, stop, now = Metrics(), asyncio.Event(), TimeOfDay(time.monotonic, utc_now)
    async with outside(settings, metrics, stop, now) as world:
        operator = Operator(world, settings, stop, clock=time.monotonic, now=now)
        metrics.read_when_asked(operator.gauges())
        health = operator.health(metrics.render)
        async with http_server.serving(health, settings.http_host, settings.http_port) as addresses:
            logger.info("answering probes at {}", ", ".join(addresses))
            try:
                await first_of(operator.life.run(), operator.preflight.run())
            except LeadershipLost as error:
                end_at_once(error, asked_to_end=stop.is_set())


def main() -> int:
    """Run the operator; the exit status is 0 after SIGTERM, 1 when something broke, 2 for bad settings.

    A lost Lease ends no process: it begins again.
    """
    try:
        settings = read()
        logs.configure(settings)
        asyncio.run(operate(settings))
    except (SettingsError, kube_access.AccessError) as error:
        with contextlib.suppress(BrokenPipeError):
            sys.stderr.write(f"{COMPONENT}: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    refuse_tracing()
    sys.setrecursionlimit(DEEPEST)
    sys.exit(main())
