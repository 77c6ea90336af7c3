"""Transfers arrive complete and verified, or fail with a reason: over a server that aborts, corrupts and overloads."""

import hashlib
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from perago.agent.clients.http import NoAnswer, Patience, Server
from perago.agent.clients.lakefs import PAGE, LakeFS
from perago.agent.clients.objects import BUFFER_BYTES
from perago.agent.data import moving, transfer
from perago.agent.data.transfer import BULKS, Transfer, object_path
from perago.agent.data.volume import CorruptObject, Space, Tree, VolumeFull
from perago.agent.underway import Moved, Underway, follow
from perago.errors import TaskInputError
from perago.models import WorkspaceSpec
from perago.wire.secrets import LakeFSKeys
from perago.workspace.manifest import Manifest, entry_for
from tests.bodies import fixed
from tests.fakes import object_store
from tests.fakes.object_store import ObjectStore

PLENTY = Space(0, 1 << 40)


class World:
    """A store, a folder, and transfers between them."""

    def __init__(self, store: ObjectStore, client: LakeFS, folder: Path) -> None:
        self.store, self.client, self.folder = store, client, folder
        self.root = folder / "root"
        self.root.mkdir()
        self.manifest = folder / "manifest"

    def transfer(self, prefix: str = "/", seconds: float = 10) -> Transfer:
        return Transfer(self.client, WorkspaceSpec(prefix=prefix), Tree(str(self.root)), seconds)

    def files(self) -> dict[str, bytes]:
        found = (path for path in self.root.rglob("*") if path.is_file())
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in found}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = ObjectStore()
    async with TestServer(store.application()) as server, aiohttp.ClientSession() as session:
        yield World(
            store, LakeFS(session, fixed(LakeFSKeys(str(server.make_url("")).rstrip("/"), "k", "s")), "repo"), tmp_path
        )


SMALL = {f"d{number}/f{number}": os.urandom(number) for number in range(11)}
MORE_THAN_IS_BUFFERED = 32 << 20
LARGE = os.urandom(3 * BUFFER_BYTES)


def open_below(folder: Path) -> list[str]:
    """The files below a folder that this process has open."""
    targets = (str(descriptor.resolve()) for descriptor in Path("/proc/self/fd").iterdir())
    return [target for target in targets if target.startswith(f"{folder}/")]


async def test_all_pages_arrive_with_a_manifest_of_their_hashes(world: World) -> None:
    """Every object of the listing, and for each its stat and the MD5 that was verified."""
    world.store.objects = {**SMALL, "large": LARGE}
    moved = await world.transfer().download("main", world.manifest, PLENTY)
    assert world.files() == world.store.objects
    assert moved.objects == 12
    found = Manifest.read(world.manifest)
    assert found.digests == {path: f"md5:{hashlib.md5(data).hexdigest()}" for path, data in world.store.objects.items()}
    assert found.stats["large"] == entry_for("large", (world.root / "large").stat(), "").stat


async def test_a_download_leaves_no_descriptor_open(world: World) -> None:
    """There may be more files than a process may open."""
    world.store.objects = {**SMALL}
    await world.transfer().download("main", world.manifest, PLENTY)
    assert open_below(world.root) == []


async def test_only_what_lies_below_the_prefix_is_fetched(world: World) -> None:
    """A sibling that shares its letters is not."""
    world.store.objects = {"data/x": b"1", "data2/y": b"2", "data": b"3"}
    await world.transfer("/data").download("main", world.manifest, PLENTY)
    assert world.files() == {"x": b"1"}


async def test_a_folder_marker_is_a_folder(world: World) -> None:
    """With files below it or without; it is neither a file nor in the manifest."""
    world.store.objects = {"data/": b"", "data/a/": b"", "data/b/": b"", "data/b/x": b"1", "other/": b""}
    await world.transfer("/data").download("main", world.manifest, PLENTY)
    assert world.files() == {"b/x": b"1"}
    assert sorted(path.name for path in world.root.iterdir()) == ["a", "b"]
    assert list(Manifest.read(world.manifest).stats) == ["b/x"]


