"""What publication relies on at lakeFS's branches, commits and merges; the fake and a real server alike."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from perago.agent.clients.http import NoAnswer
from perago.agent.clients.lakefs_errors import Conflict, HookRefused, NoChanges, RefNotFound, UncommittedChanges
from perago.wire import output_metadata
from perago.wire.kept_output import PACKED_LIMIT
from perago.wire.metadata_keys import INPUT_REF
from tests.contract.branches.backends import Backend, put_hook
from tests.faults.kinds import Fault, Held, Late, cut_before, lost

UNKNOWN = "0123456789abcdef" * 4


async def committed(backend: Backend, branch: str = "main", **files: str) -> str:
    """A commit of these files; the commit's id."""
    for path, content in files.items():
        await backend.put(path, content, branch)
    return await backend.commit(branch)


async def staged(backend: Backend, **files: str) -> str:
    """The branch `staging`, with a commit of these files on the head of main, which is returned."""
    base = await backend.branches.branch_head("main")
    await backend.create_branch("staging", base)
    await committed(backend, "staging", **files)
    return base


async def merge(backend: Backend, **metadata: str) -> str:
    """Squash-merge `staging` into main."""
    return await backend.branches.squash_merge("staging", "main", "by the test", metadata, 600)


async def parents(backend: Backend, ref: str) -> tuple[str, ...]:
    """The parents of a commit."""
    return (await backend.branches.commit_record(ref)).parents


async def history(backend: Backend, ref: str, stop_at: str) -> list[str]:
    """Ids of the commits, in the order of their coming."""
    return [commit.id async for commit in backend.branches.history(ref, stop_at)]


async def test_the_head_of_a_branch_is_its_last_commit(backend: Backend) -> None:
    """What is not committed does not count."""
    first = await committed(backend, a="1")
    await backend.put("a", "2")
    assert await backend.branches.branch_head("main") == first


async def test_a_commit_has_its_parent_and_its_metadata(backend: Backend) -> None:
    """It is found by its id, and by a branch whose head it is."""
    base = await committed(backend, a="1")
    await backend.put("a", "2")
    commit = await backend.commit(metadata={"perago.x-y": "z"})
    for ref in (commit, "main"):
        record = await backend.branches.commit_record(ref)
        assert (record.id, record.parents, record.metadata) == (commit, (base,), {"perago.x-y": "z"})


async def test_history_goes_down_to_its_last_commit(backend: Backend) -> None:
    """Newest first; the last is included, and what is below it is not."""
    await committed(backend, a="1")
    base = await committed(backend, a="2")
    middle = await committed(backend, a="3")
    head = await committed(backend, a="4")
    assert await history(backend, "main", base) == [head, middle, base]


async def test_history_that_does_not_meet_its_last_commit_goes_to_the_beginning(backend: Backend) -> None:
    """A branch may have been reset to below the input ref."""
    base = await committed(backend, a="1")
    await staged(backend, a="2")
    assert await history(backend, "main", "staging") == [base, *await parents(backend, base)]


async def test_a_squash_merge_is_one_commit_on_the_targets_head(backend: Backend) -> None:
    """With the given metadata, all of the source's changes, and none of its commits."""
    await committed(backend, keep="1", old="1", edit="1")
    base = await staged(backend, new="1")
    await backend.delete("old", "staging")
    await committed(backend, "staging", edit="2")
    commit = await merge(backend, **{"perago.x-y": "z"})
    record = await backend.branches.commit_record("main")
    assert (record.id, record.parents) == (commit, (base,))
    assert record.metadata == {"perago.x-y": "z", ".lakefs.merge.strategy": "default"}
    assert await history(backend, "main", base) == [commit, base]
    assert await backend.files() == {"keep": "1", "edit": "2", "new": "1"}


