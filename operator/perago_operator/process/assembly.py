"""All parts of one replica, put together over its ports. It names no adapter and decides nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from perago_operator.bridge.adoption import Adoption, SearchableConductor, worker_name
from perago_operator.bridge.creation import Creation
from perago_operator.bridge.poller import PollObserver, PollSettings, unobserved
from perago_operator.bridge.pollers import Pollers
from perago_operator.bridge.usability import Shown, Usability
from perago_operator.clocks import Clock
from perago_operator.ports import Cluster, FinishedObserver, Gauge, Health, WatchTasks
from perago_operator.process import probes
from perago_operator.process.leader import Candidacy
from perago_operator.process.life import Life
from perago_operator.process.outbox import Outbox
from perago_operator.process.preflight import Preflight, servers
from perago_operator.process.sweeper import SweepableVersions, Sweeper, SweepTerms
from perago_operator.process.taskgauges import task_gauges
from perago_operator.process.work import Scope, Work
from perago_operator.reconcile.apply import Applier
from perago_operator.reconcile.loop import Observer, Reconciler
from perago_operator.settings import Settings
from perago_operator.watch.stores import Stores


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything outside of the operator's event loop."""

    cluster: Cluster
    conductor: SearchableConductor
    versions: SweepableVersions
    leadership: Candidacy
    scopes: tuple[Scope, ...]
    watch_tasks: WatchTasks
    acted: Observer
    polled: PollObserver
    finished: FinishedObserver = unobserved


class Operator:
    """One replica: its life, and what probes and metrics read. `clock` never goes back; `now` is the time of day."""

    def __init__(
        self,
        outside: Outside,
        settings: Settings,
        stop: asyncio.Event,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self.stores = Stores(lambda key: self.reconciler.enqueue(key))
        config, both = settings.config(), Clock(clock, now)
        self.reconciler = Reconciler(
            Applier(outside.cluster, outside.conductor, outside.versions, both),
            self.stores,
            config,
            both,
            concurrency=settings.reconciles,
            observe=outside.acted,
            worker_id=lambda: self._worker_id() if self.leadership.lease_uid else None,
            serves=self._serves,
        )
        attempts = self.stores.attempts
        creation = Creation(outside.cluster, outside.conductor, attempts, config, clock=clock)
        adoption = Adoption(outside.conductor, creation, attempts, self.stores.tasks, self._worker_id, clock=clock)
        polling = PollSettings(
            self._worker_id,
            settings.poll_seconds,
            config.limits,
            outside.polled,
            adoption.poll_failed,
            serves=self._serves,
        )
        shown = Shown(attempts, Usability(self.stores.tasks, config, clock=clock))
        pollers = Pollers(outside.cluster, outside.conductor, creation, shown, polling, now=now)
        terms = _sweep_terms(settings)
        self.sweeper = Sweeper(outside.versions, outside.cluster, attempts, terms, clock=clock, now=now)
        self.work = Work(
            self.stores,
            self.reconciler,
            pollers,
            outside.scopes,
            outside.watch_tasks,
            beside={
                "adoption of polled tasks": adoption.run,
                **({"sweep of staging branches": self.sweeper.run} if settings.sweep_seconds else {}),
            },
            observe=outside.finished,
            clock=clock,
        )
        self.preflight = Preflight(servers(outside.conductor, outside.versions), settings.address_of)
        self.outbox = Outbox(self.stores.attempts.counts.unreported, clock)
        self.leadership = outside.leadership
        self.life = Life(self.leadership, self.work, outside.cluster, stop, shutdown_seconds=settings.shutdown_seconds)

    def _serves(self, namespace: str) -> bool:
        return namespace in self.work.served

    def _worker_id(self) -> str:
        return worker_name(self._settings.identity, self._settings.installation, self.leadership.lease_uid)

    def health(self, metrics: Callable[[], bytes]) -> Health:
        """What the HTTP server answers from."""
        return Health(
            alive=probes.liveness(self.work, self._settings.watch_stale_seconds),
            ready=probes.readiness(self.work, self.leadership) | self.preflight.checks(),
            metrics=metrics,
        )

    def gauges(self) -> tuple[Gauge, ...]:
        """Numbers to read for each scrape."""
        return (
            *probes.gauges(self.stores, self.reconciler, self.work, self.leadership),
            *self.outbox.gauges(),
            *probes.sweep_gauges(self.sweeper),
            *task_gauges(self.stores),
            self.work.served.gauge(),
            self.preflight.gauge(),
        )


def _sweep_terms(settings: Settings) -> SweepTerms:
    return SweepTerms(
        settings.installation,
        settings.repositories,
        settings.namespaces,
        settings.sweep_seconds,
        settings.sweep_age_seconds,
    )