@pytest.mark.parametrize(
    ("objects", "named"),
    [
        ({"data/": b"12"}, "'data/' cannot be kept in a workspace: .* 2 bytes"),
        ({"data": b"1", "data/": b""}, "'data/': the repository also has an object 'data'"),
        ({"data//": b""}, "'data//' cannot be kept"),
    ],
)
async def test_a_folder_marker_that_is_not_one_is_refused(world: World, objects: dict[str, bytes], named: str) -> None:
    """What no folder can hold is refused by name, as without the slash."""
    world.store.objects = objects
    with pytest.raises(TaskInputError, match=named):
        await world.transfer().download("main", world.manifest, PLENTY)


async def test_all_objects_in_the_way_are_named_at_once_with_the_command_that_lists_them(world: World) -> None:
    """Also on the pages behind the first problem, of which nothing is fetched any more."""
    world.store.objects = {"data/a//b": b"1", **{f"data/c{number}": b"1" for number in range(9)}, "data/d/../e": b"1"}
    with pytest.raises(
        TaskInputError, match=r"'data/a//b' .*'data/d/../e' .*`lakectl fs ls -r lakefs://repo/main/data`"
    ):
        await world.transfer("/data").download("main", world.manifest, PLENTY)
    assert world.files() == {}


@pytest.mark.parametrize("trouble", ["break_off", "corrupt", "overload"])
@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
async def test_a_download_that_goes_wrong_once_is_done_again(world: World, trouble: str, data: bytes) -> None:
    """What is left is what the server has, not the two pieces after another."""
    world.store.objects = {"f": data}
    setattr(world.store, trouble, Counter({"f": 1}))
    await world.transfer().download("main", world.manifest, PLENTY)
    assert world.files() == {"f": data}


