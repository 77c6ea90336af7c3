"""The steps of a workspace attempt: download, stage, publish or keep, clean up. One object per attempt.

They are called in the order that `perago.agent.sequence` allows. A staging branch is reported before it can exist. The
steps know no socket, and of the protocol only the shapes of calls.
"""

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from loguru import logger

from perago import wire
from perago.agent import outcome as outcomes
from perago.agent import publication
from perago.agent.clients.http import NoAnswer, retried
from perago.agent.clients.lakefs_errors import LakeFSError
from perago.agent.data.moving import Nearer, nothing_nearer
from perago.agent.data.parallel import both
from perago.agent.data.staging import StagesBranches, StagingBranch
from perago.agent.data.transfer import MovesObjects, Transfer, object_path
from perago.agent.data.volume import AttemptVolume, Tree
from perago.agent.failures import PublishedWithoutOutput
from perago.agent.hook import ReadsText, fence_kind
from perago.agent.publication import Commit
from perago.agent.publisher import Branches, Publisher, Staged
from perago.agent.status import StatusWriter
from perago.attempt import TaskExecutionContext
from perago.errors import PublishFenceError, TaskDefinitionError, TaskInputError
from perago.models import WorkspaceSpec
from perago.reference import WorkspaceInput
from perago.wire import JsonObject


class Repository(Branches, StagesBranches, MovesObjects, ReadsText, Protocol):
    """What of lakeFS an attempt needs; see `perago.agent.clients.lakefs.LakeFS`."""


@dataclass(frozen=True)
class Checkout:
    """A workspace, and the commit that its input ref names."""

    workspace: WorkspaceInput
    commit: str


async def checked_out(lakefs: Branches, workspace: WorkspaceInput, retry_seconds: float) -> Checkout:
    """Look the input ref up; raises TaskInputError unless it is a commit id or begins one."""
    commit = await retried(lambda: lakefs.commit_record(workspace.ref), retry_seconds)
    if not commit.id.startswith(workspace.ref):
        raise TaskInputError(f"ref {workspace.ref!r} is not a commit id (it currently points to {commit.id})")
    return Checkout(workspace, commit.id)


@dataclass(frozen=True)
class Storage:
    """Where the attempt's volume is, and where objects are that need not be fetched from lakeFS."""

    volume: Path
    nearer: Nearer = nothing_nearer


