"""The steps of a workspace attempt: download, stage, publish or keep, clean up. One object per attempt.

Called in the order that `perago.agent.sequence` allows; what it reports of staging is written before a branch can
exist. It knows no socket and no protocol beyond the calls' own shapes.
"""

from dataclasses import dataclass
from pathlib import Path

from perago import wire
from perago.agent import outcome as outcomes
from perago.agent import publication
from perago.agent.clients.http import retried
from perago.agent.clients.lakefs import LakeFS
from perago.agent.data.staging import StagingBranch
from perago.agent.data.transfer import Transfer, object_path
from perago.agent.data.volume import Tree, space_of
from perago.agent.failures import PublishedWithoutOutput
from perago.agent.fence import AttemptFence
from perago.agent.publication import Commit
from perago.agent.publisher import Plan, Publisher, Staged
from perago.agent.status import StatusWriter
from perago.attempt import TaskExecutionContext
from perago.errors import TaskDefinitionError, TaskInputError
from perago.models import WorkspaceSpec
from perago.reference import WorkspaceInput
from perago.staging import staging_branch_name
from perago.taskside.view import view_of
from perago.wire import JsonObject
from perago.workspace.directory import attempt_workspace_dir


@dataclass(frozen=True)
class Place:
    """Where an attempt works: volume, repository, refs, and how its publication is decided."""

    order: wire.Order
    root: Path
    lakefs: LakeFS
    workspace: WorkspaceInput
    input_ref: str
    replace_unmarked: bool

    @property
    def execution(self) -> TaskExecutionContext:
        """The attempt as the core names directories and branches after it."""
        return TaskExecutionContext(view_of(self.order.conductor_or_standalone), self.order.execution_id)

    @property
    def manifest(self) -> Path:
        """Beside the attempt's directory, so that it is no part of the workspace."""
        return self.root / f".perago-manifest-{self.order.execution_id}.jsonl"

    @property
    def plan(self) -> Plan:
        """How to publish."""
        return Plan(
            target=self.workspace.branch,
            input_ref=self.input_ref,
            me=publication.identity(self.order),
            replace_unmarked=self.replace_unmarked,
            retry_seconds=self.order.retry_seconds,
        )


