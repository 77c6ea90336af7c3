"""The workspace's steps: what is reported before a branch can exist, what is published, and what is left."""

import asyncio
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from perago import wire
from perago.agent.clients.attempt_api import ClusterRefused
from perago.agent.clients.http import NoAnswer
from perago.agent.clients.lakefs_errors import Forbidden, RefNotFound
from perago.agent.data.volume import AttemptVolume, VolumeFull
from perago.agent.failures import PublishedWithoutOutput
from perago.agent.outcome import OutputTooLarge
from perago.agent.steps import WorkspaceSteps, checked_out
from perago.attempt import Changes
from perago.errors import PublishFenceError, TaskInputError
from perago.fence_hook import ACTION, PATH
from perago.wire import metadata_keys as keys
from perago.workspace.manifest import Manifest
from tests.fakes.faulty import raising
from tests.faults.kinds import Fault, Late, cut_before, lost, preceded_by
from tests.unit.perago.agent.kit import DOWNLOAD, World

OUTPUT = {"result": {"n": 1}}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def downloaded(world: World) -> WorkspaceSteps:
    """Steps whose body has run; what they post is sent at once."""
    world.post_seconds = 0
    steps = await world.steps()
    world.directory.mkdir()
    await steps.download(DOWNLOAD)
    world.work()
    return steps


async def staged(world: World) -> WorkspaceSteps:
    """Steps that have staged."""
    steps = await downloaded(world)
    await steps.stage()
    return steps


async def published(world: World) -> str:
    """An execution that published and died; the commit's id."""
    return (await (await staged(world)).publish(OUTPUT)).ref


