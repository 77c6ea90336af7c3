"""What probes and metrics read from the parts at work: attempts, watches, leadership. It changes nothing."""

from collections.abc import Callable, Iterable
from functools import partial

from perago.wire.leftovers import Verdict
from perago_operator.ports import Check, Gauge
from perago_operator.process.leader import Candidacy
from perago_operator.process.sweeper import Sweeper
from perago_operator.process.work import Work
from perago_operator.reconcile.loop import Reconciler
from perago_operator.watch.stores import Stores

Labelled = Iterable[tuple[tuple[str, ...], float]]


def liveness(work: Work, stale_seconds: float) -> dict[str, Check]:
    """Checks that fail when a watch of a leader is stale. A standby watches nothing and is alive."""
    checks: dict[str, Check] = {}
    for watch in work.watches:
        checks[f"watch {watch.name}"] = partial(_stale, work, watch.silent_seconds, stale_seconds)
    for audit in work.audits:
        checks[f"watch {audit.name}"] = audit.complaint
    return checks


def readiness(work: Work, leadership: Candidacy) -> dict[str, Check]:
    """A standby is ready to take over; a leader is ready once everything is listed and watched."""

    def listing() -> str | None:
        if not leadership.leading:
            return None
        return work.served.complaint() if work.working else "attempts, tasks and pods are being listed"

    return {"work": listing}


def _stale(work: Work, silent_seconds: Callable[[], float], limit: float) -> str | None:
    silent = silent_seconds()
    if work.working and silent > limit:
        return f"nothing heard from the API server for {silent:.0f} s"
    return None


def gauges(stores: Stores, reconciler: Reconciler, work: Work, leadership: Candidacy) -> tuple[Gauge, ...]:
    """Numbers to read for each scrape."""
    return (
        Gauge("perago_attempts", "Attempts that exist", ("phase", "result"), stores.attempts.counts.phases.items),
        Gauge("perago_reconciles_active", "Attempts being looked at", (), lambda: [((), reconciler.active)]),
        Gauge("perago_leader", "1 for the replica that works", (), lambda: [((), float(leadership.leading))]),
        Gauge("perago_watch_silent_seconds", "Time since a watch was heard", ("watch",), partial(_silence, work)),
        Gauge("perago_pods", "Pods of attempts that exist", (), lambda: [((), len(stores.pods))]),
    )


def sweep_gauges(sweeper: Sweeper) -> tuple[Gauge, ...]:
    """Numbers of the sweep of staging branches."""
    return (
        Gauge("perago_staging_branches", "Staging branches at the last sweep", ("verdict",), partial(_swept, sweeper)),
        Gauge("perago_staging_branches_deleted", "Leftovers deleted so far", (), lambda: [((), sweeper.deleted)]),
    )


def _swept(sweeper: Sweeper) -> Labelled:
    return [((verdict.value,), sweeper.seen[verdict]) for verdict in Verdict]


def _silence(work: Work) -> Labelled:
    return [((watch.name,), watch.silent_seconds()) for watch in work.watches]