class WorkspaceSteps:
    """Carries out the steps and keeps what the outcome needs to know of them."""

    def __init__(
        self,
        order: wire.Order,
        storage: Storage,
        lakefs: Repository,
        checkout: Checkout,
        publisher: Publisher,
        status: StatusWriter,
    ) -> None:
        execution = TaskExecutionContext(order.attempt, order.execution_id)
        self._order = order
        self._lakefs = lakefs
        self._workspace = checkout.workspace
        self._commit = checkout.commit
        self._publisher = publisher
        self._status = status
        self._nearer = storage.nearer
        self._volume = AttemptVolume(storage.volume, execution, order.volume_bytes)
        self._branch = StagingBranch(lakefs, order.staging_branch, checkout.commit, order.outage_seconds)
        self._spec = WorkspaceSpec()
        self._merge_seconds = order.outage_seconds
        self._staging: wire.Staging | None = None
        self._fence: wire.FenceKind | None = None
        self._changed: wire.Changed | None = None
        self._ref = checkout.workspace.ref
        self._publication: Commit | None = None
        self._stored_output: JsonObject | None = None

    async def download(self, call: wire.Download) -> wire.Downloaded:
        """Fetch everything below the task's prefix at the input ref."""
        self._spec = _spec(call)
        self._merge_seconds = call.merge_seconds or self._order.outage_seconds
        with self._volume.tree() as tree:
            await self._transfer(tree, self._order.retry_seconds).download(
                self._commit, self._volume.manifest, self._volume.space()
            )
        return wire.Downloaded(manifest_path=str(self._volume.manifest), changes_path=str(self._volume.changes))

    async def stage(self) -> wire.Staged:
        """Upload the changes that the task has listed to a new staging branch and commit them."""
        with self._volume.change_list() as changes:
            await asyncio.to_thread(changes.check, partial(object_path, self._spec))
            await self._status.write(wire.StatusReport(staging=self._staged_as("Planned")))
            _, self._fence = await both(self._branch.create(), fence_kind(self._lakefs, self._commit))
            self._report_staging("Active")
            with self._volume.tree() as tree:
                moved = await self._branch.fill(changes, self._transfer(tree, self._order.outage_seconds))
        self._changed = wire.Changed(
            added=changes.added, modified=changes.modified, deleted=changes.deleted, bytes=moved.bytes
        )
        commit = await self._branch.commit(self._message("Stage"), self._metadata(None), self._merge_seconds)
        self._report_staging("Active", commit)
        return wire.Staged(repository=self._workspace.repository, branch=self._branch.name, commit=commit)

    async def publish(self, output: JsonObject) -> wire.Published:
        """Publish the staged commit with `output`; refuses an output that could not be recorded afterwards."""
        outcomes.check_output({**output, **self.output()})
        staging = self._staging
        assert staging is not None
        assert staging.commit is not None
        message, metadata = self._message("Publish"), self._metadata(output)
        staged = Staged(staging.branch, staging.commit, message, metadata, self._merge_seconds)
        try:
            commit = await self._publisher.publish(staged)
        except (PublishFenceError, LakeFSError):
            if (landed := await self._landed_after_all()) is None:
                raise
            commit = landed
        return self._completed_at(commit)

    async def _landed_after_all(self) -> Commit | None:
        """What became of a merge without an answer: it cannot land any more once its source is gone."""
        if not self._publisher.unanswered:
            return None
        await self.cleanup()
        return await retried(self._publisher.evidence, self._order.retry_seconds)

    async def keep(self) -> wire.Published:
        """Nothing changed: the target's head is the input ref afterwards."""
        return self._completed_at(await self._publisher.keep())

    async def confirm(self) -> None:
        """Right before the outcome: the publication is still on the branch. Raises PublishFenceError, LakeFSError."""
        if self._publication is None:
            return
        try:
            self._completed_at(await self._publisher.confirm(self._publication))
        except NoAnswer as error:
            logger.warning("{} was seen on its branch, but not once more: {}", self._publication.id, error)

    @property
    def remark(self) -> str | None:
        """What people should know of a publication that succeeded."""
        return self._publisher.remark

    async def output_of_earlier_execution(self, left: wire.Staging | None) -> JsonObject | None:
        """The whole output of what an earlier execution published; None when it published nothing.

        The staging branch that it left is deleted first. Raises PublishedWithoutOutput.
        """
        seconds = self._order.retry_seconds
        if left is not None and left.state != "Deleted" and self._is_own(left):
            await StagingBranch(self._lakefs, left.branch, self._commit, seconds).delete()
        commit = await retried(self._publisher.evidence, seconds)
        if commit is None:
            return None
        self._completed_at(commit)
        return self.output()

    def _is_own(self, staging: wire.Staging) -> bool:
        """The status of an earlier execution names a branch: it is deleted if this attempt can have made it."""
        return staging.repository == self._workspace.repository and self._order.made_staging(staging.branch)

    async def cleanup(self) -> None:
        """Delete the staging branch if one may exist."""
        if self._staging is not None and self._staging.state != "Deleted":
            await replace(self._branch, retry_seconds=self._order.retry_seconds).delete()
            self._report_staging("Deleted", self._staging.commit)

    def output(self) -> JsonObject:
        """What the agent vouches for of the output: the workspace's ref, and a result that was published before."""
        workspace = self._workspace.published_output(self._ref).model_dump()
        return {"workspace": workspace, **(self._stored_output or {})}

    def report(self, *, completed: bool = False) -> wire.WorkspaceReport:
        """The refs for the status; a completed attempt names the ref it ended with, changed or not."""
        ended = completed or self._ref != self._workspace.ref
        return wire.WorkspaceReport(
            repository=self._workspace.repository,
            branch=self._workspace.branch,
            input_ref=self._workspace.ref,
            published_ref=self._ref if ended else None,
            fence=self._fence,
            changed=self._changed,
            replaced=self._publisher.replaced,
        )

    def _completed_at(self, commit: Commit) -> wire.Published:
        if commit.id != self._commit:
            self._ref, self._publication = commit.id, commit
            self._stored_output = wire.published_output(commit.metadata)
            if publication.execution_of(commit) != self._order.execution:
                self._taken_over(commit)
        return wire.Published(ref=self._ref)

    def _taken_over(self, commit: Commit) -> None:
        """An earlier execution published: its output counts, and its changes, which are not known here."""
        self._changed = None
        if self._stored_output is None:
            raise PublishedWithoutOutput(
                f"an earlier execution published {commit.id}, but its output was too large to be kept with the commit; "
                "a retry replaces that publication"
            )

    def _staged_as(self, state: wire.StagingState, commit: str | None = None) -> wire.Staging:
        repository = self._workspace.repository
        self._staging = wire.Staging(repository=repository, branch=self._branch.name, commit=commit, state=state)
        return self._staging

    def _report_staging(self, state: wire.StagingState, commit: str | None = None) -> None:
        self._status.post(wire.StatusReport(staging=self._staged_as(state, commit)))

    def _transfer(self, tree: Tree, seconds: float) -> Transfer:
        return Transfer(self._lakefs, self._spec, tree, seconds, self._nearer)

    def _metadata(self, output: JsonObject | None) -> dict[str, str]:
        return publication.publication_metadata(self._order, self._commit, output)

    def _message(self, verb: str) -> str:
        return f"{verb} {self._order.module} ({self._order.namespace}/{self._order.name})"


def _spec(call: wire.Download) -> WorkspaceSpec:
    try:
        return WorkspaceSpec(prefix=call.prefix, read_only=call.read_only)
    except TaskDefinitionError as error:
        raise TaskInputError(str(error)) from error