async def test_a_merge_keeps_metadata_of_342_kib(backend: Backend) -> None:
    """The largest output that a publication carries; a listing returns it as well."""
    base = await staged(backend, new="1")
    metadata = output_metadata({"result": random.Random(1).randbytes(PACKED_LIMIT * 7 // 8).hex()})
    [(key, value)] = metadata.items()
    assert 300_000 < len(value) <= PACKED_LIMIT * 4 / 3
    await merge(backend, **metadata)
    [head, _] = [commit async for commit in backend.branches.history("main", base)]
    assert head.metadata[key] == value


async def test_a_merge_leaves_out_what_the_source_has_not_committed(backend: Backend) -> None:
    """Without a word: so staging is committed, and its head compared, before the merge."""
    await staged(backend, new="1")
    await backend.put("forgotten", "1", "staging")
    await merge(backend)
    assert await backend.files() == {"new": "1"}


async def test_another_writers_commit_is_kept_below_the_merge(backend: Backend) -> None:
    """lakeFS rebases: both land, and the merge's parent is no longer what was looked at."""
    base = await staged(backend, new="1")
    other = await committed(backend, other="1")
    commit = await merge(backend)
    assert await history(backend, "main", base) == [commit, other, base]
    assert await backend.files() == {"new": "1", "other": "1"}


async def test_a_merge_that_is_repeated_lands_again(backend: Backend) -> None:
    """It even brings back what was deleted since: why a merge of unknown fate is looked for first."""
    base = await staged(backend, new="1")
    first = await merge(backend)
    second = await merge(backend)
    assert await history(backend, "main", base) == [second, first, base]
    await backend.delete("new")
    await backend.commit()
    await merge(backend)
    assert await backend.files() == {"new": "1"}


async def test_changes_of_the_same_path_conflict(backend: Backend) -> None:
    """The merge lands nothing and names no path; the difference names them."""
    await committed(backend, deleted="1", edited="1")
    await staged(backend, deleted="2", edited="2", added="2", mine="2")
    await backend.delete("deleted")
    head = await committed(backend, edited="3", added="3", theirs="3")
    with pytest.raises(Conflict):
        await merge(backend)
    assert await backend.branches.conflicts("main", "staging") == ["added", "deleted", "edited"]
    assert await backend.branches.branch_head("main") == head


async def test_a_conflict_that_is_over_has_no_paths(backend: Backend) -> None:
    """The other change may be gone by the time of asking."""
    base = await staged(backend, a="2")
    await committed(backend, a="3")
    with pytest.raises(Conflict):
        await merge(backend)
    await backend.branches.hard_reset("main", base)
    assert await backend.branches.conflicts("main", "staging") == []


async def test_the_same_change_on_both_sides_is_no_conflict(backend: Backend) -> None:
    """It lands as a commit without a difference."""
    await staged(backend, new="1")
    other = await committed(backend, new="1")
    commit = await merge(backend)
    assert await parents(backend, commit) == (other,)


async def test_a_source_without_commits_has_nothing_to_merge(backend: Backend) -> None:
    """Neither have commits that change nothing in the end."""
    base = await committed(backend, a="1")
    await backend.create_branch("staging", base)
    with pytest.raises(NoChanges):
        await merge(backend)
    await committed(backend, "staging", new="1")
    await backend.delete("new", "staging")
    await backend.commit("staging")
    with pytest.raises(NoChanges):
        await merge(backend)


async def test_uncommitted_changes_of_the_target_block_every_merge(backend: Backend) -> None:
    """Even one that has nothing to merge, or no source."""
    await staged(backend, new="1")
    await backend.create_branch("empty", await backend.branches.branch_head("main"))
    await backend.put("dirt", "1")
    for source in ("staging", "empty", "no-such-branch"):
        with pytest.raises(UncommittedChanges):
            await backend.branches.squash_merge(source, "main", "by the test", {}, 600)
    await backend.delete("dirt")


async def test_a_hook_of_the_repository_refuses_what_is_not_on_its_input_ref(backend: Backend) -> None:
    """It runs inside the merge, so nothing can come in between; what is on its input ref passes."""
    await put_hook(backend)
    base = await committed(backend, a="1")
    await staged(backend, new="1")
    first = await merge(backend, **{INPUT_REF: base})
    with pytest.raises(HookRefused):
        await merge(backend, **{INPUT_REF: base})
    assert await backend.branches.branch_head("main") == first


async def test_a_hook_is_read_from_the_source(backend: Backend) -> None:
    """A staging branch from before it was installed is not held up by it."""
    base = await staged(backend, new="1")
    await put_hook(backend)
    await backend.commit()
    assert await parents(backend, await merge(backend, **{INPUT_REF: base})) != (base,)


async def test_a_reset_moves_the_branch_whatever_is_on_it(backend: Backend) -> None:
    """No head is expected: of two at once both succeed, and a commit in between is off the branch."""
    base = await staged(backend, new="1")
    await committed(backend, other="1")
    await asyncio.gather(*(backend.branches.hard_reset("main", ref) for ref in (base, base)))
    assert (await backend.branches.branch_head("main"), await backend.files()) == (base, {})
    await backend.branches.hard_reset("main", "staging")
    assert await backend.files() == {"new": "1"}


async def test_a_reset_leaves_uncommitted_changes_on_top(backend: Backend) -> None:
    """The next merge is refused because of them."""
    base = await staged(backend, new="1")
    await committed(backend, other="1")
    await backend.put("dirt", "1")
    await backend.branches.hard_reset("main", base)
    assert await backend.files() == {"dirt": "1"}
    with pytest.raises(UncommittedChanges):
        await merge(backend)


Scenario = Callable[[Backend], Awaitable[Any]]
ABSENT: dict[str, Scenario] = {
    "head": lambda backend: backend.branches.branch_head("absent"),
    "commit": lambda backend: backend.branches.commit_record(UNKNOWN),
    "history": lambda backend: history(backend, "absent", "main"),
    "end of the history": lambda backend: history(backend, "main", UNKNOWN),
    "source": lambda backend: backend.branches.squash_merge("absent", "main", "by the test", {}, 600),
    "target": lambda backend: backend.branches.squash_merge("main", "absent", "by the test", {}, 600),
    "difference": lambda backend: backend.branches.conflicts("main", "absent"),
    "reset": lambda backend: backend.branches.hard_reset("absent", "main"),
    "reset to": lambda backend: backend.branches.hard_reset("main", UNKNOWN),
}


@pytest.mark.parametrize("scenario", ABSENT)
async def test_what_is_not_there_is_not_found(backend: Backend, scenario: str) -> None:
    """Branches may be deleted at any time, and repositories restored without their commits."""
    with pytest.raises(RefNotFound):
        await ABSENT[scenario](backend)


CALLS: dict[str, Scenario] = {
    "squash_merge": merge,
    "hard_reset": lambda backend: backend.branches.hard_reset("main", "staging"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("fault", "landed"), [(lost, True), (cut_before, False)], ids=["lost", "cut before"])
async def test_a_write_without_an_answer_is_sent_once(
    backend: Backend, call: str, fault: Fault[Any], landed: bool
) -> None:
    """Its caller decides whether it may be repeated; whether it has landed cannot be known from the error."""
    base = await staged(backend, new="1")
    backend.break_(call, fault)
    with pytest.raises(NoAnswer):
        await CALLS[call](backend)
    assert backend.calls(call) == 1
    assert (await backend.branches.branch_head("main") != base) == landed


@pytest.mark.parametrize("call", CALLS)
async def test_a_write_may_land_after_its_caller_has_given_up(backend: Backend, call: str) -> None:
    """On whatever the branch holds by then."""
    base = await staged(backend, new="1")
    late = Late()
    backend.break_(call, late)
    with pytest.raises(NoAnswer):
        await CALLS[call](backend)
    other = await committed(backend, other="1")
    await late.land()
    assert await backend.files() == ({"new": "1", "other": "1"} if call == "squash_merge" else {"new": "1"})
    assert (other in await history(backend, "main", base)) == (call == "squash_merge")


async def test_a_merge_whose_answer_is_slow_has_landed_meanwhile(backend: Backend) -> None:
    """Between the work and its answer."""
    base = await staged(backend, new="1")
    held = Held()
    backend.break_("squash_merge", held)
    merging = asyncio.create_task(merge(backend))
    await held.reached()
    assert (await parents(backend, "main"), merging.done()) == ((base,), False)
    held.release()
    assert await merging == await backend.branches.branch_head("main")