async def posted() -> None:
    """Let reports arrive that nobody waits for."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize("ref", ["main", "c1"])
async def test_an_input_ref_is_a_commit_id(world: World, ref: str) -> None:
    """A branch would move under the attempt; the message says where it stands now."""
    workspace = world.workspace.model_copy(update={"ref": ref})
    if ref == world.base:
        assert (await checked_out(world.repository, workspace, 0)).commit == world.base
        return
    with pytest.raises(TaskInputError, match=rf"'main' is not a commit id \(it currently points to {world.base}\)"):
        await checked_out(world.repository, workspace, 0)


async def test_a_download_fills_the_directory_and_notes_it_down_outside(world: World) -> None:
    """The manifest is not part of the workspace."""
    steps = await world.steps()
    world.directory.mkdir()
    answer = await steps.download(DOWNLOAD)
    assert {path.name: path.read_text() for path in world.directory.iterdir()} == {"file": "before", "old": "old"}
    manifest = Path(answer.manifest_path)
    assert (manifest.parent, set(Manifest.read(manifest).digests)) == (world.root, {"file", "old"})


async def test_a_download_stays_below_the_prefix(world: World) -> None:
    """And changes are published below it."""
    world.repository.lakefs.put("data/in", "in")
    world.base = world.repository.lakefs.commit()
    world.workspace = world.workspace.model_copy(update={"ref": world.base})
    steps = await world.steps()
    world.directory.mkdir()
    await steps.download(wire.Download(prefix="data", read_only=False))
    assert [path.name for path in world.directory.iterdir()] == ["in"]
    (world.directory / "out").write_text("out")
    world.list_changes(Changes(added=("out",)))
    await steps.stage()
    assert set(world.repository.files(world.branch)) == {"file", "old", "data/in", "data/out"}


async def test_a_download_needs_room_on_the_volume(tmp_path: Path) -> None:
    """The declared size counts, not only what is free."""
    world = World(tmp_path, volume_bytes=8)
    steps = await world.steps()
    world.directory.mkdir()
    with pytest.raises(VolumeFull, match="8 bytes"):
        await steps.download(DOWNLOAD)


async def test_a_download_needs_the_tasks_directory(world: World) -> None:
    """The task makes it; the agent does not."""
    with pytest.raises(TaskInputError, match="cannot be used"):
        await (await world.steps()).download(DOWNLOAD)


@pytest.mark.parametrize("declared", [130, None])
async def test_a_commit_and_a_merge_may_take_as_long_as_the_task_declares(world: World, declared: int | None) -> None:
    """Without a publish budget, as long as lakeFS may be away."""
    steps = await world.steps()
    world.directory.mkdir()
    await steps.download(DOWNLOAD.model_copy(update={"merge_seconds": declared}))
    world.work()
    await steps.stage()
    await steps.publish({"result": {}})
    assert world.repository.lakefs.merge_seconds == 2 * [declared or world.order.outage_seconds]


async def test_a_prefix_that_no_declaration_allows_is_refused(world: World) -> None:
    """It comes from the task, which may be hostile."""
    with pytest.raises(TaskInputError):
        await (await world.steps()).download(wire.Download(prefix="a/../..", read_only=False))


async def test_planned_is_in_the_status_before_the_branch_exists(world: World) -> None:
    """So that whoever cleans up after a lost agent knows of every branch that there may be."""
    await staged(world)
    await posted()
    planned = world.seen.index("patch_status")
    assert planned < world.seen.index("create_branch")
    want = {"repository": "repo", "branch": world.branch, "state": "Planned"}
    assert world.api.patches[0] == {"staging": want}


@pytest.mark.parametrize(
    ("fault", "kind"), [(raising(ClusterRefused("invalid")), ClusterRefused), (cut_before, NoAnswer)]
)
async def test_no_branch_is_made_when_planned_is_not_known(world: World, fault: object, kind: type[Exception]) -> None:
    """Whether the API server refuses the report or cannot be reached."""
    steps = await downloaded(world)
    world.api.faults.on("patch_status", fault, None)  # type: ignore[arg-type]
    with pytest.raises(kind):
        await steps.stage()
    assert "create_branch" not in world.seen


async def test_what_is_staged_are_the_named_changes(world: World) -> None:
    """Additions, changes and deletions, in one commit that says whose it is."""
    steps = await downloaded(world)
    (world.directory / "unnamed").write_text("the task did not name it")
    answer = await steps.stage()
    assert world.repository.files(answer.commit) == {"file": "after", "new": "new"}
    commit = world.repository.lakefs.commits[answer.commit]
    assert (commit.parents, commit.metadata[keys.ATTEMPT_UID]) == ((world.base,), "u2")
    assert keys.OUTPUT not in commit.metadata
    assert world.repository.messages == ["Stage app.t (team/a1)"]
    assert (answer.repository, answer.branch) == ("repo", world.branch)


async def test_the_status_follows_the_branch(world: World) -> None:
    """Planned, active, active with its commit, deleted."""
    steps = await staged(world)
    await posted()
    assert world.api.status["staging"] == {
        "repository": "repo", "branch": world.branch, "state": "Active",
        "commit": world.repository.lakefs.branches[world.branch].head,
    }  # fmt: skip
    await steps.cleanup()
    await posted()
    assert world.api.status["staging"]["state"] == "Deleted"
    assert world.branch not in world.repository.lakefs.branches


@pytest.mark.parametrize("kind", ["link", "pipe", "missing"])
async def test_the_list_of_changes_is_a_regular_file_of_the_volume(world: World, kind: str) -> None:
    """Its place is the task's to write to: no link is followed, nobody waits at a pipe, and no branch is made."""
    steps = await downloaded(world)
    path = AttemptVolume(world.root, world.execution, 0).changes
    path.rename(world.root / "elsewhere")
    if kind == "link":
        path.symlink_to(world.root / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(TaskInputError, match="perago-changes-"):
        await steps.stage()
    assert "create_branch" not in world.seen


@pytest.mark.parametrize("path", ["../x", "/x", "_lakefs_actions/x.yaml", ""])
@pytest.mark.parametrize("kind", ["added", "modified", "deleted"])
async def test_a_path_that_may_not_be_published_stops_before_a_branch_is_planned(
    world: World, kind: str, path: str
) -> None:
    """All of them are looked at, the deleted ones too."""
    steps = await downloaded(world)
    world.list_changes(Changes(**{kind: ("new", path)}))
    with pytest.raises(TaskInputError):
        await steps.stage()
    assert "patch_status" not in world.seen


async def test_a_publication_carries_its_output(world: World) -> None:
    """And is what the output and the status name."""
    steps = await staged(world)
    answer = await steps.publish(OUTPUT)
    head = world.repository.lakefs.branches["main"].head
    commit = world.repository.lakefs.commits[head]
    assert (answer.ref, commit.parents) == (head, (world.base,))
    assert json.loads(commit.metadata[keys.OUTPUT]) == OUTPUT
    assert world.repository.messages[-1] == "Publish app.t (team/a1)"
    assert steps.output()["workspace"] == {"repository": "repo", "branch": "main", "ref_type": "commit", "ref": head}
    assert steps.report() == wire.WorkspaceReport(
        repository="repo", branch="main", input_ref=world.base, published_ref=head, fence="Soft",
        changed=wire.Changed(added=1, modified=1, deleted=1, bytes=8),
    )  # fmt: skip


@pytest.mark.parametrize(("content", "kind"), [(ACTION, "Hard"), (ACTION + "# mine", "Soft"), ("name: x", "Soft")])
async def test_the_status_says_whether_lakefs_fences(world: World, content: str, kind: str) -> None:
    """It does if the input ref has the hook as it is installed."""
    world.repository.lakefs.put(PATH, content)
    world.base = world.repository.lakefs.commit()
    world.workspace = world.workspace.model_copy(update={"ref": world.base})
    assert (await staged(world)).report().fence == kind


@pytest.mark.parametrize("fault", [raising(Forbidden("403")), cut_before])
async def test_a_fence_that_cannot_be_read_stops_nothing(world: World, fault: Fault[Any]) -> None:
    """It is asked once, and the status leaves it out."""
    world.repository.faults.on("object_text", fault)
    steps = await staged(world)
    await steps.publish(OUTPUT)
    assert (steps.report().fence, world.seen.count("object_text")) == (None, 1)


async def test_an_output_that_cannot_be_recorded_is_not_published(world: World) -> None:
    """The publication would be lost: nothing could complete from it."""
    steps = await staged(world)
    noise = "".join(chr(number) for number in random.Random(1).choices(range(0x4E00, 0x9FFF), k=600_000))
    with pytest.raises(OutputTooLarge):
        await steps.publish({"result": noise})
    assert "squash_merge" not in world.seen


async def test_without_a_change_the_input_ref_is_kept(world: World) -> None:
    """As it was spelled in the input; only a completed attempt names it as its published ref."""
    steps = await downloaded(world)
    assert (await steps.keep()).ref == world.base
    assert "object_text" not in world.seen
    assert (steps.report().published_ref, steps.report(completed=True).published_ref) == (None, world.base)


async def test_cleaning_up_does_nothing_where_nothing_was_planned(world: World) -> None:
    """A read-only attempt never had a branch."""
    await (await downloaded(world)).cleanup()
    assert {"delete_branch", "patch_status"}.isdisjoint(world.seen)


async def test_cleaning_up_twice_deletes_once(world: World) -> None:
    """The task asks for it, and the agent's end."""
    steps = await staged(world)
    await steps.cleanup()
    await steps.cleanup()
    assert world.seen.count("delete_branch") == 1


async def test_a_branch_that_was_only_planned_is_deleted(world: World) -> None:
    """Creating it may have been carried out, though nobody heard of it."""
    steps = await downloaded(world)
    world.repository.faults.on("create_branch", lost)
    with pytest.raises(NoAnswer):
        await steps.stage()
    await steps.cleanup()
    await posted()
    assert world.branch not in world.repository.lakefs.branches
    assert world.api.status["staging"]["state"] == "Deleted"


async def test_a_branch_that_could_not_be_deleted_is_not_reported_as_deleted(world: World) -> None:
    """The operator deletes it then."""
    steps = await staged(world)
    world.repository.faults.on("delete_branch", raising(Forbidden("no")))
    with pytest.raises(Forbidden):
        await steps.cleanup()
    await posted()
    assert world.api.status["staging"]["state"] == "Active"


def left(world: World, state: wire.StagingState = "Active", repository: str = "repo", branch: str = "") -> wire.Staging:
    """What the status says of the branch that the execution of `world` left."""
    return wire.Staging(repository=repository, branch=branch or world.branch, state=state)


async def test_an_earlier_executions_publication_is_its_output(world: World) -> None:
    """Nothing runs again."""
    ref = await published(world)
    steps = await world.later().steps()
    output = await steps.output_of_earlier_execution(left(world, "Deleted"))
    assert output == {"workspace": {"repository": "repo", "branch": "main", "ref_type": "commit", "ref": ref}, **OUTPUT}


async def test_without_an_earlier_publication_there_is_no_output(world: World) -> None:
    """The attempt runs."""
    steps = await world.later().steps()
    assert await steps.output_of_earlier_execution(None) is None


async def test_a_publication_without_its_output_is_no_result(world: World) -> None:
    """It was too large to be kept with the commit; the message names the commit."""
    steps = await staged(world)
    ref = (await steps.publish({"result": random.Random(1).randbytes(300_000).hex()})).ref
    later = await world.later().steps()
    with pytest.raises(PublishedWithoutOutput, match=ref):
        await later.output_of_earlier_execution(None)


async def test_an_earlier_executions_late_publication_counts_with_its_own_output(world: World) -> None:
    """It landed after the later execution had looked; what that one computed is not the published work."""
    later = world.later()
    steps = await staged(later)
    ref = await published(world)
    assert (await steps.publish({"result": {"n": 2}})).ref == ref
    assert steps.output()["result"] == OUTPUT["result"]
    assert steps.report(completed=True).changed is None


async def test_an_earlier_executions_late_publication_without_its_output_is_no_result(world: World) -> None:
    """The output of the later execution does not belong to it."""
    later = world.later()
    steps = await staged(later)
    ref = (await (await staged(world)).publish({"result": random.Random(1).randbytes(300_000).hex()})).ref
    with pytest.raises(PublishedWithoutOutput, match=ref):
        await steps.publish({"result": {"n": 2}})


async def test_a_look_that_fails_before_the_outcome_is_no_failure(world: World) -> None:
    """The publication was seen: an outage does not undo it."""
    steps = await staged(world)
    ref = (await steps.publish(OUTPUT)).ref
    world.repository.faults.on("history", cut_before, None)
    await steps.confirm()
    assert steps.report().published_ref == ref


async def test_without_a_publication_there_is_nothing_to_look_for(world: World) -> None:
    """An attempt that changed nothing asks lakeFS once."""
    steps = await downloaded(world)
    await steps.keep()
    world.seen.clear()
    await steps.confirm()
    assert world.seen == []


@pytest.mark.parametrize("state", ["Planned", "Active"])
async def test_the_branch_of_an_earlier_execution_goes_before_its_publication_is_looked_for(
    world: World, state: wire.StagingState
) -> None:
    """Its agent may still live: without the branch it cannot publish after the look."""
    await staged(world)
    late = Late()
    world.repository.faults.on("squash_merge", late)
    zombie = asyncio.create_task(
        world.repository.squash_merge(world.branch, "main", "Publish", {keys.ATTEMPT_UID: "u2"}, 600)
    )
    with pytest.raises(NoAnswer):
        await zombie
    steps = await world.later().steps()
    assert await steps.output_of_earlier_execution(left(world, state)) is None
    assert world.seen.index("delete_branch") < world.seen.index("history")
    with pytest.raises(RefNotFound):
        world.repository.files(world.branch)
    await late.land()
    assert world.repository.lakefs.branches["main"].head == world.base


async def test_a_merge_that_others_overtook_is_looked_for_when_its_branch_is_gone(tmp_path: Path) -> None:
    """Their commits refuse the next try; then the first one lands on top of them, and is taken off again."""
    world = World(tmp_path, outage_seconds=30)
    steps, late = await staged(world), Late()
    lakefs, theirs = world.repository.lakefs, list[str]()

    async def others() -> None:
        for name in ("other", "notes"):
            lakefs.put(name, "theirs")
            theirs.append(lakefs.commit())

    world.repository.faults.on("squash_merge", late)
    world.repository.faults.on("history", preceded_by(others))
    world.repository.faults.on("delete_branch", preceded_by(late.land))
    with pytest.raises(PublishFenceError, match="It was taken off the branch again"):
        await steps.publish(OUTPUT)
    assert lakefs.branches["main"].head == theirs[-1]
    assert world.branch not in lakefs.branches


@pytest.mark.parametrize(
    ("state", "repository", "branch"), [("Deleted", "repo", ""), ("Active", "another", ""), ("Active", "repo", "main")]
)
async def test_a_branch_that_is_gone_or_elsewhere_is_left_alone(
    world: World, state: wire.StagingState, repository: str, branch: str
) -> None:
    """The status is not followed into another repository, nor to a branch that no agent of the attempt made."""
    await staged(world)
    steps = await world.later().steps()
    await steps.output_of_earlier_execution(left(world, state, repository, branch))
    assert "delete_branch" not in world.seen


async def test_a_branch_that_cannot_be_deleted_hides_the_evidence(world: World) -> None:
    """Its agent could still publish, so nothing may be concluded."""
    await staged(world)
    world.repository.faults.on("delete_branch", cut_before)
    steps = await world.later().steps()
    with pytest.raises(NoAnswer):
        await steps.output_of_earlier_execution(left(world))
    assert "history" not in world.seen