@pytest.fixture
def many(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """So many small objects on one page that three of them are asked for together."""
    monkeypatch.setattr(object_store, "PAGE", PAGE)
    monkeypatch.setattr(transfer, "WIDTH", 4)
    world.store.objects = {f"d{number // 5}/f{number:02}": os.urandom(number) for number in range(24)}
    return world.store.objects


@pytest.mark.parametrize("trouble", ["break_off", "corrupt", "overload"])
@pytest.mark.parametrize("number", [12, 13, 14], ids=["first", "middle", "last"])
async def test_small_objects_that_are_asked_for_together_arrive_whatever_happens_to_one(
    world: World, many: dict[str, bytes], trouble: str, number: int
) -> None:
    """Each in its own file, and in the manifest once, wherever in the three the trouble is."""
    setattr(world.store, trouble, Counter({f"d2/f{number}": 1}))
    moved = await world.transfer().download("main", world.manifest, PLENTY)
    assert world.files() == many
    assert moved == transfer.Moved(24, sum(map(len, many.values())))
    found = Manifest.read(world.manifest)
    assert found.digests == {path: f"md5:{hashlib.md5(data).hexdigest()}" for path, data in many.items()}
    assert found.stats["d2/f13"] == entry_for("", (world.root / "d2/f13").stat(), "").stat
    assert open_below(world.root) == []


async def test_a_server_that_breaks_off_is_not_asked_for_several_objects_again(
    world: World, many: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy may not be able to answer them: every batch would cost a connection."""
    monkeypatch.setattr(transfer, "WIDTH", 1)
    world.store.break_off = Counter({"d0/f01": 1, "d4/f22": 1})
    await world.transfer().download("main", world.manifest, PLENTY)
    asked = {path: [first for name, first in world.store.ranges if name == path] for path in ("d0/f01", "d4/f22")}
    assert world.files() == many
    assert asked == {"d0/f01": [0, 0], "d4/f22": [0, 11]}  # what is asked for alone is continued


async def test_an_object_that_stays_corrupt_is_told(world: World) -> None:
    """By name, after a second try; the manifest is incomplete and cannot be taken for one."""
    world.store.objects = {"f": b"data"}
    world.store.corrupt["f"] = 9
    with pytest.raises(CorruptObject, match="'f'"):
        await world.transfer().download("main", world.manifest, PLENTY)
    with pytest.raises(TaskInputError):
        Manifest.read(world.manifest)


async def test_a_checksum_that_only_looks_like_an_md5_condemns_nothing(world: World) -> None:
    """The ETag of an object that S3 encrypts with KMS has 32 hex digits: what arrives twice alike is what is stored."""
    world.store.objects = {"f": b"data"}
    world.store.tags = {"f": "c" * 32}
    await world.transfer().download("main", world.manifest, PLENTY)
    assert world.files() == {"f": b"data"}
    assert Manifest.read(world.manifest).digests == {"f": f"md5:{hashlib.md5(b'data').hexdigest()}"}


async def test_an_upload_under_a_checksum_that_only_looks_like_an_md5_is_read_back(world: World) -> None:
    """What is stored is what was sent."""
    (world.root / "f").write_bytes(b"data")
    world.store.tags = {"f": "c" * 32}
    await world.transfer().upload("main", ["f"])
    assert world.store.objects == {"f": b"data"}


async def test_an_upload_that_stays_corrupt_is_told(world: World) -> None:
    """Also when its size is right."""
    (world.root / "f").write_bytes(b"data")
    world.store.corrupt["f"] = 9
    with pytest.raises(CorruptObject, match="'f'"):
        await world.transfer().upload("main", ["f"])


@pytest.fixture
def tiny_parts(monkeypatch: pytest.MonkeyPatch) -> int:
    """An object of `LARGE` travels in parts."""
    monkeypatch.setattr(moving, "PART_BYTES", len(LARGE) // 20)
    monkeypatch.setattr(moving, "LARGE_BYTES", len(LARGE))
    return len(LARGE) // 20


@pytest.mark.parametrize("trouble", ["", "break_off", "corrupt", "overload"])
async def test_a_large_object_travels_in_parts(world: World, tiny_parts: int, trouble: str) -> None:
    """Each is written in its place, and the whole is verified."""
    world.store.objects = {"f": LARGE}
    if trouble:
        setattr(world.store, trouble, Counter({"f": 1}))
    await world.transfer().download("main", world.manifest, PLENTY)
    assert world.files() == {"f": LARGE}
    assert {("f", first) for first in range(0, len(LARGE), tiny_parts)} <= set(world.store.ranges)
    if trouble == "break_off":
        assert len(world.store.ranges) == len(set(world.store.ranges)), "the part goes on where it stood"


async def test_a_download_that_broke_off_goes_on_where_it_stood(world: World) -> None:
    """However often: each piece that arrives is a sign of life, and the time begins anew."""
    world.store.objects = {"f": LARGE}
    world.store.break_off["f"] = 4
    await world.transfer().download("main", world.manifest, PLENTY)
    firsts = [first for _, first in world.store.ranges]
    assert firsts == sorted(set(firsts))
    assert len(firsts) == 5
    assert world.files() == {"f": LARGE}


def test_each_piece_of_an_object_is_a_sign_of_life() -> None:
    """The time to wait for an answer begins anew with it."""
    now = [0.0]
    patience = Patience(10, lambda: now[0])
    for _ in moving.Calls(10).heard([memoryview(b"a")] * 3, patience):
        now[0] += 9
    assert patience.pause_after(NoAnswer(Server.LAKEFS, "broken off")) > 0


async def test_a_transfer_tells_how_far_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects and bytes in both directions, what is left where that is known, and nothing once it is over."""
    underway, seen = Underway(), list[Moved | None]()
    follow(underway)
    monkeypatch.setattr(underway, "end_transfer", lambda: seen.append(underway.transfer()))
    world.store.objects = dict(SMALL) | {"large": LARGE, "folder/": b""}
    total = sum(map(len, world.store.objects.values()))
    await world.transfer().download("main", world.manifest, PLENTY)
    world.store.objects.clear()
    await world.transfer().upload("main", SMALL, len(SMALL))
    down, up = seen
    assert down is not None
    assert (down.objects, down.bytes, down.objects_left, down.bytes_left) == (len(SMALL) + 2, total, 0, 0)
    assert up is not None
    assert (up.objects, up.bytes) == (len(SMALL), sum(map(len, SMALL.values())))
    assert (up.objects_left, up.bytes_left) == (0, None)


async def test_a_server_that_stays_overloaded_is_told(world: World) -> None:
    """After the time for retries."""
    world.store.objects = {"f": b"data"}
    world.store.overload["f"] = 99
    with pytest.raises(NoAnswer, match="503"):
        await world.transfer(seconds=0).download("main", world.manifest, PLENTY)


async def test_nothing_is_written_beyond_the_space(world: World) -> None:
    """The transfer of an object that no longer fits is not started."""
    world.store.objects = {"f": b"x" * 100}
    with pytest.raises(VolumeFull):
        await world.transfer().download("main", world.manifest, Space(50, 1000))
    assert world.files() == {}


@pytest.mark.parametrize("name", ["../up", "/abs", "a//b", "a/./b", "a\\b", "x" * 300])
async def test_an_impossible_name_is_told_and_nothing_leaves_the_root(world: World, name: str) -> None:
    """Before anything is written for it."""
    world.store.objects = {name: b"x"}
    with pytest.raises(TaskInputError):
        await world.transfer().download("main", world.manifest, PLENTY)
    assert {path.name for path in world.folder.iterdir()} == {"root", "manifest"}


@pytest.mark.parametrize("trouble", ["", "corrupt", "overload"])
async def test_uploads_arrive_whole_under_one_content_type(world: World, trouble: str) -> None:
    """Also when one went wrong; what the server stored was compared."""
    files = {"a/small": b"x", "empty": b"", "large": LARGE, "sp ace+%/ünï": b"y"}
    for path, data in files.items():
        (world.root / path).parent.mkdir(exist_ok=True)
        (world.root / path).write_bytes(data)
    if trouble:
        setattr(world.store, trouble, Counter({"pre/large": 1, "pre/a/small": 1}))
    moved = await world.transfer("/pre").upload("main", files)
    assert world.store.objects == {f"pre/{path}": data for path, data in files.items()}
    assert world.store.content_types == {"application/octet-stream"}
    assert moved.bytes == sum(map(len, files.values()))


async def test_a_file_that_changes_while_it_is_published_is_the_tasks_fault(world: World) -> None:
    """By name, and not retried as if lakeFS had broken off."""
    with (world.root / "f").open("wb") as file:
        file.truncate(MORE_THAN_IS_BUFFERED)
    os.utime(world.root / "f", ns=(0, 0))
    world.store.on_upload = lambda: os.utime(world.root / "f")
    with pytest.raises(TaskInputError, match="'f' was changed while"):
        await world.transfer().upload("main", ["f"])


async def test_deletions_travel_in_bulks_of_a_thousand(world: World) -> None:
    """lakeFS takes no more at once, and there are more bulks than travel at the same time."""
    paths = [f"f{number}" for number in range(BULKS * PAGE + 1500)]
    world.store.objects = dict.fromkeys([*paths, "kept"], b"")
    await world.transfer().delete("main", paths)
    assert sorted(world.store.bulks) == [500, *[PAGE] * (BULKS + 1)]
    assert set(world.store.objects) == {"kept"}


EIGHT_PARTS = "/".join(["é" * 63 + "a"] * 8)


@pytest.mark.parametrize(("path", "ok"), [(f"{EIGHT_PARTS}b", True), (f"{EIGHT_PARTS}bb", False)])
def test_a_path_has_as_many_bytes_as_lakefs_takes(path: str, ok: bool) -> None:
    """A longer one is the task's fault, and is told so before anything is uploaded; the prefix counts."""
    if ok:
        assert object_path(WorkspaceSpec(), path) == path
        return
    with pytest.raises(TaskInputError, match="1024 at most"):
        object_path(WorkspaceSpec(), path)


@pytest.mark.parametrize("path", ["_lakefs_actions/x.yaml", "../x", "/x", ""])
def test_some_paths_are_never_published(path: str) -> None:
    """Hooks of the repository, and whatever is not a path of the workspace."""
    with pytest.raises(TaskInputError):
        object_path(WorkspaceSpec(), path)


def test_below_a_prefix_a_folder_by_the_name_of_hooks_is_an_ordinary_one() -> None:
    """lakeFS reads hooks at the repository's root only."""
    assert object_path(WorkspaceSpec(prefix="data"), "_lakefs_actions/x") == "data/_lakefs_actions/x"
