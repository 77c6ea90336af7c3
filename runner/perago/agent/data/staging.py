"""The staging branch: made from the input ref, filled, committed, and deleted again, each step repeatable.

Every execution of every attempt has a branch of its own, so whatever is on a branch of that name was put there by us.
It decides nothing about publication.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from perago.agent.clients.http import retried
from perago.agent.clients.lakefs_errors import Conflict, NoChanges, RefNotFound, RepositoryNotFound
from perago.agent.data.parallel import both
from perago.agent.data.transfer import Moved, Transfer
from perago.errors import TaskExecutionError
from perago.workspace.changelist import ChangeList


class StagesBranches(Protocol):
    """What of lakeFS a staging branch needs; see `perago.agent.clients.lakefs.LakeFS`."""

    async def create_branch(self, branch: str, source: str) -> None: ...
    async def branch_head(self, branch: str) -> str: ...
    async def commit(self, branch: str, message: str, metadata: Mapping[str, str], seconds: float) -> str: ...
    async def delete_branch(self, branch: str) -> None: ...


@dataclass(frozen=True)
class StagingBranch:
    """One execution's staging branch."""

    lakefs: StagesBranches
    name: str
    input_ref: str
    retry_seconds: float

    async def create(self) -> None:
        """Make the branch at the input ref; one that exists at that commit is ours, from an answer that was lost."""
        try:
            await retried(lambda: self.lakefs.create_branch(self.name, self.input_ref), self.retry_seconds)
        except Conflict:
            head = await retried(self._head, self.retry_seconds)
            if head != self.input_ref:
                raise

    async def fill(self, changes: ChangeList, transfer: Transfer) -> Moved:
        """Upload and delete what changed; all of it is on the branch when this returns."""
        uploading = transfer.upload(self.name, changes.uploads(), changes.added + changes.modified)
        moved, _ = await both(uploading, transfer.delete(self.name, changes.deletions()))
        return moved

    async def commit(self, message: str, metadata: Mapping[str, str], seconds: float) -> str:
        """Commit what was uploaded, each try within `seconds`; a commit whose answer was lost is the branch's head."""
        try:
            return await retried(lambda: self.lakefs.commit(self.name, message, metadata, seconds), self.retry_seconds)
        except NoChanges:
            head = await retried(self._head, self.retry_seconds)
            if head != self.input_ref:
                return head
            raise TaskExecutionError("the staged changes leave the repository as it is: nothing to publish") from None

    async def delete(self) -> None:
        """Delete the branch, unless it is gone already."""
        try:
            await retried(lambda: self.lakefs.delete_branch(self.name), self.retry_seconds)
        except (RefNotFound, RepositoryNotFound):
            return

    async def _head(self) -> str:
        return await self.lakefs.branch_head(self.name)
