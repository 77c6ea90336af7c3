"""Listed objects into files of the workspace, in one thread: small ones are asked for together, all others alone.

It knows no page of a listing and no other thread. How an object is fetched is `perago.agent.data.moving`'s.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Final

from perago.agent.clients.objects import ObjectStats
from perago.agent.data.moving import Receives
from perago.agent.data.volume import NewFiles, Tree, write_all
from perago.workspace.listing import Place
from perago.workspace.manifest import ManifestEntry, entry_for

TOGETHER: Final = 16
"""Most objects that one connection is asked for at once: the server answers them one after another."""
SMALL_BYTES: Final = 64 * 1024
"""An object of this size and more is asked for alone."""

Placed = tuple[ObjectStats, Place]


def batches(objects: Iterable[Placed], most: int) -> Iterator[list[Placed]]:
    """Small neighbours together, at most so many; every other object alone."""
    batch: list[Placed] = []
    for placed in objects:
        if placed[0].size >= SMALL_BYTES:
            yield [placed]
            continue
        batch.append(placed)
        if len(batch) == most:
            yield batch
            batch = []
    if batch:
        yield batch


class Arrivals:
    """What one thread does with the objects that it takes."""

    def __init__(self, tree: Tree, receiver: Receives, arrived: Callable[[Sequence[ManifestEntry]], None]) -> None:
        """`arrived` is told of files that are complete."""
        self._tree = tree
        self._receiver = receiver
        self._arrived = arrived

    def fetch(self, batch: Sequence[Placed]) -> None:
        """Make a file of each; raises TaskInputError, VolumeFull, CorruptObject, NoAnswer."""
        entries = self._together(batch) if batch[0][0].size < SMALL_BYTES else []
        self._arrived(entries)
        for stats, place in batch[len(entries) :]:
            self._arrived([self._alone(stats, place)])

    def _together(self, batch: Sequence[Placed]) -> list[ManifestEntry]:
        """The files of those that came as they were listed, from the first one on."""
        entries = []
        received = self._receiver.receive_together([stats for stats, _ in batch])
        with closing(received), NewFiles(self._tree) as files:
            for (content, digest), (_, place) in zip(received, batch, strict=False):
                entries.append(_file(files.create(place.path), content, digest, place.path))
        return entries

    def _alone(self, stats: ObjectStats, place: Place) -> ManifestEntry:
        descriptor = self._tree.create(place.path)
        try:
            digest = self._receiver.receive(stats, descriptor, place.path)
            return entry_for(place.path, os.fstat(descriptor), digest)
        finally:
            os.close(descriptor)


def _file(descriptor: int, content: memoryview, digest: str, path: str) -> ManifestEntry:
    try:
        write_all(descriptor, content, path)
        return entry_for(path, os.fstat(descriptor), digest)
    finally:
        os.close(descriptor)
