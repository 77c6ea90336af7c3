"""Compares a store with a whole list, at the start and then every few minutes.

kopf tells nobody what vanished while its watch was down (it lists again and reports what is there), and its staleness
cannot be asked. The audit fills the store before the first decision, takes out what is gone, and notices a watch that
has stopped to deliver. It knows the Feed port and a store's keys and versions.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

from loguru import logger

from perago_operator.api.shared import Key
from perago_operator.loops import Backoff
from perago_operator.ports import Expired, Feed, Manifest, PortError, Sink, key_of

AUDIT_SECONDS = 300.0
SUSPICIOUS = 3
"""So many audits in a row that found the store behind mean that its watch is dead."""


class Known(Sink, Protocol):
    """A store that can tell what it has."""

    def versions(self) -> dict[Key, str]:
        """Resource version of each object."""


class Audit:
    """The audits of one kind of object; `clock` counts seconds and only grows."""

    def __init__(self, name: str, feed: Feed, store: Known, *, clock: Callable[[], float]) -> None:
        self.name = name
        self.behind = 0
        """Audits in a row that found the store behind."""
        self._feed = feed
        self._store = store
        self._clock = clock
        self._heard_at = clock()
        self._backoff = Backoff()

    def silent_seconds(self) -> float:
        """Seconds since the API server last answered an audit."""
        return self._clock() - self._heard_at

    def complaint(self) -> str | None:
        """What is wrong with the watch that feeds the store, if anything."""
        return f"{self.behind} audits in a row found it behind" if self.behind >= SUSPICIOUS else None

    async def fill(self) -> None:
        """Bring the store to the state of the API server; tried again until that succeeds."""
        failures = 0
        while True:
            try:
                await self.compare()
            except PortError as error:
                failures += 1
                delay = self._backoff.delay(failures, random.random)
                logger.warning("{} cannot be listed: {}; again in {:.1f} s", self.name, error, delay)
                await asyncio.sleep(delay)
            else:
                return

    async def run(self) -> None:
        """Audit every `AUDIT_SECONDS` until canceled. The store must have been filled."""
        while True:
            await asyncio.sleep(AUDIT_SECONDS)
            await self.judge()

    async def judge(self) -> None:
        """Compare once, and count how often in a row the store was found behind."""
        try:
            late = await self.compare()
        except PortError as error:
            logger.warning("audit of {}: {}", self.name, error)
            return
        self.behind = self.behind + 1 if late else 0
        if late:
            logger.warning("audit of {}: {} objects were behind", self.name, late)

    async def compare(self) -> int:
        """Put what is newer, remove what was there before and is not listed; returns how many were behind.

        What came into the store since the list began is not judged: the list is older.
        """
        before = self._store.versions()
        listed = await self._list()
        newer = [obj for key, obj in listed.items() if before.get(key) != obj["metadata"]["resourceVersion"]]
        held = self._store.versions()
        late = [obj for obj in newer if held.get(key_of(obj)) == before.get(key_of(obj))]
        gone = [key for key in before.keys() - listed.keys() if held.get(key) == before[key]]
        for obj in late:
            self._store.put(obj)
        for key in gone:
            self._store.remove(key)
        return len(late) + len(gone)

    async def _list(self) -> dict[Key, Manifest]:
        listed: dict[Key, Manifest] = {}
        token: str | None = None
        while True:
            try:
                page = await self._feed.page(token)
            except Expired:
                if token is None:
                    raise
                listed, token = {}, None
                continue
            self._heard_at = self._clock()
            listed |= {key_of(obj): obj for obj in page.items}
            token = page.next_page
            if token is None:
                return listed
