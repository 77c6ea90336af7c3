"""The publisher performs each decision, and lands a publication exactly once whatever happens to answers."""

import itertools
from collections.abc import Sequence

import pytest

from perago.agent import publication as p
from perago.agent.clients.http import NoAnswer
from perago.agent.publisher import Plan, Publisher, Staged
from perago.errors import PublishFenceError, StaleAttemptError
from perago.wire import metadata_keys as keys
from tests.fakes.branches import FakeBranches, Fate

ME = p.Identity("u2", "wf/build/0", 1)
OWN = {
    keys.ATTEMPT_UID: "u2",
    keys.ATTEMPT: "t/a2",
    keys.LOGICAL_TASK: "wf/build/0",
    keys.RETRY: "1",
    keys.INPUT_REF: "c0",
}
EARLIER = {keys.ATTEMPT_UID: "u1", keys.ATTEMPT: "t/a1", keys.LOGICAL_TASK: "wf/build/0", keys.RETRY: "0"}


class Fence:
    """Passes `passes` times, then the attempt is stale."""

    def __init__(self, passes: int = 99) -> None:
        self.passes = passes

    async def __call__(self) -> None:
        self.passes -= 1
        if self.passes < 0:
            raise StaleAttemptError("t1")


def world(*fates: Fate) -> tuple[FakeBranches, Staged]:
    lakefs = FakeBranches(merge_fates=list(fates))
    base = lakefs.add("main")
    commit = lakefs.add("staging", base)
    return lakefs, Staged("staging", commit, "Publish", OWN)


def publisher(lakefs: FakeBranches, fence: Fence | None = None) -> Publisher:
    return Publisher(lakefs, Plan("main", "c0", ME, True, 30, settle_pause_seconds=0), fence or Fence())


def history(lakefs: FakeBranches) -> list[str | None]:
    """Who made the commits of main, newest first; None for the input ref."""
    found, at = [], lakefs.heads["main"]
    while True:
        commit = lakefs.commits[at]
        found.append(commit.metadata.get(keys.ATTEMPT_UID))
        if not commit.parents:
            return found
        at = commit.parents[0]


async def test_a_target_at_the_input_ref_is_merged_into() -> None:
    """One merge, one commit on the input ref."""
    lakefs, staged = world()
    assert (await publisher(lakefs).publish(staged)).id == lakefs.heads["main"]
    assert history(lakefs) == ["u2", None]


async def test_an_abandoned_publication_is_replaced() -> None:
    """The target is reset first, so that its history is input ref and publication, nothing between."""
    lakefs, staged = world()
    lakefs.commits["old"] = p.Commit("old", ("c0",), EARLIER)
    lakefs.heads["main"] = "old"
    await publisher(lakefs).publish(staged)
    assert history(lakefs) == ["u2", None]
    assert lakefs.calls.index("reset main") < lakefs.calls.index("merge staging")


async def test_without_changes_the_target_goes_back_to_the_input_ref() -> None:
    """An abandoned publication is dropped, and nothing is merged."""
    lakefs, _ = world()
    lakefs.commits["old"] = p.Commit("old", ("c0",), EARLIER)
    lakefs.heads["main"] = "old"
    assert (await publisher(lakefs).keep()).id == "c0"
    assert history(lakefs) == [None]


async def test_without_changes_and_on_the_input_ref_nothing_is_written() -> None:
    """No merge and no reset."""
    lakefs, _ = world()
    assert (await publisher(lakefs).keep()).id == "c0"
    assert lakefs.calls == ["head main"]


async def test_a_foreign_head_is_refused_and_left_alone() -> None:
    """PublishFenceError, and the target is as it was."""
    lakefs, staged = world()
    foreign = lakefs.add("main", lakefs.add("main", "c0"))
    with pytest.raises(PublishFenceError, match=foreign):
        await publisher(lakefs).publish(staged)
    assert lakefs.heads["main"] == foreign


async def test_a_moved_staging_branch_is_refused() -> None:
    """What is merged is the commit that was staged, or nothing."""
    lakefs, staged = world()
    lakefs.add("staging", staged.commit)
    with pytest.raises(PublishFenceError, match="staging"):
        await publisher(lakefs).publish(staged)


async def test_a_conflict_names_the_paths() -> None:
    """409 becomes PublishFenceError with what lakeFS's difference lists."""
    lakefs, staged = world()
    lakefs.conflicting = ("a/b.txt",)
    with pytest.raises(PublishFenceError, match=r"a/b\.txt"):
        await publisher(lakefs).publish(staged)


async def test_a_stale_attempt_writes_nothing() -> None:
    """The fence is asked before the target is looked at."""
    lakefs, staged = world()
    with pytest.raises(StaleAttemptError):
        await publisher(lakefs, Fence(0)).publish(staged)
    assert lakefs.calls == []


async def test_an_attempt_that_goes_stale_after_a_reset_does_not_merge() -> None:
    """The fence is asked again after each write."""
    lakefs, staged = world()
    lakefs.commits["old"] = p.Commit("old", ("c0",), EARLIER)
    lakefs.heads["main"] = "old"
    with pytest.raises(StaleAttemptError):
        await publisher(lakefs, Fence(1)).publish(staged)
    assert history(lakefs) == [None]


FATES: Sequence[Fate] = ("answered", "landed, answer lost", "lost", "landed late")


@pytest.mark.parametrize("fates", list(itertools.product(FATES, repeat=2)), ids=" then ".join)
@pytest.mark.parametrize("hook", [False, True], ids=["no hook", "hook"])
async def test_whatever_happens_to_answers_a_publication_lands_once(fates: tuple[Fate, ...], hook: bool) -> None:
    """Answers lost before, after or while the server merges: one commit, and its id is returned."""
    lakefs, staged = world(*fates)
    lakefs.hook_expects_head = hook
    found = await publisher(lakefs).publish(staged)
    assert history(lakefs) == ["u2", None]
    assert found.id == lakefs.heads["main"]


async def test_a_landed_merge_is_found_below_later_commits() -> None:
    """Others may have published on top before the lost answer was noticed."""
    lakefs, staged = world("landed, answer lost")
    one = publisher(lakefs)
    with pytest.raises(NoAnswer):
        await one._attempt(staged)
    own = lakefs.heads["main"]
    lakefs.add("main", own)
    assert (await one.publish(staged)).id == own


async def test_evidence_stops_at_the_input_ref() -> None:
    """A commit of this attempt below the input ref is none of this input's publications."""
    lakefs = FakeBranches()
    lakefs.commits["c0"] = p.Commit("c0", ("own",))
    lakefs.commits["own"] = p.Commit("own", (), OWN)
    lakefs.heads["main"] = "c0"
    assert await publisher(lakefs).evidence() is None
