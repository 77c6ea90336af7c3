"""Moves a workspace between lakeFS and the volume: many objects in flight, streamed, verified, retried.

Memory does not grow with the size or the number of objects: listings are read two pages ahead, bodies in chunks, and
the manifest is written as files arrive. It decides nothing about branches, and knows only paths below one prefix.
"""

import os
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from loguru import logger

from perago.agent.clients.http import NoAnswer, retried
from perago.agent.clients.lakefs import PAGE, ObjectStats, Page
from perago.agent.data.parallel import in_parallel, stream
from perago.agent.data.streams import LARGE_BYTES, Sink, Source
from perago.agent.data.volume import CorruptObject, Space, Tree
from perago.errors import TaskInputError
from perago.models import WorkspaceSpec
from perago.workspace.manifest import ManifestWriter, entry_for
from perago.workspace.paths import (
    is_folder_marker,
    workspace_local_path,
    workspace_object_path,
    workspace_object_prefix,
)

WIDTH: Final = 32
"""Objects in flight; with chunks of 128 KiB the buffers stay below 20 MiB."""
ACTIONS: Final = "_lakefs_actions/"
"""Hooks of the repository, read by lakeFS from the merged source: a task may not publish any."""


class MovesObjects(Protocol):
    """What of lakeFS a transfer needs; see `perago.agent.clients.lakefs.LakeFS`."""

    async def list_page(self, ref: str, prefix: str, after: str) -> Page: ...
    def read_object(self, ref: str, path: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]: ...
    async def upload(self, branch: str, path: str, size: int, body: bytes | AsyncIterable[bytes]) -> ObjectStats: ...
    async def delete_objects(self, branch: str, paths: list[str]) -> None: ...


@dataclass(frozen=True)
class Moved:
    """What a transfer moved."""

    objects: int
    bytes: int


class Transfer:
    """The transfers of one attempt: one repository, one prefix, one tree."""

    def __init__(self, lakefs: MovesObjects, spec: WorkspaceSpec, tree: Tree, retry_seconds: float) -> None:
        self._lakefs = lakefs
        self._spec = spec
        self._tree = tree
        self._retry_seconds = retry_seconds
        self._objects = 0
        self._bytes = 0

    async def download(self, ref: str, manifest: Path, space: Space) -> Moved:
        """Everything below the prefix at commit `ref`; raises TaskInputError, VolumeFull, CorruptObject, NoAnswer."""
        with ManifestWriter(manifest) as writer:

            async def fetch(stats: ObjectStats) -> None:
                if is_folder_marker(stats.path):
                    self._make_folder(stats)
                    return
                local = workspace_local_path(self._spec, stats.path)
                if local is not None:
                    space.plan(stats.size, stats.path)
                    await self._fetch(ref, stats, local.as_posix(), writer)

            await in_parallel(self._listed(ref), fetch, WIDTH)
        return Moved(self._objects, self._bytes)

    async def upload(self, branch: str, paths: Iterable[str]) -> Moved:
        """These files, by workspace-relative path; raises TaskInputError, UnreadableFile, CorruptObject, NoAnswer."""

        async def send(path: str) -> None:
            await self._twice(lambda: self._send(branch, path), path)

        await in_parallel(stream(paths), send, WIDTH)
        return Moved(self._objects, self._bytes)

    async def delete(self, branch: str, paths: Sequence[str]) -> None:
        """The objects of these workspace-relative paths, in bulks."""
        objects = [object_path(self._spec, path) for path in paths]
        for start in range(0, len(objects), PAGE):
            bulk = objects[start : start + PAGE]
            await retried(partial(self._lakefs.delete_objects, branch, bulk), self._retry_seconds)

    async def _listed(self, ref: str) -> AsyncIterator[ObjectStats]:
        prefix = workspace_object_prefix(self._spec)
        below, after = f"{prefix}/" if prefix else "", ""
        while True:
            page = await retried(partial(self._lakefs.list_page, ref, below, after), self._retry_seconds)
            for stats in page.objects:
                yield stats
            if page.after is None:
                return
            after = page.after

    def _make_folder(self, marker: ObjectStats) -> None:
        """The folder that a marker stands for; one with content is an object that no folder can hold."""
        if marker.size:
            raise TaskInputError(
                f"object path {marker.path!r} cannot be kept in a workspace: "
                f"it is that of a folder, but the object has {marker.size} bytes"
            )
        local = workspace_local_path(self._spec, marker.path.removesuffix("/"))
        if local is not None:
            self._tree.make_folder(local.as_posix())

    async def _fetch(self, ref: str, stats: ObjectStats, local: str, writer: ManifestWriter) -> None:
        descriptor = self._tree.create(local)
        try:
            sink = Sink(descriptor, local)
            digest = await self._twice(lambda: self._receive(ref, stats, sink), stats.path)
            writer.add(entry_for(local, os.fstat(descriptor), digest))
        finally:
            os.close(descriptor)
        self._count(stats.size)

    async def _receive(self, ref: str, stats: ObjectStats, sink: Sink) -> str:
        sink.restart()
        large = stats.size > LARGE_BYTES
        async with self._lakefs.read_object(ref, stats.path) as chunks:
            async for chunk in chunks:
                await sink.feed(chunk, large=large)
        return sink.finish(stats)

    async def _send(self, branch: str, path: str) -> str:
        descriptor, size = self._tree.open_for_reading(path)
        try:
            source = Source(descriptor, size, path)
            name = object_path(self._spec, path)
            source.check(await self._lakefs.upload(branch, name, size, source.body()))
        except NoAnswer as error:
            raise source.failure or error from error
        finally:
            os.close(descriptor)
        self._count(size)
        return name

    async def _twice(self, call: Callable[[], Awaitable[str]], path: str) -> str:
        """`call` retried while there is no answer, and once more when what passed was corrupt."""
        try:
            return await retried(call, self._retry_seconds)
        except CorruptObject as error:
            logger.warning("{!r} is transferred once more: {}", path, error)
            return await retried(call, self._retry_seconds)

    def _count(self, size: int) -> None:
        self._objects += 1
        self._bytes += size


def object_path(spec: WorkspaceSpec, path: str) -> str:
    """The object path of a changed file; raises TaskInputError for a path that a task may not publish."""
    name = workspace_object_path(spec, path)
    if name.startswith(ACTIONS):
        raise TaskInputError(f"{name!r} is a hook of the repository, which a task may not change")
    return name
