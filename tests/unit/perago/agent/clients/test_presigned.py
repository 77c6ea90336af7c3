"""What goes straight to the block store, and when it goes through lakeFS instead. Real stores have their own suite."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import pytest

from perago.agent.clients.objects import ObjectStats
from perago.agent.clients.presigned import PartsUpload, PresignedBodies
from perago.agent.clients.store import Presigning, StoreSilent, StoreUseless
from perago.wire.secrets import LakeFSKeys
from tests.bodies import fixed
from tests.fakes.scripted_server import Answer, ScriptedServer

T = TypeVar("T")
DATA = memoryview(b"data")
MD5 = hashlib.md5(DATA)
RECORD = {"path": "a", "checksum": MD5.hexdigest(), "size_bytes": len(DATA), "physical_address": "s3://bucket/1"}
SECRET = "X-Amz-Signature=s3cr3t"
EXPIRED = Answer(403, text="<Code>AccessDenied</Code><StringToSign>s3cr3t</StringToSign>")
SLOW_DOWN = Answer(503, text="<Code>SlowDown</Code>")


class World:
    """lakeFS and its store, both played by one server, and a client of both."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.presigning = Presigning()
        self.presigning.offered(bodies=True, parts=True)
        self.bodies = PresignedBodies(fixed(LakeFSKeys(server.url, "AKIA", "secret")), "repo", self.presigning)
        self.url = f"{server.url}/bucket/1?{SECRET}"
        self.stats = ObjectStats("a", len(DATA), MD5.hexdigest(), url=self.url)
        self.upload = PartsUpload("a", "up1", "s3://bucket/1", (self.url,))

    async def told(self, call: Callable[[], T], *answers: Answer) -> T:
        """What the call makes of these answers."""
        self.server.answers = [*answers, Answer(500, text="nobody should have asked")]
        return await asyncio.to_thread(call)

    def fetched(self, first: int = 0) -> bytes:
        return b"".join(map(bytes, self.bodies.fetch("main", self.stats, first)))

    def paths(self) -> list[str]:
        return [asked.path.rpartition("/repositories/repo")[2] for asked in self.server.asked]

    @property
    def signed(self) -> Answer:
        """lakeFS's answer with another URL."""
        return Answer(json=RECORD | {"physical_address": f"{self.server.url}/bucket/2?{SECRET}"})


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with ScriptedServer().serving() as server:
        world = World(server)
        yield world
        world.bodies.close()


CONTENT = Answer(text="data")


async def test_the_store_never_sees_the_keys_of_lakefs(world: World) -> None:
    """Whoever runs it need not be allowed to do what they allow."""
    assert await world.told(world.fetched, CONTENT) == b"data"
    assert "Authorization" not in world.server.asked[0].headers


async def test_a_url_that_is_refused_is_signed_again_once(world: World) -> None:
    """It has probably ended."""
    assert await world.told(world.fetched, EXPIRED, world.signed, CONTENT) == b"data"
    assert world.paths() == ["/bucket/1", "/refs/main/objects/stat", "/bucket/2"]
    assert world.presigning.bodies


@pytest.mark.parametrize("answers", [[EXPIRED, EXPIRED], [SLOW_DOWN]], ids=["refused", "never served"])
async def test_what_does_not_work_goes_through_lakefs_from_then_on(world: World, answers: list[Answer]) -> None:
    """A gateway in the store's place answers as it likes; no later object is tried there."""
    if len(answers) > 1:
        answers.insert(1, world.signed)
    assert await world.told(world.fetched, *answers, CONTENT, CONTENT) == b"data"
    assert await asyncio.to_thread(world.fetched) == b"data"
    assert world.paths()[-2:] == ["/refs/main/objects", "/refs/main/objects"]


async def test_a_store_that_has_served_is_waited_for(world: World) -> None:
    """It has an outage, as lakeFS may have; and nothing that it says, nor the URL, is told."""
    await world.told(world.fetched, CONTENT)
    with pytest.raises(StoreSilent, match="503 SlowDown") as failure:
        await world.told(world.fetched, SLOW_DOWN)
    assert "s3cr3t" not in str(failure.value)
    assert world.presigning.bodies


async def test_a_store_without_ranges_is_of_no_use(world: World) -> None:
    """The whole object would be taken for its end."""
    whole = Answer(text="data")
    assert await world.told(lambda: world.fetched(2), whole, world.signed, whole, Answer(206, text="ta")) == b"ta"
    assert not world.presigning.bodies


async def test_a_redirection_of_the_store_is_not_followed(world: World) -> None:
    """Nobody has signed where it leads."""
    moved = Answer(307, json="", headers={"Location": f"{world.server.url}/elsewhere"})
    assert await world.told(world.fetched, moved, world.signed, moved, CONTENT) == b"data"
    assert "/elsewhere" not in world.paths()


def upload(world: World) -> ObjectStats | None:
    return world.bodies.upload_directly("main", "a", len(DATA), lambda: [DATA], MD5.digest())


async def test_the_store_compares_an_uploads_md5_and_lakefs_keeps_it(world: World) -> None:
    """A later download verifies it."""
    address = Answer(json={"physical_address": "s3://bucket/1", "presigned_url": world.url})
    assert await world.told(lambda: upload(world), address, Answer(), Answer(201, json=RECORD)) == world.stats
    _, put, link = world.server.asked
    assert put.headers["Content-MD5"] == base64.b64encode(MD5.digest()).decode()
    assert MD5.hexdigest() in link.body.decode()


async def test_a_body_that_was_spoilt_on_its_way_is_sent_again(world: World) -> None:
    """S3 says so with the status of a refusal."""
    world.presigning.served()
    address = Answer(json={"physical_address": "s3://bucket/1", "presigned_url": world.url})
    with pytest.raises(StoreSilent, match="400 BadDigest"):
        await world.told(lambda: upload(world), address, Answer(400, text="<Code>BadDigest</Code>"))


async def test_a_part_whose_url_has_ended_is_signed_again(world: World) -> None:
    """A large upload takes longer than URLs last."""
    again = Answer(json={"presigned_url": f"{world.server.url}/bucket/2?{SECRET}"})
    etag = Answer(headers={"ETag": '"E"'})
    part = await world.told(
        lambda: world.bodies.put_part("main", world.upload, 0, 4, lambda: [DATA], MD5.digest()), EXPIRED, again, etag
    )
    assert part == '"E"'


async def test_a_part_that_a_store_does_not_take_ends_the_upload_in_parts(world: World) -> None:
    """The file goes through lakeFS."""
    with pytest.raises(StoreUseless):
        await world.told(
            lambda: world.bodies.put_part("main", world.upload, 0, 4, lambda: [DATA], MD5.digest()), SLOW_DOWN
        )
    assert not world.presigning.bodies


@pytest.mark.parametrize(("physical", "is_ours"), [("s3://bucket/1", True), ("s3://bucket/other", False)])
async def test_a_completion_whose_answer_was_lost_is_ours_by_its_address(
    world: World, physical: str, is_ours: bool
) -> None:
    """lakeFS passes on what the store says: it knows no such upload any more."""
    gone = Answer(500, json={"message": "NoSuchUpload"})
    found = Answer(json=RECORD | {"physical_address": physical})
    stored = await world.told(lambda: world.bodies.complete_parts("main", world.upload, ["E"]), gone, found)
    assert (stored is not None, world.presigning.parts) == (is_ours, is_ours)
