"""/healthz, /readyz and /metrics for the kubelet and Prometheus.

It knows named checks and a function that renders metrics, not what they look at.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from perago_operator.ports import Check, Health, complaints


def application(health: Health) -> web.Application:
    """The three paths: 200 with `ok`, or 503 with what is wrong."""
    app = web.Application()
    app.router.add_get("/healthz", _answer(health.alive))
    app.router.add_get("/readyz", _answer(health.ready))
    app.router.add_get("/metrics", _metrics(health.metrics))
    return app


def _answer(checks: Mapping[str, Check]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        wrong = complaints(checks)
        return web.Response(status=503 if wrong else 200, text="\n".join(wrong) or "ok")

    return answer


def _metrics(render: Callable[[], bytes]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=render(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    return answer


@asynccontextmanager
async def serving(health: Health, host: str, port: int) -> AsyncIterator[tuple[str, ...]]:
    """Answer as long as the context lasts; yields the addresses, with the port that was taken for 0."""
    runner = web.AppRunner(application(health), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield tuple(f"{host}:{port}" for host, port, *_ in runner.addresses)
    finally:
        await runner.cleanup()
