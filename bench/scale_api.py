"""The bench's own client of the API server: creates objects many at a time, and follows them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp

from perago_operator.adapters import kube_access

AT_ONCE = 32
"""Objects that are being created at a time."""
Seen = Callable[[str, dict[str, Any]], None]


class Api:
    """A client with all rights; an async context that closes it."""

    def __init__(self, kubeconfig: Path) -> None:
        access = kube_access.load(kubeconfig)
        self._server, self._authorization = access.server, access.read_authorization() or ""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=2 * AT_ONCE, ssl=access.tls() or True),
            headers={"Authorization": self._authorization, "User-Agent": "perago-bench"},
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=1 << 22,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def create(self, path: str, objects: Iterable[dict[str, Any]]) -> None:
        """Create objects, so many at a time as a busy client does. Raises aiohttp's errors."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def post(obj: dict[str, Any]) -> None:
            async with slots, self._session.post(self._server + path, json=obj) as response:
                if response.status >= 400:
                    raise RuntimeError(f"POST {path}: {response.status} {await response.text()}")

        await asyncio.gather(*map(post, objects))

    @asynccontextmanager
    async def following(self, path: str, seen: Seen) -> AsyncIterator[None]:
        """`seen` hears of every event of the objects at a path, from now on, or the whole ends with an error."""
        async with self._session.get(self._server + path, params={"limit": "1"}) as response:
            version = (await response.json())["metadata"]["resourceVersion"]
        async with asyncio.TaskGroup() as group:
            following = group.create_task(self._follow(path, version, seen))
            try:
                yield
            finally:
                following.cancel()

    async def _follow(self, path: str, version: str, seen: Seen) -> None:
        """The API server ends the watch of a client that is too slow for it, as on a starved machine: it is resumed."""
        while True:
            query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": "3600"}
            async with self._session.get(self._server + path, params=query) as response:
                async for line in response.content:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise RuntimeError(f"watch {path}: {event['object'].get('message')}")
                    version = event["object"]["metadata"]["resourceVersion"]
                    seen(event["type"], event["object"])
