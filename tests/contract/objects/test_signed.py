"""Bodies that go straight from and to the block store, by URLs that a real lakeFS has signed; and when they do not."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from perago.agent.clients.objects import ObjectStats
from perago.agent.data import moving, sending
from perago.agent.data.transfer import Transfer
from perago.agent.data.volume import Space, Tree
from perago.models import WorkspaceSpec
from tests.contract.conftest import SigningServer
from tests.contract.objects.backends import Backend
from tests.contract.objects.test_broken_calls import FAULTS
from tests.faults.kinds import Fault, passed
from tests.faults.proxy import HttpExchange, answered, cut_after

PART_BYTES = 5 << 20
"""The shortest that S3 takes, but for the last one."""
SMALL, MIDDLE, LARGE = b"small", bytes(range(256)) * 4096, bytes(range(256)) * (PART_BYTES // 128) + b"end"
TRANSIENT: dict[str, Any] = {name: FAULTS[name] for name in FAULTS if name != "wrong path of a gateway"}
"""A 404 in the store's place says that a URL cannot be used."""
EXPIRED = answered(403, b"<Code>AccessDenied</Code>")
CONTENTS = {"small": SMALL, "a b/middle": MIDDLE, "large": LARGE, "empty": b""}


class Place:
    """A transfer between a backend and a folder."""

    def __init__(self, backend: Backend, folder: Path) -> None:
        self.root, self.manifest = folder / "root", folder / "manifest"
        self.root.mkdir()
        self.transfer = Transfer(backend.client, WorkspaceSpec(), Tree(str(self.root)), 30)

    async def download(self) -> dict[str, bytes]:
        """What arrives."""
        await self.transfer.download("main", self.manifest, Space(0, 1 << 40))
        files = (path for path in self.root.rglob("*") if path.is_file())
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in files}

    async def upload(self, contents: dict[str, bytes]) -> None:
        """Write and publish."""
        for path, data in contents.items():
            (self.root / path).parent.mkdir(exist_ok=True)
            (self.root / path).write_bytes(data)
        await self.transfer.upload("main", contents)


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 5 MiB, two and a bit for an object, which would travel whole otherwise."""
    for module in (moving, sending):
        monkeypatch.setattr(module, "PART_BYTES", PART_BYTES)
        monkeypatch.setattr(module, "LARGE_BYTES", len(LARGE))


@pytest.fixture
def place(signing_backend: Backend, tmp_path: Path) -> Place:
    """Of the backend."""
    return Place(signing_backend, tmp_path)


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What the log says, with the tracebacks."""
    lines: list[str] = []
    sink = logger.add(lines.append, level="DEBUG", diagnose=False)
    yield lines
    logger.remove(sink)


async def filled(backend: Backend, contents: dict[str, bytes]) -> None:
    """Put objects, without the agent."""
    for path, data in contents.items():
        await backend.put(path, data)


async def test_objects_come_straight_from_the_store(signing_backend: Backend, place: Place) -> None:
    """lakeFS lists them and moves none; large ones come in parts."""
    await filled(signing_backend, CONTENTS)
    assert await place.download() == CONTENTS
    assert signing_backend.requests("read_object") == []
    assert len(signing_backend.requests("store_get")) >= len(CONTENTS) + 2


async def test_files_go_straight_to_the_store(signing_backend: Backend, place: Place) -> None:
    """Small ones go through lakeFS in one request, large ones travel in parts."""
    await place.upload(CONTENTS)
    assert await signing_backend.objects() == CONTENTS
    assert [len(signing_backend.requests(call)) for call in ("upload", "store_put", "store_put_part")] == [2, 1, 3]


async def test_what_was_uploaded_has_a_checksum_that_is_verified(signing_backend: Backend, place: Place) -> None:
    """The MD5, where an object travels whole; in parts it has S3's, which is none."""
    await place.upload(CONTENTS)
    page = await signing_backend.client.list_page("main", "", "")
    checksums = {stats.path: stats.checksum for stats in page.objects}
    assert checksums["a b/middle"] == hashlib.md5(MIDDLE).hexdigest()
    assert re.fullmatch(r"[0-9a-f]{32}-3", checksums["large"])
    for path in CONTENTS:
        (place.root / path).unlink()
    (place.root / "a b").rmdir()
    assert await place.download() == CONTENTS


@pytest.mark.parametrize("fault", [*TRANSIENT.values(), cut_after], ids=[*TRANSIENT, "connection gone stale"])
async def test_a_transfer_outlives_one_fault_of_each_call(
    signing_backend: Backend, place: Place, fault: Fault[Any]
) -> None:
    """What arrives is whole, and a store that has worked once goes on being used."""
    await filled(signing_backend, {"first": SMALL})
    await place.download()
    (place.root / "first").unlink()
    await filled(signing_backend, CONTENTS)
    signing_backend.break_("store_get", fault, 2 if fault is cut_after else 1)
    assert await place.download() == CONTENTS | {"first": SMALL}
    for call in ("sign", "link", "store_put", "begin_parts", "store_put_part", "complete_parts"):
        signing_backend.break_(call, fault)
    changed = {path: data + b"!" for path, data in CONTENTS.items()}
    await place.upload(changed)
    assert await signing_backend.objects() == changed | {"first": SMALL}
    assert len(signing_backend.requests("upload")) == 2


