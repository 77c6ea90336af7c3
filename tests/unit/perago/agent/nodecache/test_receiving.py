"""Where one object comes from: the node cache or lakeFS, verified, and never by a link into the cache."""

import errno
import fcntl
import hashlib
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from perago.agent.clients.http import NoAnswer, Server
from perago.agent.clients.objects import ObjectStats
from perago.agent.data.moving import Calls, MovesBodies
from perago.agent.data.volume import CorruptObject, VolumeFull
from perago.agent.nodecache import receiving
from perago.agent.nodecache.cache import NodeCache
from perago.agent.nodecache.folder import Folder
from perago.agent.nodecache.receiving import Nearby, Stopped, entry_name
from perago.agent.nodecache.room import Bounds, Disk
from perago.agent.nodecache.usage import Usage
from perago.agent.underway import Underway, follow
from perago.wire.secrets import LakeFSKeys

CONTENT = b"content" * 1000
KEYS = LakeFSKeys("http://lakefs", "key", "secret")
STATS = ObjectStats("a/b", len(CONTENT), hashlib.md5(CONTENT).hexdigest(), "s3://bucket/data/1")
VERIFIED = f"md5:{STATS.checksum}"


@dataclass
class Network:
    """lakeFS: fills the file with `content`, and says what `Receiver.receive` says of it."""

    content: bytes = CONTENT
    digest: str = VERIFIED
    error: Exception | None = None
    calls: int = 0
    filled: list[Path] = field(default_factory=list)

    def receive(self, stats: ObjectStats, descriptor: int, local: str) -> str:
        self.calls += 1
        self.filled.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        os.write(descriptor, self.content)
        if self.error is not None:
            raise self.error
        return self.digest

    def receive_together(self, objects: Sequence[ObjectStats]) -> Generator[tuple[memoryview, str]]:
        """The cache looks for each object."""
        yield from ()


class Connection:
    """A thread's connection, of which the buffer is used."""

    buffer = memoryview(bytearray(1024))


@dataclass
class World:
    """A cache in a folder, a workspace beside it, and lakeFS."""

    folder: Path
    network: Network = field(default_factory=Network)
    calls: Calls = field(default_factory=lambda: Calls(10))
    files: int = 0

    def __post_init__(self) -> None:
        self.root = self.folder / "cache"
        self.root.mkdir()
        cache = Folder(self.root)
        self.cache = NodeCache(cache, Usage(cache.usage), Bounds(1 << 30, 0), lambda _: Disk(1 << 40, 1 << 40))

    def receive(self, stats: ObjectStats = STATS, keys: LakeFSKeys = KEYS) -> Path:
        """Receive an object into a new file of the workspace."""
        self.files += 1
        path = self.folder / f"file-{self.files}"
        with path.open("xb+", buffering=0) as file:
            self.digest = self.receive_into(file.fileno(), stats, keys)
        return path

    def receive_into(self, descriptor: int, stats: ObjectStats = STATS, keys: LakeFSKeys = KEYS) -> str:
        """Receive an object into an open file."""
        connection: Any = Connection()
        bodies: MovesBodies = connection
        receiver = Nearby(self.cache, "repo", lambda: keys)(self.network, bodies, self.calls)
        return receiver.receive(stats, descriptor, "b")

    def entries(self) -> list[Path]:
        """The files of all entries."""
        return [path for path in (self.root / "1" / "objects").rglob("*") if path.is_file()]

    def incoming(self) -> list[str]:
        """What is being filled."""
        return [path.name for path in (self.root / "1" / "incoming").iterdir()]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """With nothing in the cache."""
    world = World(tmp_path)
    yield world
    assert world.incoming() == []


def test_an_object_comes_from_lakefs_once(world: World) -> None:
    """And is the same each time, with the same content hash."""
    for _ in range(3):
        assert world.receive().read_bytes() == CONTENT
        assert world.digest == VERIFIED
    assert world.network.calls == 1


def test_an_empty_object_comes_from_lakefs_once(world: World) -> None:
    """It is an entry like any other."""
    checksum = hashlib.md5(b"").hexdigest()
    world.network = Network(b"", f"md5:{checksum}")
    for _ in range(2):
        assert world.receive(ObjectStats("a", 0, checksum, "s3://bucket/data/2")).read_bytes() == b""
    assert world.network.calls == 1


