"""Downloads with the node cache: what lakeFS is asked for, counted in front of it; fake and real alike."""

from pathlib import Path

import pytest

from perago.agent.clients.lakefs import LakeFS
from perago.agent.data.transfer import Transfer
from perago.agent.data.volume import Space, Tree
from perago.agent.nodecache.cache import NodeCache
from perago.agent.nodecache.folder import Folder
from perago.agent.nodecache.receiving import Nearby
from perago.agent.nodecache.room import Bounds, Disk
from perago.agent.nodecache.usage import Usage
from perago.models import WorkspaceSpec
from perago.wire.secrets import LakeFSKeys
from tests.contract.objects.backends import Backend
from tests.contract.objects.test_objects import LARGE

CONTENTS = {"a/small": b"small", "a/large": LARGE, "b": b"", **{f"c/{number}": bytes([number]) for number in range(9)}}


class Downloaded:
    """Attempts on one node, each with a workspace of its own."""

    def __init__(self, backend: Backend, folder: Path) -> None:
        self._backend, self._folder = backend, folder
        self._count = 0

    async def files(self, keys: LakeFSKeys | None = None) -> dict[str, bytes]:
        """The files of the next attempt."""
        self._count += 1
        root = self._folder / f"workspace-{self._count}"
        root.mkdir()
        folder = Folder(self._folder)
        cache = NodeCache(folder, Usage(folder.usage), Bounds(1 << 30, 0), lambda _: Disk(1 << 40, 1 << 40))
        client: LakeFS = self._backend.client
        nearby = Nearby(cache, client.repository, lambda: keys or LakeFSKeys("http://lakefs", "key", "secret"))
        transfer = Transfer(client, WorkspaceSpec(), Tree(str(root)), 30, nearby)
        await transfer.download("main", root.with_suffix(".manifest"), Space(0, 1 << 40))
        cache.close()
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def reads(self) -> int:
        """How many objects were read from lakeFS, or from its block store, since the last look."""
        return self._backend.reads()


@pytest.fixture
async def node(backend: Backend, tmp_path: Path) -> Downloaded:
    """A node without a cache yet, and a branch with objects."""
    for path, data in CONTENTS.items():
        await backend.put(path, data)
    return Downloaded(backend, tmp_path)


async def test_a_second_download_reads_no_object(node: Downloaded) -> None:
    """It lists them, and has the same files."""
    assert await node.files() == CONTENTS
    assert node.reads() == len(CONTENTS)
    assert await node.files() == CONTENTS
    assert node.reads() == 0


async def test_a_new_version_of_an_object_is_read(node: Downloaded, backend: Backend) -> None:
    """Every upload has a place of its own in the storage, also one of the same content."""
    await node.files()
    await backend.put("c/1", b"changed")
    node.reads()
    assert (await node.files())["c/1"] == b"changed"
    assert node.reads() == 1


async def test_other_keys_read_for_themselves(node: Downloaded) -> None:
    """Whether they may is for lakeFS to say."""
    await node.files()
    node.reads()
    assert await node.files(LakeFSKeys("http://lakefs", "other", "secret")) == CONTENTS
    assert node.reads() == len(CONTENTS)
