"""A publication lands once, whenever the merge lands whose answer was lost; the fake and a real server alike."""

from collections.abc import Callable

import pytest

from perago.agent import target
from perago.agent.publication import Identity
from perago.agent.publisher import SETTLE_LOOKS, Plan, Publisher, Staged
from perago.errors import PublishFenceError
from perago.wire import metadata_keys as keys
from tests.contract.branches.backends import Backend, put_hook
from tests.contract.branches.test_branches import committed, history
from tests.fakes.turns import FreeTurn
from tests.fakes.waiting import until_a_server
from tests.faults.kinds import Late, cut_before, lost, passed, preceded_by

ME = Identity("uid-2", "wf/build/0", 1)
EARLIER = {keys.ATTEMPT_UID: "uid-1", keys.LOGICAL_TASK: "wf/build/0", keys.RETRY: "0"}


async def never_stale() -> None:
    """A fence that lets everything pass."""


async def staged(backend: Backend, *, hook: bool = False) -> Staged:
    """A commit that changes `file` on the branch `staging`, from the head of main."""
    if hook:
        await put_hook(backend)
    base = await committed(backend, file="before")
    await backend.create_branch("staging", base)
    commit = await committed(backend, "staging", file="after")
    return Staged("staging", commit, "Publish", {keys.ATTEMPT_UID: "uid-2", keys.INPUT_REF: base}, 600)


def publisher(backend: Backend, staged: Staged) -> Publisher:
    """A publisher that pauses between no looks."""
    plan = Plan("main", staged.metadata[keys.INPUT_REF], ME, True, 30, settle_pause_seconds=0)
    return Publisher(backend.branches, plan, never_stale, FreeTurn())


async def makers(backend: Backend, staged: Staged) -> list[str | None]:
    """Who made the commits of main above the input ref, newest first; None for whoever is not an attempt."""
    base = staged.metadata[keys.INPUT_REF]
    ids = (await history(backend, "main", base))[:-1]
    return [(await backend.branches.commit_record(id_)).metadata.get(keys.ATTEMPT_UID) for id_ in ids]


Fate = Callable[[Backend], None]


def lands_before(call: str, after: int = 0) -> Fate:
    """The answer is lost, and the merge lands right before a later call: the first one after so many others."""

    def fate(backend: Backend) -> None:
        late = Late()
        backend.break_("squash_merge", late)
        if after:
            backend.break_(call, passed, after)
        backend.break_(call, preceded_by(late.land))

    return fate


FATES: dict[str, Fate] = {
    "answered": lambda backend: None,
    "landed, answer lost": lambda backend: backend.break_("squash_merge", lost),
    "never arrived": lambda backend: backend.break_("squash_merge", cut_before),
    "at the first look": lands_before("history"),
    "at the second look": lands_before("history", after=1),
    "at the last look": lands_before("history", after=SETTLE_LOOKS - 1),
    "when the head is read again": lands_before("branch_head", after=2),
}


@pytest.mark.parametrize("hook", [False, True], ids=["no hook", "hook"])
@pytest.mark.parametrize("fate", FATES)
async def test_a_publication_lands_once(backend: Backend, fate: str, hook: bool) -> None:
    """One commit on the input ref, and its id is returned."""
    work = await staged(backend, hook=hook)
    FATES[fate](backend)
    commit = await publisher(backend, work).publish(work)
    assert await makers(backend, work) == ["uid-2"]
    assert commit.id == await backend.branches.branch_head("main")
    assert await backend.files() == {"file": "after"}


@pytest.mark.parametrize(("hook", "resets"), [(True, 0), (False, 1)])
async def test_a_merge_that_lands_beside_the_second_one_is_taken_back(
    backend: Backend, hook: bool, resets: int
) -> None:
    """It lands after all looks, right before the second merge. A hook refuses that; without one both land."""
    work = await staged(backend, hook=hook)
    lands_before("squash_merge")(backend)
    commit = await publisher(backend, work).publish(work)
    assert await makers(backend, work) == ["uid-2"]
    assert commit.id == await backend.branches.branch_head("main")
    assert await backend.files() == {"file": "after"}
    assert backend.calls("hard_reset") == resets


