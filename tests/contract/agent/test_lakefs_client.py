"""The agent's client on a real server: what it relies on, and what each refusal becomes."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import aiohttp
import pytest

from perago.agent.clients import lakefs_errors as errors
from perago.agent.clients.lakefs import PAGE, LakeFS, open_session
from perago.wire.secrets import LakeFSKeys
from perago_dev.servers.lakefs import Server
from tests.bodies import fixed, stored, uploaded
from tests.contract.agent.repository import Repository
from tests.contract.agent.test_paths import base_of

UNKNOWN = "0123456789abcdef" * 4
BROKEN_HOOK = b"not: [valid"
REFUSING_HOOK = b"""\
name: refuse
on: {pre-merge: {branches: []}}
hooks: [{id: refuse, type: lua, properties: {script: 'error("not today")'}}]
"""


def keys_of(server: Server) -> LakeFSKeys:
    return LakeFSKeys(server.endpoint, server.access_key, server.secret_key)


@pytest.fixture
async def session(lakefs: Server) -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as session:
        yield session


@pytest.fixture
def client(session: aiohttp.ClientSession, repository: Repository) -> LakeFS:
    return LakeFS(session, fixed(keys_of(repository.server)), repository.name)


async def committed(client: LakeFS, branch: str, path: str, content: bytes = b"x") -> str:
    """A commit that writes one object."""
    await uploaded(client, branch, path, content)
    return await client.commit(branch, "by the test", {}, 600)


async def merged(client: LakeFS, source: str, target: str = "main") -> str:
    return await client.squash_merge(source, target, "by the test", {}, 600)


Scenario = Callable[[LakeFS, str], Awaitable[object]]


async def commit_nothing(client: LakeFS, base: str) -> None:
    await client.commit("main", "nothing", {}, 600)


async def merge_nothing(client: LakeFS, base: str) -> None:
    await client.create_branch("work", base)
    await merged(client, "work")


async def merge_onto_uncommitted(client: LakeFS, base: str) -> None:
    await client.create_branch("work", base)
    await committed(client, "work", "new")
    await uploaded(client, "main", "dirt", b"x")
    await merged(client, "work")


async def merge_the_same_path(client: LakeFS, base: str) -> None:
    await client.create_branch("work", base)
    await committed(client, "work", "same", b"work")
    await committed(client, "main", "same", b"main")
    await merged(client, "work")


async def create_a_branch_twice(client: LakeFS, base: str) -> None:
    await client.create_branch("work", base)
    await client.create_branch("work", base)


async def merge_past_a_hook(client: LakeFS, base: str) -> None:
    await client.create_branch("work", base)
    await committed(client, "work", "_lakefs_actions/refuse.yaml", REFUSING_HOOK)
    await merged(client, "work")


async def commit_past_a_broken_hook(client: LakeFS, base: str) -> None:
    await client.create_branch("work", base)
    await committed(client, "work", "_lakefs_actions/broken.yaml", BROKEN_HOOK)


REFUSALS: list[tuple[Scenario, type[errors.LakeFSError]]] = [
    (commit_nothing, errors.NoChanges),
    (merge_nothing, errors.NoChanges),
    (merge_onto_uncommitted, errors.UncommittedChanges),
    (merge_the_same_path, errors.Conflict),
    (create_a_branch_twice, errors.Conflict),
    (merge_past_a_hook, errors.HookRefused),
    (commit_past_a_broken_hook, errors.HookRefused),
    (lambda client, base: client.delete_branch("main"), errors.Forbidden),
    (lambda client, base: client.branch_head("nope"), errors.RefNotFound),
    (lambda client, base: client.commit_record(UNKNOWN), errors.RefNotFound),
    (lambda client, base: client.list_page(UNKNOWN, "", ""), errors.RefNotFound),
    (lambda client, base: client.delete_branch("nope"), errors.RefNotFound),
    (lambda client, base: client.create_branch("work", UNKNOWN), errors.RefNotFound),
    (lambda client, base: uploaded(client, "nope", "new", b"x"), errors.RefNotFound),
    (lambda client, base: client.commit("nope", "c", {}, 600), errors.RefNotFound),
    (lambda client, base: client.hard_reset("main", UNKNOWN), errors.RefNotFound),
    (lambda client, base: uploaded(client, "main", "p" * 1025, b"x"), errors.Refused),
]


@pytest.mark.parametrize(("scenario", "kind"), REFUSALS)
async def test_each_refusal_has_its_exception(
    client: LakeFS, repository: Repository, scenario: Scenario, kind: type[errors.LakeFSError]
) -> None:
    """The class is exactly the one that the agent decides by."""
    base = await base_of(repository, base=b"0")
    with pytest.raises(errors.LakeFSError) as refusal:
        await scenario(client, base)
    assert type(refusal.value) is kind, refusal.value


async def test_an_objects_text_is_read_at_a_commit(client: LakeFS, repository: Repository) -> None:
    """As it was there; an object that is not there has none."""
    base = await base_of(repository, hook="ü".encode())
    await committed(client, "main", "hook", b"later")
    assert await client.object_text(base, "hook") == "ü"
    assert await client.object_text(base, "other") is None


@pytest.mark.parametrize("path", ["/branches/main", f"/commits/{UNKNOWN}", f"/refs/{UNKNOWN}/objects/ls"])
async def test_a_repository_that_is_not_there_is_told_from_a_ref(
    session: aiohttp.ClientSession, lakefs: Server, path: str
) -> None:
    """Both are 404; lakeFS's words say which of them is missing."""
    client = LakeFS(session, fixed(keys_of(lakefs)), f"nope-{uuid.uuid4().hex}")
    with pytest.raises(errors.RepositoryNotFound):
        await client._json("GET", path, "look")