SPOILT: dict[str, Callable[[Path], object]] = {
    "a bit": lambda path: path.write_bytes(CONTENT[:-1] + b"x"),
    "shorter": lambda path: path.write_bytes(CONTENT[:-1]),
    "longer": lambda path: path.write_bytes(CONTENT + b"x"),
    "empty": lambda path: path.write_bytes(b""),
    "a folder": lambda path: path.rename(path.with_name("away")).with_name(path.name).mkdir(),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_an_entry_that_is_not_the_object_is_never_delivered(world: World, spoil: Callable[[Path], object]) -> None:
    """Whatever has become of it: the file has what lakeFS has."""
    world.receive()
    (entry,) = world.entries()
    spoil(entry)
    assert world.receive().read_bytes() == CONTENT
    assert world.digest == VERIFIED
    assert world.network.calls == 2


def test_a_damaged_entry_is_replaced(world: World) -> None:
    """The next one finds it whole."""
    world.receive()
    (entry,) = world.entries()
    entry.write_bytes(b"damaged" * 1000)
    for _ in range(2):
        world.receive()
    assert world.network.calls == 2
    assert [entry.read_bytes() for entry in world.entries()] == [CONTENT]


def test_a_damaged_entry_is_removed_before_it_is_fetched_again(world: World) -> None:
    """Also if lakeFS does not have it at hand: nobody has to find out once more."""
    world.receive()
    (entry,) = world.entries()
    entry.write_bytes(b"damaged" * 1000)
    world.network.error = NoAnswer(Server.LAKEFS, "lakeFS did not answer")
    with pytest.raises(NoAnswer):
        world.receive()
    assert world.entries() == []


def test_use_makes_an_entry_younger(world: World) -> None:
    """So it is not evicted before others."""
    world.receive()
    (entry,) = world.entries()
    os.utime(entry, ns=(1, 1))
    world.receive()
    assert entry.stat().st_mtime_ns > 1


def test_no_descriptor_stays_open(world: World) -> None:
    """There may be more objects than a process may have open."""
    for _ in range(2):
        world.receive()
    targets = [descriptor.resolve() for descriptor in Path("/proc/self/fd").iterdir()]
    assert [path.name for path in targets if path.is_relative_to(world.root)] == ["usage"]


@pytest.mark.parametrize(
    ("stats", "digest"),
    [
        (replace(STATS, checksum="c" * 32), VERIFIED),  # an ETag under KMS; it has arrived twice alike
        (replace(STATS, checksum=STATS.checksum + "-2"), hashlib.sha256(CONTENT).hexdigest()),  # of a multipart upload
        (replace(STATS, place=""), VERIFIED),
    ],
    ids=["no MD5", "another form", "no place"],
)
def test_what_cannot_be_verified_is_not_kept(world: World, stats: ObjectStats, digest: str) -> None:
    """Nor what has no place in the storage that could name it."""
    world.network.digest = digest
    for _ in range(2):
        assert world.receive(stats).read_bytes() == CONTENT
        assert world.digest == digest
    assert world.network.calls == 2
    assert world.entries() == []


@pytest.mark.parametrize("stats", [replace(STATS, checksum="a" * 32 + "-2"), replace(STATS, place="")])
def test_what_will_not_be_kept_is_not_written_twice(world: World, stats: ObjectStats) -> None:
    """It goes straight to where it belongs."""
    world.receive(stats)
    assert world.network.filled == [world.folder / "file-1"]


OTHERS = {
    "endpoint": (STATS, replace(KEYS, endpoint="http://other"), "repo"),
    "keys": (STATS, replace(KEYS, access_key="other"), "repo"),
    "repository": (STATS, KEYS, "other"),
    "place": (replace(STATS, place="s3://bucket/data/2"), KEYS, "repo"),
    "checksum": (replace(STATS, checksum="0" * 32), KEYS, "repo"),
    "size": (replace(STATS, size=1), KEYS, "repo"),
}
SAME = {
    "path": (replace(STATS, path="elsewhere"), KEYS, "repo"),
    "secret": (STATS, replace(KEYS, secret_key="renewed"), "repo"),
}


@pytest.mark.parametrize(("stats", "keys", "repository"), OTHERS.values(), ids=OTHERS)
def test_an_entry_serves_only_those_who_could_have_read_it(
    stats: ObjectStats, keys: LakeFSKeys, repository: str
) -> None:
    """A checksum that somebody has guessed and made a repository list opens nothing."""
    assert entry_name(keys, repository, stats) != entry_name(KEYS, "repo", STATS)


@pytest.mark.parametrize(("stats", "keys", "repository"), SAME.values(), ids=SAME)
def test_the_same_object_is_the_same_entry(stats: ObjectStats, keys: LakeFSKeys, repository: str) -> None:
    """Under whatever path it was listed, and with a renewed secret."""
    assert entry_name(keys, repository, stats) == entry_name(KEYS, "repo", STATS)


def test_other_keys_do_not_find_what_these_have_read(world: World) -> None:
    """They may be allowed to list an object and not to read it."""
    world.receive()
    world.network.error = NoAnswer(Server.LAKEFS, "forbidden")
    with pytest.raises(NoAnswer):
        world.receive(keys=replace(KEYS, access_key="other"))


def test_the_task_cannot_write_into_the_cache_through_its_file(world: World) -> None:
    """The file is a copy, whether the object came from lakeFS or from the cache."""
    for _ in range(2):
        path = world.receive()
        assert path.stat().st_nlink == 1
        with path.open("r+b") as file:
            file.write(b"changed")
    assert [entry.read_bytes() for entry in world.entries()] == [CONTENT]


def test_a_file_that_the_task_changes_during_the_download_does_not_get_into_the_cache(world: World) -> None:
    """lakeFS fills a file of the cache, which the task cannot reach."""
    world.receive()
    (filled,) = world.network.filled
    assert filled.is_relative_to(world.root)


def test_where_files_can_share_blocks_a_large_object_is_not_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is verified all the same."""
    written: list[int] = []
    monkeypatch.setattr(receiving, "CLONED_BYTES", 1)
    world.receive()

    def clone(target: int, request: int, source: int) -> int:
        assert request == 0x40049409
        os.pwrite(target, os.pread(source, 1 << 20, 0), 0)
        return 0

    monkeypatch.setattr(fcntl, "ioctl", clone)
    monkeypatch.setattr(receiving, "write_all", lambda *_: written.append(1))
    assert world.receive().read_bytes() == CONTENT
    assert written == []
    monkeypatch.undo()
    (entry,) = world.entries()
    entry.write_bytes(CONTENT[:-1] + b"x")
    monkeypatch.setattr(receiving, "CLONED_BYTES", 1)
    monkeypatch.setattr(fcntl, "ioctl", clone)
    assert world.receive().read_bytes() == CONTENT
    assert world.network.calls == 2


def test_a_file_system_that_cannot_share_blocks_gets_a_copy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As between two file systems."""

    def refuse(*_: Any) -> int:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(receiving, "CLONED_BYTES", 1)
    monkeypatch.setattr(fcntl, "ioctl", refuse)
    world.receive()
    assert world.receive().read_bytes() == CONTENT
    assert world.network.calls == 1


@pytest.mark.parametrize(
    "failure",
    [
        VolumeFull("no space is left on the volume for 'b'"),
        CorruptObject("what is read is not what was written"),
        OSError(errno.EIO, "Input/output error"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_failing_disk_of_the_cache_is_not_one_of_the_workspace(world: World, failure: Exception) -> None:
    """The object is fetched once more, to where it belongs, and later ones as well."""
    failing, good = Network(error=failure), Network()
    world.network.receive = lambda *of: (good if failing.calls else failing).receive(*of)  # type: ignore[method-assign]
    for _ in range(2):
        assert world.receive().read_bytes() == CONTENT
    assert (failing.calls, good.calls) == (1, 2)
    assert world.entries() == []


def test_what_cannot_be_read_back_from_the_cache_is_fetched_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of the copy: what was copied so far is dropped."""
    read = receiving._read

    def fail(source: int, buffer: memoryview, at: int) -> int:
        if at > 0:
            raise CorruptObject("it cannot be read")
        return read(source, buffer, at)

    monkeypatch.setattr(receiving, "_read", fail)
    assert world.receive().read_bytes() == CONTENT
    assert world.network.calls == 2


@pytest.mark.parametrize("cached", [False, True])
def test_a_full_workspace_is_told(world: World, cached: bool) -> None:
    """Whether the object was in the cache or not; the entry is none the worse."""
    if cached:
        world.receive()
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(VolumeFull):
        world.receive_into(full.fileno())
    assert world.receive().read_bytes() == CONTENT
    assert world.network.calls == 1


def test_an_object_that_lakefs_does_not_send_is_told_and_not_kept(world: World) -> None:
    """The cache is not the reason, and goes on."""
    world.network.error = NoAnswer(Server.LAKEFS, "lakeFS did not answer")
    with pytest.raises(NoAnswer):
        world.receive()
    world.network.error = None
    for _ in range(2):
        world.receive()
    assert world.network.calls == 2


@pytest.mark.parametrize("cached", [False, True])
def test_a_transfer_that_is_given_up_copies_nothing_more(world: World, cached: bool) -> None:
    """Within a piece: SIGTERM is heard during the copy of a large object."""
    if cached:
        world.receive()
    world.calls.stop()
    with pytest.raises(Stopped):
        world.receive()
    assert (world.folder / f"file-{world.files}").read_bytes() == b""


async def test_what_comes_from_the_cache_counts_as_moved(tmp_path: Path) -> None:
    """And is told apart. As a task, so that no other test follows this transfer."""
    underway = Underway()
    follow(underway)
    world = World(tmp_path)
    world.receive()
    underway.begin_transfer()
    world.receive()
    moved = underway.transfer()
    assert moved is not None
    assert (moved.bytes, moved.cached_objects, moved.cached_bytes) == (len(CONTENT), 1, len(CONTENT))
