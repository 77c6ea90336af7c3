"""A lakeFS that carries out every call, and answers all but merges: a proxy in front of the server in `TARGET`."""

import asyncio
import os
from collections.abc import AsyncIterator

from aiohttp import ClientSession, web

PORT = 8000
LARGEST = 64 << 20
OF_ONE_CONNECTION = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}
TARGET = web.AppKey("target", ClientSession)


async def forward(request: web.Request) -> web.Response:
    """Pass the call on, and its answer back, unless it was a merge: that answer is never given."""
    headers = {name: value for name, value in request.headers.items() if name.lower() not in OF_ONE_CONNECTION}
    call = request.app[TARGET].request(request.method, request.raw_path, headers=headers, data=await request.read())
    async with call as answer:
        content = await answer.read()
    if request.method == "POST" and "/merge/" in request.path:
        await asyncio.Event().wait()
    kept = {name: value for name, value in answer.headers.items() if name.lower() not in OF_ONE_CONNECTION}
    return web.Response(status=answer.status, body=content, headers=kept)


async def connected(app: web.Application) -> AsyncIterator[None]:
    """One session to the real server while the proxy runs."""
    async with ClientSession(os.environ["TARGET"], auto_decompress=False) as session:
        app[TARGET] = session
        yield


def main() -> None:
    """Serve until the pod is deleted."""
    app = web.Application(client_max_size=LARGEST)
    app.cleanup_ctx.append(connected)
    app.router.add_route("*", "/{path:.*}", forward)
    web.run_app(app, port=PORT, print=None, handle_signals=True, shutdown_timeout=0)


if __name__ == "__main__":
    main()
