"""The agent's lakeFS client: which call a method makes, and what an answer means. The real server has its own suite."""

import asyncio
import gzip
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from perago.agent.clients.http import KEEPALIVE, NoAnswer, Server, watched_socket
from perago.agent.clients.lakefs import SMALL_BYTES, LakeFS, Page, open_session
from perago.agent.clients.lakefs_errors import Conflict, Forbidden, HookRefused, LakeFSError, RefNotFound, Unauthorized
from perago.agent.clients.objects import ObjectStats
from perago.agent.mounts import Mounted
from perago.agent.publication import Commit
from perago.wire.secrets import LakeFSKeys
from tests import bodies
from tests.bodies import fixed
from tests.fakes.scripted_server import Answer, ScriptedServer

BASE = "/api/v1/repositories/repo"
LAST_PAGE = {"has_more": False, "next_offset": ""}


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer().serving() as server:
        yield server


@pytest.fixture
async def lakefs(server: ScriptedServer) -> AsyncIterator[LakeFS]:
    keys = LakeFSKeys(server.url, "AKIA", "secret")
    async with open_session() as session:
        yield LakeFS(session, fixed(keys), "repo")


async def test_names_are_quoted_and_keys_are_sent(server: ScriptedServer, lakefs: LakeFS) -> None:
    """A branch may have slashes; nothing of it becomes a part of the path."""
    server.answers = [Answer(json={"commit_id": "c1"})]
    assert await lakefs.branch_head("team/a?b") == "c1"
    assert server.asked[0].path == f"{BASE}/branches/team%2Fa%3Fb"
    assert server.asked[0].headers["Authorization"] == "Basic QUtJQTpzZWNyZXQ="


async def test_a_commit_has_id_parents_and_metadata(server: ScriptedServer, lakefs: LakeFS) -> None:
    """Absent parents and metadata are empty."""
    server.answers = [
        Answer(json={"id": "c2", "parents": ["c1"], "metadata": {"k": "v"}}),
        Answer(json={"id": "c0", "parents": None, "metadata": None}),
    ]
    assert await lakefs.commit_record("main") == Commit("c2", ("c1",), {"k": "v"})
    assert await lakefs.commit_record("c0") == Commit("c0", (), {})


async def test_the_history_is_read_to_its_last_page(server: ScriptedServer, lakefs: LakeFS) -> None:
    """Down the first parents, as far as the input ref; a publication may lie on the second page."""
    first = {"results": [{"id": "c3", "parents": ["c2"]}], "pagination": {"has_more": True, "next_offset": "c3"}}
    last = {"results": [{"id": "c2", "parents": ["c1"]}], "pagination": LAST_PAGE}
    server.answers = [Answer(json=first), Answer(json=last)]
    assert [commit.id async for commit in lakefs.history("main", "c1")] == ["c3", "c2"]
    assert [asked.query.get("after") for asked in server.asked] == [None, "c3"]
    assert {(asked.query["first_parent"], asked.query["stop_at"]) for asked in server.asked} == {("true", "c1")}


async def test_an_object_arrives_as_it_is_stored(server: ScriptedServer, lakefs: LakeFS) -> None:
    """Its checksum is that of the stored bytes, so a client that decompressed them could not verify anything."""
    stored = gzip.compress(b"content")
    server.answers = [Answer(body=stored)]
    assert await bodies.stored(lakefs, "main", "file.gz") == stored
    assert server.asked[0].headers["Accept-Encoding"] == "identity"


async def test_a_listing_has_pages(server: ScriptedServer, lakefs: LakeFS) -> None:
    """The path to go on after, and None at the end."""
    entry = {"path": "d/f", "size_bytes": 3, "checksum": "abc", "path_type": "object"}
    more = {"has_more": True, "next_offset": "d/f"}
    server.answers = [
        Answer(json={"results": [entry], "pagination": more}),
        Answer(json={"results": [], "pagination": LAST_PAGE}),
    ]
    assert await lakefs.list_page("c1", "d/", "") == Page((ObjectStats("d/f", 3, "abc"),), "d/f")
    assert await lakefs.list_page("c1", "d/", "d/f") == Page((), None)
    assert "after" not in server.asked[0].query


def test_an_object_is_known_by_its_place_in_the_storage() -> None:
    """Whatever signs it: the next listing signs it anew."""
    record: dict[str, object] = {"path": "f", "size_bytes": 3, "checksum": "abc"}
    for signature in ("", "?X-Amz-Signature=1", "?X-Amz-Signature=2"):
        assert ObjectStats.of(record | {"physical_address": f"s3://b/data/1{signature}"}).place == "s3://b/data/1"
    assert ObjectStats.of(record).place == ""


