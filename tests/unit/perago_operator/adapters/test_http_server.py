"""Probes answer with 200, or with 503 and what is wrong."""

import pytest
from aiohttp.test_utils import TestClient, TestServer

from perago_operator.adapters.http_server import application
from perago_operator.adapters.metrics import Metrics
from perago_operator.ports import Gauge, Health


async def answer(health: Health, path: str) -> tuple[int, str]:
    """Status and text of a path."""
    async with TestClient(TestServer(application(health))) as client:
        response = await client.get(path)
        return response.status, await response.text()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_without_a_complaint_the_answer_is_ok(path: str) -> None:
    """Both probes."""
    fine = {"watch": lambda: None}
    assert await answer(Health(alive=fine, ready=fine), path) == (200, "ok")


async def test_what_is_wrong_is_said() -> None:
    """`kubectl describe pod` shows it."""
    health = Health(alive={"one": lambda: None, "two": lambda: "is stale"})
    assert await answer(health, "/healthz") == (503, "two: is stale")


async def test_readiness_and_liveness_are_apart() -> None:
    """A replica that is not ready is not killed for it."""
    health = Health(ready={"work": lambda: "listing"})
    assert (await answer(health, "/healthz"))[0] == 200
    assert (await answer(health, "/readyz"))[0] == 503


async def test_metrics_are_in_prometheus_format() -> None:
    """Counters as they happened, gauges as they are when asked."""
    metrics, pods = Metrics(), [3.0]
    metrics.read_when_asked([Gauge("perago_pods", "Pods", ("node",), lambda: [(("n1",), pods[0])])])
    metrics.acted("CreatePod", 0.1, True)
    metrics.acted("CreatePod", 0.0, False)
    metrics.called("conductor", "poll", "ok", 0.2)
    metrics.polled("build", 2)
    pods[0] = 4.0
    status, text = await answer(Health(metrics=metrics.render), "/metrics")
    assert status == 200
    for line in (
        'perago_pods{node="n1"} 4.0',
        'perago_action_seconds_count{action="CreatePod"} 1.0',
        'perago_action_failures_total{action="CreatePod"} 1.0',
        'perago_call_seconds_count{call="poll",result="ok",service="conductor"} 1.0',
        'perago_polled_tasks_total{task_type="build"} 2.0',
    ):
        assert line in text
