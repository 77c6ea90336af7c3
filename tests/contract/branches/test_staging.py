"""What the agent's steps ask of lakeFS beside publication: staging branches and objects; fake and real server alike."""

import hashlib
import uuid
from collections.abc import AsyncIterator

import pytest

from perago.agent.clients.lakefs import LakeFS, open_session
from perago.agent.clients.lakefs_errors import Conflict, NoChanges, RefNotFound
from perago.agent.data.staging import StagingBranch
from perago.agent.steps import Repository as Lake
from perago.errors import TaskExecutionError
from perago.wire.secrets import LakeFSKeys
from perago_dev.servers.lakefs import Server
from tests.bodies import fixed, stored, uploaded
from tests.contract.agent.repository import Repository, signed_session
from tests.fakes.repository import FakeRepository

NAME = "perago-staging-1"


@pytest.fixture
async def real_lake(lakefs: Server) -> AsyncIterator[Lake]:
    """A repository of a real server."""
    keys = LakeFSKeys(lakefs.endpoint, lakefs.access_key, lakefs.secret_key)
    async with open_session() as session, signed_session(lakefs) as signed:
        repository = Repository(signed, lakefs, f"staging-{uuid.uuid4().hex[:12]}")
        await repository.create()
        yield LakeFS(session, fixed(keys), repository.name)
        await repository.call("DELETE", f"/{repository.name}", params={"force": "true"})


@pytest.fixture
def fake_lake() -> Lake:
    """The fake."""
    return FakeRepository()


@pytest.fixture(params=["fake", "real"])
def lake(request: pytest.FixtureRequest) -> Lake:
    """Both in turn: what holds for one holds for the other."""
    lake: Lake = request.getfixturevalue(f"{request.param}_lake")
    return lake


@pytest.fixture
async def branch(lake: Lake) -> StagingBranch:
    """A staging branch at the head of main."""
    branch = StagingBranch(lake, NAME, await lake.branch_head("main"), 5)
    await branch.create()
    return branch


async def put(lake: Lake, branch: str = NAME, **files: bytes) -> None:
    """Upload files."""
    for path, content in files.items():
        await uploaded(lake, branch, path, content)


async def paths(lake: Lake, ref: str, prefix: str = "") -> list[str]:
    """All paths of a listing, page by page."""
    names: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await lake.list_page(ref, prefix, after)
        names += [stats.path for stats in page.objects]
        after = page.after
    return names


async def test_a_branch_is_made_at_the_input_ref(lake: Lake, branch: StagingBranch) -> None:
    """Making it again finds it there."""
    await branch.create()
    assert await lake.branch_head(NAME) == branch.input_ref


async def test_a_branch_by_that_name_elsewhere_is_a_conflict(lake: Lake, branch: StagingBranch) -> None:
    """It is not taken over."""
    await put(lake, theirs=b"theirs")
    await branch.commit("theirs", {}, 600)
    with pytest.raises(Conflict):
        await branch.create()


async def test_a_commit_holds_what_was_uploaded_and_not_what_was_deleted(lake: Lake, branch: StagingBranch) -> None:
    """Its metadata and parent are as given; deleting what is not there is harmless."""
    await put(lake, kept=b"kept", gone=b"gone")
    await branch.commit("first", {}, 600)
    await put(lake, new=b"new")
    await lake.delete_objects(NAME, ["gone", "never there"])
    before = await lake.branch_head(NAME)
    commit = await branch.commit("Stage", {"key": "value"}, 600)
    assert await paths(lake, commit) == ["kept", "new"]
    record = await lake.commit_record(commit)
    assert (record.parents, record.metadata["key"]) == ((before,), "value")


async def test_a_second_commit_finds_no_changes_and_the_head(lake: Lake, branch: StagingBranch) -> None:
    """So a commit whose answer was lost is found."""
    await put(lake, new=b"new")
    commit = await branch.commit("Stage", {}, 600)
    with pytest.raises(NoChanges):
        await lake.commit(NAME, "Stage", {}, 600)
    assert await branch.commit("Stage", {}, 600) == commit


async def test_a_branch_without_a_change_has_nothing_to_commit(branch: StagingBranch) -> None:
    """An error, not the input ref."""
    with pytest.raises(TaskExecutionError):
        await branch.commit("Stage", {}, 600)


async def test_a_deleted_branch_is_gone(lake: Lake, branch: StagingBranch) -> None:
    """Deleting it again is harmless; nothing can be merged from it."""
    await put(lake, new=b"new")
    await branch.commit("Stage", {}, 600)
    await branch.delete()
    await branch.delete()
    with pytest.raises(RefNotFound):
        await lake.branch_head(NAME)
    with pytest.raises(RefNotFound):
        await lake.squash_merge(NAME, "main", "Publish", {}, 600)


async def test_objects_are_listed_below_a_prefix_and_read_back(lake: Lake, branch: StagingBranch) -> None:
    """With size and MD5, in the order of their paths, whatever the length of a page."""
    files = {name: name.encode() for name in ("data/b", "data/a", "data2/x", "top", "data/c/d")}
    for path, content in files.items():
        stats = await uploaded(lake, NAME, path, content)
        want = (path, len(content), hashlib.md5(content).hexdigest())
        assert (stats.path, stats.size, stats.checksum) == want
    assert await paths(lake, NAME, "data/") == ["data/a", "data/b", "data/c/d"]
    assert await stored(lake, NAME, "data/c/d") == b"data/c/d"
    assert await stored(lake, NAME, "data/c/d", 2, 5) == b"ta/c"


async def test_a_staging_branch_is_not_seen_on_its_target(lake: Lake, branch: StagingBranch) -> None:
    """Until it is merged."""
    await put(lake, new=b"new")
    await branch.commit("Stage", {}, 600)
    assert await paths(lake, "main") == []
    await lake.squash_merge(NAME, "main", "Publish", {}, 600)
    assert await paths(lake, "main") == ["new"]
