"""Whole downloads with the node cache: what the first has fetched, the next one does not."""

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from perago.agent.clients.lakefs import LakeFS
from perago.agent.data import moving
from perago.agent.data.transfer import Moved, Transfer
from perago.agent.data.volume import Space, Tree
from perago.agent.nodecache import usage
from perago.agent.nodecache.cache import NodeCache
from perago.agent.nodecache.folder import Folder
from perago.agent.nodecache.receiving import Nearby
from perago.agent.nodecache.room import Bounds, Disk
from perago.agent.nodecache.usage import Usage
from perago.models import WorkspaceSpec
from perago.wire.secrets import LakeFSKeys
from perago.workspace.manifest import Manifest
from tests.bodies import fixed
from tests.fakes.object_store import ObjectStore

CONTENTS = {f"d{number % 3}/f{number}": os.urandom(number * 100) for number in range(20)}


class Node:
    """lakeFS in memory, and a node with a cache."""

    def __init__(self, store: ObjectStore, lakefs: LakeFS, keys: LakeFSKeys, folder: Path) -> None:
        self.store, self._lakefs, self._keys, self._folder = store, lakefs, keys, folder
        self._downloads = 0

    async def download(self) -> dict[str, bytes]:
        """One attempt's download; its files."""
        self._downloads += 1
        root = self._folder / f"workspace-{self._downloads}"
        root.mkdir()
        folder = Folder(self._folder)
        cache = NodeCache(folder, Usage(folder.usage), Bounds(1 << 30, 0), lambda _: Disk(1 << 40, 1 << 40))
        nearby = Nearby(cache, self._lakefs.repository, lambda: self._keys)
        transfer = Transfer(self._lakefs, WorkspaceSpec(), Tree(str(root)), 10, nearby)
        manifest = root.with_suffix(".manifest")
        moved = await transfer.download("main", manifest, Space(0, 1 << 40))
        cache.close()
        files = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        assert moved == Moved(len(files), sum(map(len, files.values())))
        hashes = {path: f"md5:{hashlib.md5(content).hexdigest()}" for path, content in files.items()}
        assert Manifest.read(manifest).digests == hashes
        return files

    def fetched(self) -> int:
        """How many objects lakeFS was asked for since the last look."""
        paths = {path for path, _ in self.store.ranges}
        self.store.ranges.clear()
        return len(paths)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """With an empty cache, and a branch with some objects."""
    store = ObjectStore(dict(CONTENTS))
    async with TestServer(store.application()) as server, aiohttp.ClientSession() as session:
        keys = LakeFSKeys(str(server.make_url("")).rstrip("/"), "k", "s")
        yield Node(store, LakeFS(session, fixed(keys), "repo"), keys, tmp_path)


async def test_a_second_download_asks_lakefs_for_no_object(node: Node) -> None:
    """And has the same files, with a manifest of the same hashes."""
    assert await node.download() == CONTENTS
    assert node.fetched() == len(CONTENTS)
    assert await node.download() == CONTENTS
    assert node.fetched() == 0


async def test_what_has_changed_since_is_fetched(node: Node) -> None:
    """And nothing else."""
    await node.download()
    node.fetched()
    node.store.objects["d1/f1"] = b"changed"
    assert (await node.download())["d1/f1"] == b"changed"
    assert node.fetched() == 1


async def test_a_large_object_gets_into_the_cache_in_parts(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it gets into the workspace without one."""
    monkeypatch.setattr(moving, "PART_BYTES", 1000)
    monkeypatch.setattr(moving, "LARGE_BYTES", 10_000)
    node.store.objects = {"large": os.urandom(50_500)}
    for fetched in (1, 0):
        assert await node.download() == node.store.objects
        assert node.fetched() == fetched


@pytest.mark.parametrize("trouble", ["break_off", "corrupt", "overload"])
async def test_a_download_that_goes_wrong_is_repeated_into_the_cache(node: Node, trouble: str) -> None:
    """What broke off goes on, and what arrived corrupt is not kept."""
    setattr(node.store, trouble, Counter({"d1/f19": 1}))
    assert await node.download() == CONTENTS
    assert node.fetched() == len(CONTENTS)
    assert await node.download() == CONTENTS
    assert node.fetched() == 0


async def test_downloads_at_the_same_time_do_not_hinder_each_other(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has all files, and afterwards all are in the cache."""
    monkeypatch.setattr(usage, "TRIES", 10_000)  # a busy machine is not the question here
    assert await asyncio.gather(*(node.download() for _ in range(4))) == [CONTENTS] * 4
    node.fetched()
    await node.download()
    assert node.fetched() == 0
