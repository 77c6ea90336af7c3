"""A lakeFS that carries out every call and never answers merges: a proxy in front of the server at `$TARGET`."""

import asyncio
import os
from collections.abc import AsyncIterator

from aiohttp import ClientSession, web

PORT = 8000
LARGEST = 64 << 20
OF_ONE_CONNECTION = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}
TARGET = web.AppKey("target", ClientSession)


async def forward(request: web.Request) -> web.Response:
    """Forward the call, and return its answer unless the call was a merge."""
    headers = {name: value for name, value in request.headers.items() if name.lower() not in OF_ONE_CONNECTION}
    call = request.app[TARGET].request(request.method, request.raw_path, headers=headers, data=await request.read())
    async with call as answer:
        content = await answer.read()
    if request.method == "POST" and "/merge/" in request.path:
        await asyncio.Event().wait()
    kept = {name: value for name, value in answer.headers.items() if name.lower() not in OF_ONE_CONNECTION}
    return web.Response(status=answer.status, body=content, headers=kept)


async def connected(app: web.Application) -> AsyncIterator[None]:
    """Keep one session with the real server while the proxy runs."""
    async with ClientSession(os.environ["TARGET"], auto_decompress=False) as session:
        app[TARGET] = session
        yield


def application() -> web.Application:
    """The proxy."""
    app = web.Application(client_max_size=LARGEST)
    app.cleanup_ctx.append(connected)
    app.router.add_route("*", "/{path:.*}", forward)
    return app


if __name__ == "__main__":
    web.run_app(application(), port=PORT, print=None, shutdown_timeout=0)
