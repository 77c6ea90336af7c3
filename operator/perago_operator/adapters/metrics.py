"""Prometheus metrics of the operator.

`Metrics` is called as counted things happen; what stores and watches show is read when Prometheus asks. It knows
prometheus_client, and not what the numbers mean.
"""

from collections.abc import Iterable, Iterator
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from perago_operator.ports import Finished, Gauge

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each one, which nobody reads

CALL_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)
PART_BUCKETS = (1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0)


class Metrics:
    """One registry; `render` is what /metrics answers with."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        Info("perago_build", "The operator's version", registry=self._registry).info({"version": version("perago")})
        self._actions = Histogram(
            "perago_action_seconds",
            "Time that actions of the reconciler took",
            ("action",),
            buckets=CALL_BUCKETS,
            registry=self._registry,
        )
        self._action_failures = Counter(
            "perago_action_failures", "Actions of the reconciler that failed", ("action",), registry=self._registry
        )
        self._calls = Histogram(
            "perago_call_seconds",
            "Time that calls took, by service, call and result",
            ("service", "call", "result"),
            buckets=CALL_BUCKETS,
            registry=self._registry,
        )
        self._polled = Counter(
            "perago_polled_tasks", "Tasks that Conductor handed out", ("task_type",), registry=self._registry
        )
        self._finished = Counter(
            "perago_attempts_finished",
            "Attempts of which nothing is left to do, by how they ended",
            ("namespace", "task", "status", "class", "reason"),
            registry=self._registry,
        )
        self._parts = Histogram(
            "perago_attempt_seconds",
            "Time that the parts of finished attempts took, as in `status.timings`",
            ("namespace", "task", "part"),
            buckets=PART_BUCKETS,
            registry=self._registry,
        )

    def acted(self, action: str, seconds: float, ok: bool) -> None:
        """An action of the reconciler was carried out, or failed."""
        if ok:
            self._actions.labels(action).observe(seconds)
        else:
            self._action_failures.labels(action).inc()

    def called(self, service: str, call: str, result: str, seconds: float) -> None:
        """A call to a service ended: `result` is `ok` or the name of the error."""
        self._calls.labels(service, call, result).observe(seconds)

    def polled(self, task_type: str, count: int) -> None:
        """A poll handed out tasks."""
        self._polled.labels(task_type).inc(count)

    def finished(self, attempt: Finished) -> None:
        """An attempt is over."""
        ended = attempt.status, attempt.failure_class, attempt.reason
        self._finished.labels(attempt.namespace, attempt.task, *ended).inc()
        for part, seconds in attempt.seconds.items():
            self._parts.labels(attempt.namespace, attempt.task, part).observe(seconds)

    def read_when_asked(self, gauges: Iterable[Gauge]) -> None:
        """Add gauges that are read for each scrape."""
        self._registry.register(_Gauges(tuple(gauges)))

    def render(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)


class _Gauges(Collector):
    def __init__(self, gauges: tuple[Gauge, ...]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read every gauge."""
        for gauge in self._gauges:
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            for labels, value in gauge.read():
                family.add_metric(labels, value)
            yield family