async def test_a_merge_is_a_squash_with_the_publications_metadata(server: ScriptedServer, lakefs: LakeFS) -> None:
    """Both become visible in one step."""
    server.answers = [Answer(json={"reference": "c9"})]
    assert await lakefs.squash_merge("staging", "main", "Publish", {"perago.attempt-uid": "u"}, 600) == "c9"
    assert server.asked[0].path == f"{BASE}/refs/staging/merge/main"
    assert json.loads(server.asked[0].body) == {
        "message": "Publish", "metadata": {"perago.attempt-uid": "u"}, "squash_merge": True
    }  # fmt: skip


async def test_an_error_in_a_bulk_delete_is_raised(server: ScriptedServer, lakefs: LakeFS) -> None:
    """Though the call as a whole was answered with 200."""
    server.answers = [Answer(json={"errors": [{"path": "a", "status_code": 403, "message": "forbidden"}]})]
    with pytest.raises(Forbidden, match="delete 'a': 403 forbidden"):
        await lakefs.delete_objects("staging", ["a"])


async def test_the_paths_of_a_conflict_are_those_of_the_difference(server: ScriptedServer, lakefs: LakeFS) -> None:
    """Only what both sides changed."""
    results = [{"path": "a", "type": "conflict"}, {"path": "b", "type": "added"}]
    server.answers = [Answer(json={"results": results})]
    assert await lakefs.conflicts("main", "staging") == ["a"]


async def test_an_objects_text_is_read_if_it_is_small(server: ScriptedServer, lakefs: LakeFS) -> None:
    """A large object is no hook, whatever its name."""
    server.answers = [Answer(text="x" * SMALL_BYTES), Answer(text="x" * (SMALL_BYTES + 1))]
    assert await lakefs.object_text("r", "p") == "x" * SMALL_BYTES
    assert await lakefs.object_text("r", "p") == ""


Call = Callable[[LakeFS], Awaitable[Any]]
CALLS: dict[str, Call] = {
    "read the commit 'r'": lambda lakefs: lakefs.commit_record("r"),
    "read the branch 'b'": lambda lakefs: lakefs.branch_head("b"),
    "read 'p' at 'r'": lambda lakefs: lakefs.object_text("r", "p"),
    "list 'r'": lambda lakefs: lakefs.list_page("r", "", ""),
    "create the branch 'b' from 'r'": lambda lakefs: lakefs.create_branch("b", "r"),
    "delete the branch 'b'": lambda lakefs: lakefs.delete_branch("b"),
    "upload 'p'": lambda lakefs: bodies.uploaded(lakefs, "b", "p", b"x"),
    "commit on 'b'": lambda lakefs: lakefs.commit("b", "m", {}, 600),
    "merge into the branch 'b'": lambda lakefs: lakefs.squash_merge("s", "b", "m", {}, 600),
    "reset the branch 'b' to 'r'": lambda lakefs: lakefs.hard_reset("b", "r"),
}


@pytest.mark.parametrize("what", CALLS)
async def test_a_refusal_names_call_and_repository(server: ScriptedServer, lakefs: LakeFS, what: str) -> None:
    """With lakeFS's own words, and never the key."""
    server.answers = [Answer(403, {"message": "lakeFS's own words"})]
    with pytest.raises(Forbidden) as caught:
        await CALLS[what](lakefs)
    assert str(caught.value) == f"lakeFS refused to {what} in the repository 'repo': 403 lakeFS's own words"


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (401, "error authenticating request", Unauthorized),
        (404, "branch not found", RefNotFound),
        (409, "conflict", Conflict),
        (412, "pre-merge hook aborted", HookRefused),
        (500, "prepare-commit hook aborted, run id", HookRefused),
        (400, "anything else", LakeFSError),
    ],
)
async def test_a_refusal_has_a_class(
    server: ScriptedServer, lakefs: LakeFS, status: int, message: str, kind: type[Exception]
) -> None:
    """A hook's no comes with 500 as well, and is not tried again."""
    server.answers = [Answer(status, {"message": message})]
    with pytest.raises(kind):
        await lakefs.squash_merge("s", "b", "m", {}, 600)


@pytest.mark.parametrize(
    "answer",
    [Answer(500, {"message": "boom"}), Answer(502, text="<html>"), Answer(429, {}), Answer(404, text="<html>")],
)
async def test_a_server_that_is_in_trouble_gives_no_answer(
    server: ScriptedServer, lakefs: LakeFS, answer: Answer
) -> None:
    """The call may be tried again; whether it was carried out is unknown."""
    server.answers = [answer]
    with pytest.raises(NoAnswer, match=str(answer.status)) as caught:
        await lakefs.branch_head("b")
    assert caught.value.server is Server.LAKEFS


