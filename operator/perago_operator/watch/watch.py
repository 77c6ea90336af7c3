"""Keeps a store the same as the API server: list in pages, watch, resume, and list again when told to.

It knows the Feed port and a sink; not what the objects are, nor who reads them. Used for pods, which kopf would list in
one piece and without a label selector.
"""

import asyncio
import random
from collections.abc import Callable

from loguru import logger

from perago_operator.api.shared import Key
from perago_operator.loops import Backoff
from perago_operator.ports import Expired, Feed, Manifest, PortError, Sink, WatchEvent, key_of

PAUSE_SECONDS = 0.1
"""Between the end of one stream and the next request, so that a server that ends streams at once is not flooded."""


class Watch:
    """One list-and-watch that runs until canceled, and tells since when it has heard nothing.

    `clock` counts seconds and only ever grows.
    """

    def __init__(
        self,
        name: str,
        feed: Feed,
        sink: Sink,
        *,
        clock: Callable[[], float],
        backoff: Backoff | None = None,
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self.name = name
        self.synced = asyncio.Event()
        """Set once the first list is complete."""
        self._feed = feed
        self._sink = sink
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._pause = pause
        self._heard_at = clock()
        self._failures = 0
        self._since: str | None = None
        self._versions: dict[Key, str] = {}

    def silent_seconds(self) -> float:
        """Seconds since the API server was last heard on this watch."""
        return self._clock() - self._heard_at

    async def run(self) -> None:
        """List and watch for ever."""
        while True:
            try:
                if self._since is None:
                    self._since = await self._list()
                await self._follow(self._since)
            except Expired:
                logger.debug("{}: the watch is too old to be resumed, listing again", self.name)
                self._since = None
            except PortError as error:
                await self._after_failure(error)
            await asyncio.sleep(self._pause)

    async def _after_failure(self, error: PortError) -> None:
        """Wait; the watch then goes on where it stood."""
        self._failures += 1
        delay = self._backoff.delay(self._failures, random.random)
        logger.warning("{}: {}; again in {:.1f} s", self.name, error, delay)
        await asyncio.sleep(delay)

    async def _list(self) -> str:
        """Bring the sink to the state of a whole list; returns the version to watch from."""
        seen: dict[Key, str] = {}
        token: str | None = None
        while True:
            page = await self._feed.page(token)
            self._heard()
            for obj in page.items:
                seen[key_of(obj)] = self._put(obj)
            token = page.next_page
            if token is None:
                break
        for key in self._versions.keys() - seen.keys():
            self._sink.remove(key)
        self._versions = seen
        self.synced.set()
        return page.resource_version

    async def _follow(self, since: str) -> None:
        """Apply events until the server ends the stream in order."""
        async for event in self._feed.watch(since):
            self._heard()
            self._apply(event)
            self._since = event.resource_version
        self._heard()

    def _apply(self, event: WatchEvent) -> None:
        match event.kind:
            case "ADDED" | "MODIFIED":
                key = key_of(event.obj)
                self._versions[key] = self._put(event.obj)
            case "DELETED":
                key = key_of(event.obj)
                self._versions.pop(key, None)
                self._sink.remove(key)
            case "BOOKMARK":
                pass

    def _put(self, obj: Manifest) -> str:
        """Hand the object over unless the sink has this very version."""
        version: str = obj["metadata"]["resourceVersion"]
        if self._versions.get(key_of(obj)) != version:
            self._sink.put(obj)
        return version

    def _heard(self) -> None:
        self._heard_at = self._clock()
        self._failures = 0