class WorkspaceSteps:
    """Carries out the steps and keeps what the outcome needs to know of them."""

    def __init__(self, place: Place, status: StatusWriter, fence: AttemptFence) -> None:
        self._place = place
        self._status = status
        self._publisher = Publisher(place.lakefs, place.plan, fence.require)
        self._spec = WorkspaceSpec()
        self._staging: wire.Staging | None = None
        self._changed: wire.Changed | None = None
        self._ref = place.workspace.ref
        self._stored_output: JsonObject | None = None

    async def download(self, call: wire.Download) -> wire.Downloaded:
        """Fetch everything below the task's prefix at the input ref."""
        self._spec = _spec(call)
        place = self._place
        tree = Tree(str(attempt_workspace_dir(place.root, place.execution)))
        try:
            space = space_of(str(place.root), place.order.volume_bytes)
            await self._transfer(tree).download(place.input_ref, place.manifest, space)
        finally:
            tree.close()
        return wire.Downloaded(manifest_path=str(place.manifest))

    async def stage(self, call: wire.Stage) -> wire.Staged:
        """Upload the changes to a new staging branch and commit them."""
        for path in (*call.added, *call.modified, *call.deleted):
            object_path(self._spec, path)
        branch = self._branch()
        await self._planned(branch)
        await branch.create()
        self._report_staging(self._staged_as("Active"))
        uploaded = await self._fill(branch, call)
        self._changed = wire.Changed(
            added=len(call.added), modified=len(call.modified), deleted=len(call.deleted), bytes=uploaded
        )
        commit = await branch.commit(self._message("Stage"), self._metadata(None))
        self._report_staging(self._staged_as("Active", commit))
        return wire.Staged(repository=self._place.workspace.repository, branch=branch.name, commit=commit)

    async def publish(self, output: JsonObject) -> wire.Published:
        """Publish the staged commit with `output`; refuses an output that could not be recorded afterwards."""
        outcomes.check_output({**output, **self.output()})
        staging = self._staging
        assert staging is not None
        assert staging.commit is not None
        staged = Staged(staging.branch, staging.commit, self._message("Publish"), self._metadata(output))
        return self._completed_at(await self._publisher.publish(staged))

    async def keep(self) -> wire.Published:
        """Nothing changed: the target's head is the input ref afterwards."""
        return self._completed_at(await self._publisher.keep())

    async def left_by_earlier_execution(self, left: wire.Staging | None) -> Commit | None:
        """Delete the staging branch that an earlier execution left, then look for what it published."""
        place = self._place
        if left is not None and left.state != "Deleted" and left.repository == place.workspace.repository:
            await StagingBranch(place.lakefs, left.branch, place.input_ref, place.order.retry_seconds).delete()
        return await retried(self._publisher.evidence, place.order.retry_seconds)

    def completed_from(self, commit: Commit) -> JsonObject:
        """The whole output of a publication found as evidence; raises PublishedWithoutOutput."""
        self._completed_at(commit)
        if self._stored_output is None:
            raise PublishedWithoutOutput(
                f"an earlier execution published {commit.id}, but its output was too large to be kept with the commit; "
                "a retry replaces that publication"
            )
        return self.output()

    async def cleanup(self) -> None:
        """Delete the staging branch if one may exist."""
        if self._staging is not None and self._staging.state != "Deleted":
            await self._branch().delete()
            self._report_staging(self._staged_as("Deleted", self._staging.commit))

    def output(self) -> JsonObject:
        """What the agent vouches for of the output: the workspace's ref, and a result that was published before."""
        workspace = self._place.workspace.published_output(self._ref).model_dump()
        return {"workspace": workspace, **(self._stored_output or {})}

    def report(self, *, completed: bool = False) -> wire.WorkspaceReport:
        """The refs for the status; a completed attempt names the ref it ended with, changed or not."""
        workspace = self._place.workspace
        told = completed or self._ref != workspace.ref
        return wire.WorkspaceReport(
            repository=workspace.repository,
            branch=workspace.branch,
            input_ref=workspace.ref,
            published_ref=self._ref if told else None,
            changed=self._changed,
        )

    async def _fill(self, branch: StagingBranch, call: wire.Stage) -> int:
        tree = Tree(str(attempt_workspace_dir(self._place.root, self._place.execution)))
        try:
            return (await branch.fill(call, self._transfer(tree))).bytes
        finally:
            tree.close()

    async def _planned(self, branch: StagingBranch) -> None:
        self._staging = wire.Staging(
            repository=self._place.workspace.repository, branch=branch.name, state="Planned"
        )  # fmt: skip
        await self._status.write(wire.StatusReport(staging=self._staging))

    def _completed_at(self, commit: Commit) -> wire.Published:
        if commit.id != self._place.input_ref:
            self._ref = commit.id
            self._stored_output = publication.published_output(commit.metadata)
        return wire.Published(ref=self._ref)

    def _branch(self) -> StagingBranch:
        place = self._place
        name = staging_branch_name(place.execution)
        return StagingBranch(place.lakefs, name, place.input_ref, place.order.retry_seconds)

    def _staged_as(self, state: wire.StagingState, commit: str | None = None) -> wire.Staging:
        branch, repository = self._branch().name, self._place.workspace.repository
        return wire.Staging(repository=repository, branch=branch, commit=commit, state=state)

    def _report_staging(self, staging: wire.Staging) -> None:
        self._staging = staging
        self._status.post(wire.StatusReport(staging=staging))

    def _transfer(self, tree: Tree) -> Transfer:
        return Transfer(self._place.lakefs, self._spec, tree, self._place.order.retry_seconds)

    def _metadata(self, output: JsonObject | None) -> dict[str, str]:
        return publication.publication_metadata(self._place.order, self._place.input_ref, output)

    def _message(self, verb: str) -> str:
        order = self._place.order
        return f"{verb} {order.module} ({order.namespace}/{order.name})"


def _spec(call: wire.Download) -> WorkspaceSpec:
    try:
        return WorkspaceSpec(prefix=call.prefix, read_only=call.read_only)
    except TaskDefinitionError as error:
        raise TaskInputError(str(error)) from error