async def test_wrong_keys_are_unauthorized(lakefs: Server, repository: Repository) -> None:
    """Whatever is wrong with them, in the same words."""
    for access_key, secret in ((lakefs.access_key, "wrong"), ("AKIAWRONG", lakefs.secret_key)):
        keys = LakeFSKeys(lakefs.endpoint, access_key, secret)
        async with open_session() as session:
            client = LakeFS(session, fixed(keys), repository.name)
            with pytest.raises(errors.Unauthorized, match="401 error authenticating request"):
                await client.branch_head("main")
            with pytest.raises(errors.Unauthorized, match="401 error authenticating request"):
                await uploaded(client, "main", "new", b"x")


async def test_conflicting_paths_are_named(client: LakeFS, repository: Repository) -> None:
    """Those that both branches changed, and no other."""
    base = await base_of(repository, base=b"0")
    await client.create_branch("work", base)
    await committed(client, "work", "same", b"work")
    await committed(client, "work", "other")
    await committed(client, "main", "same", b"main")
    assert await client.conflicts("main", "work") == ["same"]


async def test_a_page_is_as_long_as_the_server_allows(client: LakeFS, repository: Repository) -> None:
    """One object more in a page is refused."""
    await base_of(repository, base=b"0")
    assert (await client.list_page("main", "", "")).objects[0].path == "base"
    with pytest.raises(errors.Refused, match="400"):
        await client._json("GET", "/refs/main/objects/ls", "list", params={"amount": str(PAGE + 1)})


async def test_history_goes_down_to_where_it_shall_stop(client: LakeFS, repository: Repository) -> None:
    """Newest first over more than one page, with the commit to stop at as its last."""
    base = await base_of(repository, base=b"0")
    made = [await repository.commit_empty() for _ in range(101)]
    assert [commit.id async for commit in client.history("main", base)] == [*reversed(made), base]


async def test_a_body_that_is_cut_short_leaves_no_object(client: LakeFS, lakefs: Server) -> None:
    """An upload is whole or not there."""

    def half() -> Iterator[memoryview]:
        yield memoryview(b"half")
        raise ValueError("the volume is gone")

    bodies = client.bodies()
    with pytest.raises(ValueError, match="gone"):
        await asyncio.to_thread(bodies.upload, "main", "cut", 8, half)
    assert (await client.list_page("main", "", "")).objects == ()


async def test_a_part_of_an_object_is_exactly_that_part(client: LakeFS) -> None:
    """So a broken download goes on where it stood, and a large object travels in parts."""
    content = bytes(range(256)) * 40
    await uploaded(client, "main", "f", content)
    assert await stored(client, "main", "f") == content
    assert await stored(client, "main", "f", 100) == content[100:]
    assert await stored(client, "main", "f", 100, 199) == content[100:200]


async def test_one_connection_serves_many_calls_and_survives_a_refusal(client: LakeFS) -> None:
    """An error's body is read to its end, too."""
    bodies = client.bodies()

    def calls() -> bytes:
        for number in range(3):
            bodies.upload("main", f"f{number}", 1, lambda: [memoryview(b"x")])
            with pytest.raises(errors.RefNotFound):
                list(bodies.read("main", "gone"))
        return b"".join(map(bytes, bodies.read("main", "f2")))

    assert await asyncio.to_thread(calls) == b"x"
    bodies.close()