COMPUTING: dict[str, Callable[[LakeFS, float], Awaitable[str]]] = {
    "commit": lambda lakefs, seconds: lakefs.commit("b", "m", {}, seconds),
    "merge": lambda lakefs, seconds: lakefs.squash_merge("s", "b", "m", {}, seconds),
}


@pytest.mark.parametrize("call", COMPUTING)
async def test_a_call_that_computes_has_the_time_it_was_given(server: ScriptedServer, call: str) -> None:
    """No shorter limit of the session cuts it, and nothing waits for longer."""
    server.answers = [Answer(json={"id": "c2", "reference": "c2"}, after=0.2)]
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_read=0.05)) as impatient:
        lakefs = LakeFS(impatient, fixed(LakeFSKeys(server.url, "AKIA", "secret")), "repo")
        assert await COMPUTING[call](lakefs, 60) == "c2"
        with pytest.raises(NoAnswer):
            await COMPUTING[call](lakefs, 0.05)


async def test_an_answer_without_json_comes_from_elsewhere(server: ScriptedServer, lakefs: LakeFS) -> None:
    """A proxy's page is not a commit."""
    server.answers = [Answer(200, text="<html>please log in</html>")]
    with pytest.raises(NoAnswer, match="not JSON"):
        await lakefs.commit_record("main")


@pytest.mark.parametrize("what", ["read the branch 'b'", "upload 'p'"])
@pytest.mark.parametrize("renewed", [True, False], ids=["renewed", "as before"])
async def test_keys_that_are_refused_are_read_again_from_the_secret(
    server: ScriptedServer, what: str, renewed: bool
) -> None:
    """A Secret that was renewed while the task ran costs nothing; one that was not is refused at once."""
    keys = [LakeFSKeys(server.url, "AKIA", "old"), LakeFSKeys(server.url, "AKIA", "new" if renewed else "old")]
    mounted = Mounted(lambda: keys.pop(0))
    stored = {"path": "p", "size_bytes": 1, "checksum": "", "commit_id": "c1"}
    server.answers = [Answer(401, {"message": "error authenticating request"}), Answer(json=stored)]
    async with open_session() as session:
        call = CALLS[what](LakeFS(session, mounted, "repo"))
        if renewed:
            await call
        else:
            with pytest.raises(Unauthorized):
                await call
    assert len({asked.headers["Authorization"] for asked in server.asked}) == (2 if renewed else 1)


@pytest.mark.parametrize("status", [408, 423, 425, 429])
async def test_a_server_that_says_later_is_asked_later(server: ScriptedServer, lakefs: LakeFS, status: int) -> None:
    """423 is lakeFS's word for a branch that too many write to; `Retry-After` says how much later."""
    server.answers = [Answer(status, {"message": "too many attempts"}, headers={"Retry-After": "7"})]
    for call in (lakefs.branch_head("b"), bodies.uploaded(lakefs, "b", "p", b"x")):
        with pytest.raises(NoAnswer, match=str(status)) as caught:
            await call
        assert caught.value.later == 7


@asynccontextmanager
async def standing_still(*, reads: bool) -> AsyncIterator[str]:
    """A server that takes connections and never answers; whether it reads what is sent to it."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if reads:
            while await reader.read(65536):
                pass
        else:
            await over.wait()
        writer.close()

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    async with await asyncio.start_server(serve, sock=listener, limit=1024) as server:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        server.close()


@pytest.mark.parametrize("reads", [True, False], ids=["no answer", "nobody reads"])
async def test_a_server_that_stands_still_is_noticed_in_either_direction(reads: bool) -> None:
    """aiohttp counts the time for an answer from the end of the request, which never comes when nobody reads it."""
    paths = [f"{number:0>4000}" for number in range(2000)]
    async with standing_still(reads=reads) as url, open_session(0.3) as session:
        lakefs = LakeFS(session, fixed(LakeFSKeys(url, "AKIA", "secret")), "repo")
        with pytest.raises(NoAnswer):
            await asyncio.wait_for(lakefs.delete_objects("main", paths), 20)


async def test_the_other_end_is_asked_whether_it_is_still_there() -> None:
    """A connection whose server has lost its power looks like a long merge."""
    made = watched_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0)))
    with made:
        asked = [made.getsockopt(socket.IPPROTO_TCP, option) for option, _ in KEEPALIVE]
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    idle, interval, count = asked
    assert idle + interval * count <= 60
    async with open_session() as session:
        assert session.connector is not None
        assert getattr(session.connector, "_socket_factory", None) is watched_socket