async def test_a_publication_on_a_commit_between_look_and_merge_is_taken_back(backend: Backend) -> None:
    """lakeFS rebases; only a hook would refuse. The other commit stays, and both are named."""
    work = await staged(backend)
    backend.break_("squash_merge", preceded_by(lambda: committed(backend, other="1")))
    with pytest.raises(PublishFenceError, match="was taken off the branch again") as caught:
        await publisher(backend, work).publish(work)
    assert await makers(backend, work) == [None]
    assert await backend.branches.branch_head("main") in str(caught.value)
    assert await backend.files() == {"file": "before", "other": "1"}


async def test_a_publication_that_others_have_built_upon_is_named(backend: Backend) -> None:
    """It landed on somebody's commit, and to take it back would take off the next one."""
    work = await staged(backend)
    backend.break_("squash_merge", preceded_by(lambda: committed(backend, other="1")))
    backend.break_("history", preceded_by(lambda: committed(backend, third="1")))
    with pytest.raises(PublishFenceError, match="Others have committed on top"):
        await publisher(backend, work).publish(work)
    assert await makers(backend, work) == [None, "uid-2", None]


async def test_a_commit_that_a_reset_took_off_is_put_back(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody commits while the reset is under way, and the reset arrives once the new head was looked at."""
    monkeypatch.setattr(target, "WATCH_SECONDS", 0.01)
    work = await staged(backend)
    await backend.put("file", "abandoned")
    abandoned = await backend.commit(metadata=EARLIER)

    async def written_and_seen() -> None:
        await committed(backend, other="1")
        looks = backend.calls("branch_head")
        await until_a_server(lambda: backend.calls("branch_head") > looks + 1)

    backend.break_("hard_reset", preceded_by(written_and_seen))
    with pytest.raises(PublishFenceError, match="the commit is on the branch"):
        await publisher(backend, work).publish(work)
    assert await makers(backend, work) == [None, "uid-1"]
    assert (await backend.branches.commit_record("main")).parents == (abandoned,)
    assert await backend.files() == {"file": "abandoned", "other": "1"}


async def test_a_reset_that_comes_after_the_publication_is_undone(backend: Backend) -> None:
    """Its answer was lost, and the branch was at the input ref when it was looked at again."""
    work = await staged(backend)
    await backend.put("file", "abandoned")
    await backend.commit(metadata=EARLIER)
    late = Late()
    backend.break_("hard_reset", late)
    one = publisher(backend, work)
    commit = await one.publish(work)
    await late.land()
    assert await makers(backend, work) == []
    assert (await one.confirm(commit)).id == commit.id
    assert await makers(backend, work) == ["uid-2"]


async def test_a_merge_that_lands_after_the_publication_is_taken_back_before_the_outcome(backend: Backend) -> None:
    """Later than all looks."""
    work = await staged(backend)
    late = Late()
    backend.break_("squash_merge", late)
    one = publisher(backend, work)
    commit = await one.publish(work)
    await late.land()
    assert await makers(backend, work) == ["uid-2", "uid-2"]
    assert (await one.confirm(commit)).id == commit.id
    assert await makers(backend, work) == ["uid-2"]


async def test_a_hook_refuses_a_publication_on_a_commit_that_came_between(backend: Backend) -> None:
    """The other commit stays; nothing of the publication lands."""
    work = await staged(backend, hook=True)
    backend.break_("squash_merge", preceded_by(lambda: committed(backend, other="1")))
    with pytest.raises(PublishFenceError, match="hook aborted"):
        await publisher(backend, work).publish(work)
    assert await makers(backend, work) == [None]


async def test_a_conflict_between_look_and_merge_names_its_path(backend: Backend) -> None:
    """The other commit stays."""
    work = await staged(backend)
    backend.break_("squash_merge", preceded_by(lambda: committed(backend, file="theirs")))
    with pytest.raises(PublishFenceError, match="the same paths: 'file'"):
        await publisher(backend, work).publish(work)
    assert await backend.files() == {"file": "theirs"}


async def test_an_abandoned_publication_is_replaced(backend: Backend) -> None:
    """An earlier attempt's, right on the input ref."""
    work = await staged(backend)
    await backend.put("file", "abandoned")
    await backend.commit(metadata=EARLIER)
    await publisher(backend, work).publish(work)
    assert await makers(backend, work) == ["uid-2"]
    assert await backend.files() == {"file": "after"}