async def test_a_url_that_has_expired_is_signed_again(
    signing: SigningServer, signing_backend: Backend, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store refuses it with 403, as it does any signature that is wrong; here each that has not been seen before."""
    seen: set[tuple[str, str | None]] = set()

    async def refused_once(exchange: HttpExchange) -> None:
        asked = exchange.line.partition("?")[0], exchange.header("Range")
        await (passed if asked in seen else EXPIRED)(exchange)
        seen.add(asked)

    monkeypatch.setattr(signing.store, "otherwise", refused_once)
    await filled(signing_backend, CONTENTS)
    assert await place.download() == CONTENTS
    assert len(signing_backend.requests("store_get")) == 2 * len(seen) >= 2 * len(CONTENTS)
    assert signing_backend.requests("read_object") == []


async def test_a_part_whose_url_has_expired_is_signed_again(signing_backend: Backend, place: Place) -> None:
    """A long upload outlives its URLs."""
    await filled(signing_backend, {"first": SMALL})
    await place.download()
    signing_backend.break_("store_put_part", EXPIRED)
    await place.upload({"large": LARGE})
    assert (await signing_backend.objects())["large"] == LARGE
    assert len(signing_backend.requests("store_put_part")) == 4


async def test_a_store_that_refuses_what_is_signed_is_passed_by(
    signing_backend: Backend, place: Place, told: list[str]
) -> None:
    """Everything goes through lakeFS then, and the log says so once."""
    await filled(signing_backend, CONTENTS)
    signing_backend.break_("store_get", EXPIRED, None)
    assert await place.download() == CONTENTS
    lines = [line for line in told if "objects go through lakeFS from here on" in line]
    assert len(lines) == 1
    assert "the block store at 127.0.0.1 refused to read" in lines[0]
    assert "403 AccessDenied" in lines[0]
    await place.upload({"new": MIDDLE})
    assert len(signing_backend.requests("upload")) == 1


async def test_a_store_out_of_reach_is_passed_by(
    signing: SigningServer, signing_backend: Backend, place: Place, told: list[str]
) -> None:
    """Pods need not be able to reach it."""
    await filled(signing_backend, CONTENTS)
    with signing.store.refusing():
        assert await place.download() == CONTENTS
    assert sum("cannot be reached" in line for line in told) == 1


async def test_a_store_that_never_served_is_not_waited_for(signing_backend: Backend, place: Place) -> None:
    """What answers in its place may be a gateway."""
    await filled(signing_backend, {"small": SMALL})
    signing_backend.break_("store_get", answered(503, b"<html>"))
    assert await place.download() == {"small": SMALL}
    assert len(signing_backend.requests("read_object")) == 1


async def test_without_multipart_large_files_go_through_lakefs(signing_backend: Backend, place: Place) -> None:
    """A server may sign objects and no parts: it says 501 then, and lakeFS cuts them itself."""
    signing_backend.break_("begin_parts", answered(501, b'{"message": "not supported"}'))
    await place.upload({"large": LARGE, "middle": MIDDLE})
    assert await signing_backend.objects() == {"large": LARGE, "middle": MIDDLE}
    assert [len(signing_backend.requests(call)) for call in ("upload", "store_put")] == [1, 1]


@pytest.mark.parametrize("status", [400, 500, 501])
async def test_a_server_that_does_not_sign_after_all_moves_the_bodies_itself(
    signing_backend: Backend, place: Place, status: int
) -> None:
    """Whatever its configuration says."""
    await filled(signing_backend, CONTENTS)
    refusal = answered(status, b'{"message": "operation not supported"}')
    signing_backend.break_("list_page", refusal)
    assert await place.download() == CONTENTS
    assert signing_backend.requests("store_get") == []


async def test_neither_keys_nor_urls_get_about(
    signing: SigningServer,
    signing_backend: Backend,
    place: Place,
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The store never sees the keys of lakeFS, and nothing that is logged, raised or kept has a signature."""
    headers: list[str | None] = []

    async def looked_at(exchange: HttpExchange) -> None:
        headers.append(exchange.header("Authorization"))
        await exchange.pass_on()

    monkeypatch.setattr(signing.store, "otherwise", looked_at)
    await filled(signing_backend, CONTENTS)
    signing_backend.break_("store_get", TRANSIENT["answer cut"], 2)
    assert await place.download() == CONTENTS
    await place.upload({"large": LARGE, "middle": MIDDLE})
    page = await signing_backend.client.list_page("main", "", "")
    assert all(stats.url is not None and "Signature" in stats.url for stats in page.objects)
    assert set(headers) == {None}
    assert "Signature" not in "".join(told) + place.manifest.read_text() + repr(page)


async def test_parts_are_given_up_with_their_upload(
    signing_backend: Backend, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that changes between its parts is not published, and the store is told to forget what it has."""
    completed = sending.Sender._completed

    def changed(*arguments: Any) -> bool:
        (place.root / "large").write_bytes(LARGE[::-1])
        return completed(*arguments)

    monkeypatch.setattr(sending.Sender, "_completed", changed)
    with pytest.raises(Exception, match="was changed while it was being published"):
        await place.upload({"large": LARGE})
    assert await signing_backend.objects() == {}


def test_a_url_is_no_part_of_a_text() -> None:
    """Listings are logged and compared."""
    signed = ObjectStats("p", 1, "c", url="https://store/p?Signature=secret")
    assert "secret" not in repr(signed)
    assert signed == ObjectStats("p", 1, "c")
