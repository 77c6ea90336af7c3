"""Moves a workspace between lakeFS and the volume: many objects in flight, streamed, verified, retried.

Memory does not grow with the size or the number of objects: one page of a listing is read ahead, each thread has one
buffer, and the manifest is written as files arrive. It decides nothing about branches, and knows only paths below one
prefix.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

from perago.agent.clients.http import retried
from perago.agent.clients.lakefs import PAGE, Page
from perago.agent.clients.objects import BUFFER_BYTES
from perago.agent.data.arriving import TOGETHER, Arrivals, Placed, batches
from perago.agent.data.moving import PARTS, Calls, MovesBodies, Nearer, PartCrew, Parts, Receiver, nothing_nearer
from perago.agent.data.parallel import group, in_threads
from perago.agent.data.sending import Sender
from perago.agent.data.volume import Space, Tree
from perago.agent.underway import current
from perago.errors import TaskInputError
from perago.models import WorkspaceSpec
from perago.workspace.listing import Listing
from perago.workspace.manifest import ManifestEntry, ManifestWriter
from perago.workspace.paths import workspace_object_path, workspace_object_prefix

BYTES_IN_FLIGHT: Final = 8 << 20
WIDTH: Final = BYTES_IN_FLIGHT // BUFFER_BYTES
"""Threads, each with one connection and one buffer: what is in flight is bounded by bytes."""
BULKS: Final = 4
"""Bulk deletions at a time."""
ACTIONS: Final = "_lakefs_actions/"
"""Hooks of the repository, read by lakeFS from the merged source: a task may not publish any."""
LONGEST_PATH: Final = 1024
"""Bytes of an object's path. lakeFS 1.84 refuses a longer one, which is the task's doing and not an outage."""


class MovesObjects(Protocol):
    """What of lakeFS a transfer needs; see `perago.agent.clients.lakefs.LakeFS`."""

    repository: str

    async def ask_for_presigning(self) -> None: ...
    async def list_page(self, ref: str, prefix: str, after: str) -> Page: ...
    async def delete_objects(self, branch: str, paths: list[str]) -> None: ...
    def bodies(self) -> MovesBodies: ...


@dataclass(frozen=True)
class Moved:
    """What a transfer moved."""

    objects: int
    bytes: int


class Transfer:
    """The transfers of one attempt: one repository, one prefix, one tree."""

    def __init__(
        self,
        lakefs: MovesObjects,
        spec: WorkspaceSpec,
        tree: Tree,
        retry_seconds: float,
        nearer: Nearer = nothing_nearer,
    ) -> None:
        self._lakefs = lakefs
        self._nearer = nearer
        self._spec = spec
        self._tree = tree
        self._retry_seconds = retry_seconds
        self._lock = threading.Lock()
        self._objects = 0
        self._bytes = 0
        self._listed_objects = 0
        self._listed_bytes = 0
        self._underway = current()

    async def download(self, ref: str, manifest: Path, space: Space) -> Moved:
        """Everything below the prefix at commit `ref`; raises TaskInputError, VolumeFull, CorruptObject, NoAnswer."""
        await self._ask_for_presigning()
        listing = _Listing(partial(self._page, ref))
        with ManifestWriter(manifest) as writer, self._connections(listing.abort) as crew:
            parts = Parts(crew.parts, crew.calls)

            def worker(bodies: MovesBodies) -> Callable[[Sequence[Placed]], None]:
                receiver = self._nearer(Receiver(bodies, ref, crew.calls, parts), bodies, crew.calls)
                return Arrivals(self._tree, receiver, partial(self._arrived, writer)).fetch

            objects = self._placed(ref, listing.pages(), space)
            await in_threads(objects, [worker(bodies) for bodies in crew.bodies], crew.abort)
        return Moved(self._objects, self._bytes)

    async def upload(self, branch: str, paths: Iterable[str], count: int | None = None) -> Moved:
        """These files, by workspace-relative path, and how many they are, where that is known.

        Raises TaskInputError, UnreadableFile, CorruptObject, NoAnswer.
        """
        await self._ask_for_presigning()
        with self._connections(objects=count) as crew:

            def worker(bodies: MovesBodies) -> Callable[[str], None]:
                sender = Sender(bodies, branch, crew.calls, crew.parts)
                return lambda path: self._send(path, sender)

            await in_threads(paths, [worker(bodies) for bodies in crew.bodies], crew.abort)
        return Moved(self._objects, self._bytes)

    async def delete(self, branch: str, paths: Iterable[str]) -> None:
        """The objects of these workspace-relative paths, in bulks, a few at a time."""
        remaining = iter(paths)

        async def work() -> None:
            while objects := [object_path(self._spec, path) for path in islice(remaining, PAGE)]:
                await retried(partial(self._lakefs.delete_objects, branch, objects), self._retry_seconds)

        async with group() as tasks:
            for _ in range(BULKS):
                tasks.create_task(work())

    async def _ask_for_presigning(self) -> None:
        await retried(self._lakefs.ask_for_presigning, self._retry_seconds)

    async def _page(self, ref: str, after: str) -> Page:
        prefix = workspace_object_prefix(self._spec)
        below = f"{prefix}/" if prefix else ""
        page = await retried(partial(self._lakefs.list_page, ref, below, after), self._retry_seconds)
        self._listed_objects += len(page.objects)
        self._listed_bytes += sum(stats.size for stats in page.objects)
        if page.after is None:
            self._underway.expects(self._listed_objects, self._listed_bytes)
        return page

    def _placed(self, ref: str, pages: Iterable[Page], space: Space) -> Iterator[list[Placed]]:
        """What is to be fetched at a time; raises TaskInputError, VolumeFull."""
        listing = Listing(self._spec)
        for page in pages:
            size = len(page.objects) // (2 * WIDTH)  # so that a short page occupies all connections as well
            yield from batches(self._files(page, listing, space), min(TOGETHER, max(1, size)))
        where = f"lakefs://{self._lakefs.repository}/{ref}/{workspace_object_prefix(self._spec)}"
        listing.check(f"Rename or delete these objects on the branch; `lakectl fs ls -r {where}` lists them all")

    def _files(self, page: Page, listing: Listing, space: Space) -> Iterator[Placed]:
        """Those of one page; folders are made. After the first problem nothing is, but the listing is read for all."""
        for stats in page.objects:
            place = listing.place(stats.path, stats.size)
            if place is None or listing.problems:
                continue
            if place.is_folder:
                self._tree.make_folder(place.path)
                self._underway.moved_object()
                continue
            space.plan(stats.size, stats.path)
            yield stats, place

    def _arrived(self, writer: ManifestWriter, entries: Sequence[ManifestEntry]) -> None:
        with self._lock:
            for entry in entries:
                writer.add(entry)
        for entry in entries:
            self._count(entry.stat[0])

    def _send(self, path: str, sender: Sender) -> None:
        descriptor = self._tree.open_for_reading(path)
        try:
            size = sender.send(descriptor, path, object_path(self._spec, path))
        finally:
            os.close(descriptor)
        self._count(size)

    @contextmanager
    def _connections(
        self, abort_source: Callable[[], None] = lambda: None, objects: int | None = None
    ) -> Iterator["_Crew"]:
        self._underway.begin_transfer(objects)
        width = WIDTH if objects is None else max(1, min(WIDTH, objects))
        everyone = [self._lakefs.bodies() for _ in range(width + PARTS)]
        parts = PartCrew(everyone[width:])
        try:
            yield _Crew(everyone, parts, Calls(self._retry_seconds), abort_source)
        finally:
            parts.close()
            self._underway.end_transfer()
            for bodies in everyone:
                bodies.close()

    def _count(self, size: int) -> None:
        with self._lock:
            self._objects += 1
            self._bytes += size
        self._underway.moved_object()


@dataclass(frozen=True)
class _Crew:
    """The connections of one transfer."""

    everyone: list[MovesBodies]
    parts: PartCrew
    calls: Calls
    abort_source: Callable[[], None]

    @property
    def bodies(self) -> list[MovesBodies]:
        """One for each thread that moves whole objects; the others are for parts."""
        return self.everyone[:-PARTS]

    def abort(self) -> None:
        """Let everything fail that is under way."""
        self.calls.stop()
        self.abort_source()
        for bodies in self.everyone:
            bodies.abort()


class _Listing:
    """The pages of a listing, for threads; they are asked for in the event loop, one of them ahead."""

    def __init__(self, page: Callable[[str], Coroutine[Any, Any, Page]]) -> None:
        self._page = page
        self._loop = asyncio.get_running_loop()
        self._asked = self._ask("")

    def pages(self) -> Iterator[Page]:
        """One after another; raises as the page's call does."""
        while True:
            page = self._asked.result()
            if page.after is not None:
                self._asked = self._ask(page.after)
            yield page
            if page.after is None:
                return

    def abort(self) -> None:
        """Let whoever waits for a page fail."""
        self._asked.cancel()

    def _ask(self, after: str) -> Future[Page]:
        return asyncio.run_coroutine_threadsafe(self._page(after), self._loop)


def object_path(spec: WorkspaceSpec, path: str) -> str:
    """The object path of a changed file; raises TaskInputError for a path that a task may not publish."""
    name = workspace_object_path(spec, path)
    if name.startswith(ACTIONS):
        raise TaskInputError(f"{name!r} is a hook of the repository, which a task may not change")
    if (length := len(name.encode(errors="surrogateescape"))) > LONGEST_PATH:
        shown = f"{name[:60]}…"
        raise TaskInputError(
            f"{shown!r} has {length} bytes, and lakeFS takes paths of {LONGEST_PATH} at most: shorten it"
        )
    return name
