"""An HTTP server on loopback that answers as a test says, and keeps what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What to answer: JSON, or `text` where a proxy speaks in the server's place, or an object's gzipped `body`."""

    status: int = 200
    json: Any = None
    text: str | None = None
    body: bytes | None = None
    headers: Mapping[str, str] | None = None
    after: float = 0
    """Seconds that the server takes over it."""


@dataclass
class ScriptedServer:
    """Gives its answers one after another, and repeats the last one."""

    answers: list[Answer] = field(default_factory=lambda: [Answer()])
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["ScriptedServer"]:
        """While the server listens, `url` is its address."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        async with TestServer(app) as server:
            self.url = str(server.make_url("")).rstrip("/")
            yield self

    async def _answer(self, request: web.Request) -> web.Response:
        path, query = request.raw_path.split("?")[0], dict(request.query)
        self.asked.append(Asked(request.method, path, query, request.headers, await request.read()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await asyncio.sleep(answer.after)
        if answer.body is not None:
            return web.Response(status=answer.status, body=answer.body, headers={"Content-Encoding": "gzip"})
        if answer.text is not None:
            return web.Response(status=answer.status, text=answer.text, content_type="text/html")
        return web.json_response(answer.json, status=answer.status, headers=answer.headers)
