"""Keeps a sink the same as the API server: lists in pages, watches, resumes, and lists again when told to.

It knows the Feed port and a sink, not what the objects are or who reads them. Used for attempts and pods, which are
many; PeragoTasks are left to kopf.
"""

import asyncio
from collections.abc import Callable

from loguru import logger

from perago_operator.api.shared import Key
from perago_operator.loops import Backoff
from perago_operator.ports import Expired, Feed, Manifest, PortError, Sink, WatchEvent, is_refusal, key_of

BATCH = 50
"""Objects that are put before others have their turn in the event loop: some ten milliseconds of work."""
PAUSE_SECONDS = 0.1
"""Between the end of one stream and the next request, so that a server that ends streams at once is not flooded."""


ListObserver = Callable[[PortError | None], None]
"""Hears that a list is complete, or (an error) why that or the watch has failed."""


def unobserved(_: PortError | None) -> None:
    """The default: tell nobody."""


class Watch:
    """One list-and-watch, which runs until it is canceled. `clock` counts seconds and never goes back.

    A refusal is an answer: the watch is not silent then, and begins with a list as soon as it is allowed again.
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
        observe: ListObserver = unobserved,
    ) -> None:
        self.name = name
        self.synced = asyncio.Event()
        """Set once the first list is complete."""
        self._feed = feed
        self._sink = sink
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._pause = pause
        self._observe = observe
        self._heard_at = clock()
        self._since: str | None = None
        self._versions: dict[Key, str] = {}

    def silent_seconds(self) -> float:
        """Seconds since the API server was last heard on this watch."""
        return self._clock() - self._heard_at

    async def run(self) -> None:
        """List and watch, forever."""
        while True:
            try:
                if self._since is None:
                    self._since = await self._list()
                await self._follow(self._since)
            except Expired:
                logger.debug("{}: the watch is too old to be resumed, listing again", self.name)
                self._since = None
            except PortError as error:
                self._failed(error)
                await self._backoff.wait(self.name, error)
            await asyncio.sleep(self._pause)

    def _failed(self, error: PortError) -> None:
        if is_refusal(error):
            self._heard_at, self._since = self._clock(), None
        self._observe(error)

    async def _list(self) -> str:
        """Bring the sink to the state of a whole list; returns the version to watch from."""
        listed: set[Key] = set()
        token: str | None = None
        while True:
            page = await self._feed.page(token)
            self._heard()
            for number, obj in enumerate(page.items, 1):
                self._put(obj)
                listed.add(key_of(obj))
                if number % BATCH == 0:
                    await asyncio.sleep(0)
            token = page.next_page
            if token is None:
                break
        for key in self._versions.keys() - listed:
            self._remove(key)
        self.synced.set()
        self._observe(None)
        return page.resource_version

    async def _follow(self, since: str) -> None:
        """Apply events until the server ends the stream."""
        number = 0
        async for event in self._feed.watch(since):
            self._heard()
            self._apply(event)
            self._since = event.resource_version
            number += 1
            if number % BATCH == 0:
                await asyncio.sleep(0)
        self._heard()

    def _apply(self, event: WatchEvent) -> None:
        match event.kind:
            case "ADDED" | "MODIFIED":
                self._put(event.obj)
            case "DELETED":
                self._remove(key_of(event.obj))
            case "BOOKMARK":
                pass

    def _put(self, obj: Manifest) -> None:
        """Hand the object over unless the sink has this very version."""
        key, version = key_of(obj), obj["metadata"]["resourceVersion"]
        if self._versions.get(key) != version:
            self._sink.put(obj)
            self._versions[key] = version

    def _remove(self, key: Key) -> None:
        self._versions.pop(key, None)
        self._sink.remove(key)

    def _heard(self) -> None:
        self._heard_at = self._clock()
        self._backoff.succeeded()
