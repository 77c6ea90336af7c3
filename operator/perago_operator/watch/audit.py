"""Compares a store with a whole list: once at the start, then every few minutes.

kopf reports nothing about objects that vanished while its watch was down (it lists again and reports what is there),
and it cannot be asked when its watch last heard something. The audit fills the store before the first decision, takes
out what is gone, and notices a watch that no longer delivers.
"""

import asyncio
from collections.abc import Callable

from loguru import logger

from perago_operator.api.shared import Key
from perago_operator.ports import Expired, Feed, Manifest, PortError, Sink, key_of

AUDIT_SECONDS = 300.0
SUSPICIOUS = 3
"""After this many audits in a row that found the store behind, its watch counts as dead."""


Versions = Callable[[], dict[Key, str]]
"""The resource version of each object in a store, or in the part of it that is audited."""


class Audit:
    """The audits of one feed's objects: `versions` says what the store has of them, `sink` brings changes into it."""

    def __init__(self, name: str, feed: Feed, versions: Versions, sink: Sink) -> None:
        self.name = name
        self.behind = 0
        """Audits in a row that found the store behind."""
        self._feed = feed
        self._versions = versions
        self._sink = sink

    def complaint(self) -> str | None:
        """What is wrong with the watch that feeds the store, if anything."""
        return f"{self.behind} audits in a row found it behind" if self.behind >= SUSPICIOUS else None

    async def run(self) -> None:
        """Audit every `AUDIT_SECONDS` until canceled. The first comparison, which fills the store, came before."""
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
        before = self._versions()
        listed = await whole_list(self._feed)
        newer = {key: obj for key, obj in listed.items() if before.get(key) != obj["metadata"]["resourceVersion"]}
        held = self._versions()
        late = [obj for key, obj in newer.items() if held.get(key) == before.get(key)]
        gone = [key for key in before.keys() - listed.keys() if held.get(key) == before[key]]
        for obj in late:
            self._sink.put(obj)
        for key in gone:
            self._sink.remove(key)
        return len(late) + len(gone)


async def whole_list(feed: Feed) -> dict[Key, Manifest]:
    """Every object of a feed, page by page; begins anew when the list has become too old."""
    listed: dict[Key, Manifest] = {}
    token: str | None = None
    while True:
        try:
            page = await feed.page(token)
        except Expired:
            if token is None:
                raise
            listed, token = {}, None
            continue
        listed |= {key_of(obj): obj for obj in page.items}
        token = page.next_page
        if token is None:
            return listed
