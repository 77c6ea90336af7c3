"""The real parts, and broken ones: each lacks one of the protocol's rules, and the model has to find that out.

They break the rule where the real code cannot help it: in what the publisher is given, or in one decision of a
subclass.
"""

from collections.abc import AsyncIterator, Mapping

from perago import wire
from perago.agent.clients.http import retried
from perago.agent.fence import AttemptFence
from perago.agent.publication import Commit
from perago.agent.publisher import Publisher, Staged, Turn
from perago.agent.status import StatusWriter
from perago.agent.steps import WorkspaceSteps
from perago.wire import JsonObject
from tests.fakes.repository import FakeRepository
from tests.model.attempts import TARGET, TURN_SECONDS, Attempt, Execution, Parts
from tests.model.operator import Operator
from tests.model.story import Variant
from tests.model.turns import RefereedTurn

PATIENCE = 600.0


class RepeatsBlindly(FakeRepository):
    """A client that repeats a merge whose answer was lost, as HTTP clients do with other calls."""

    async def squash_merge(
        self, source: str, target: str, message: str, metadata: Mapping[str, str], seconds: float
    ) -> str:
        """See `Branches`."""
        merge = super().squash_merge
        return await retried(lambda: merge(source, target, message, metadata, seconds), PATIENCE)


class MergesTheCommit(FakeRepository):
    """Merges the commit that was staged, which is there when its branch is gone."""

    async def branch_head(self, branch: str) -> str:
        """See `Branches`."""
        head = await super().branch_head(branch)
        if branch != TARGET:
            self._staged = head
        return head

    async def squash_merge(
        self, source: str, target: str, message: str, metadata: Mapping[str, str], seconds: float
    ) -> str:
        """See `Branches`."""
        return await super().squash_merge(self._staged, target, message, metadata, seconds)


class LooksAtTheHead(FakeRepository):
    """Looks for evidence at the head alone."""

    async def history(self, ref: str, stop_at: str) -> AsyncIterator[Commit]:
        """See `Branches`."""
        async for commit in super().history(ref, stop_at):
            yield commit
            return


class OneFence(AttemptFence):
    """Asks once, before the work is staged, whether the attempt is the current one."""

    asked = False

    async def current(self) -> wire.CurrentAttempt:
        """See `AttemptFence`."""
        if self.asked:
            return self._order.attempt
        self.asked = True
        return await super().current()

    async def require(self) -> None:
        """See `AttemptFence`."""


class NoLook(Publisher):
    """Takes the answer to the merge for the publication, and never looks at the branch again."""

    async def _merge(self, staged: Staged, seconds: float) -> Commit:
        merge = self._lakefs.squash_merge
        merged = await merge(staged.branch, self._plan.target, staged.message, staged.metadata, seconds)
        return Commit(merged, metadata=staged.metadata)

    async def confirm(self, published: Commit) -> Commit:
        """See `Publisher`."""
        return published


class PlansLater(StatusWriter):
    """Does not wait until the cluster knows of the staging branch."""

    async def write(self, report: wire.StatusReport) -> None:
        """See `StatusWriter`."""
        if report.outcome is not None:
            await super().write(report)
        else:
            self.post(report)


class OwnOutput(WorkspaceSteps):
    """Reports what the body of this execution has returned, whoever has published."""

    def output(self) -> JsonObject:
        """See `WorkspaceSteps`."""
        return {"workspace": super().output()["workspace"]}


class Unordered(RefereedTurn):
    """Waits for nobody."""

    async def take(self) -> float:
        """See `Turn`."""
        await self.ask_for_turn()
        return TURN_SECONDS


class NoTurns(Operator):
    """Nobody takes turns."""

    def turn(self, execution: Execution) -> Turn:
        """See `Operator`."""
        return Unordered(execution, self.servers, self.referee)


class GivesBackEarly(RefereedTurn):
    """Gives the turn back before the branch is moved."""

    async def take(self) -> float:
        """See `Turn`."""
        seconds = await super().take()
        await super().give_back()
        return seconds

    async def give_back(self) -> None:
        """See `Turn`."""


class EarlyTurns(Operator):
    """See `GivesBackEarly`."""

    def turn(self, execution: Execution) -> Turn:
        """See `Operator`."""
        return GivesBackEarly(execution, self.servers, self.referee)


class NoEvidence(Operator):
    """Calls the death of a pod a failure, whatever it has published."""

    async def look_for_publication(self, attempt: Attempt) -> None:
        """See `Operator`."""


class EvidenceFirst(Operator):
    """Asks what was published while the staging branch can still be merged."""

    async def look_for_publication(self, attempt: Attempt) -> None:
        """See `Operator`."""
        await self.take_publication(attempt)


class LeavesBranches(Operator):
    """Leaves the staging branch of a lost pod to the sweep."""

    async def delete_staging(self, attempt: Attempt) -> None:
        """See `Operator`."""


REAL = Variant("the protocol")
BROKEN = (
    Variant(
        "repeats a merge blindly when its answer is lost",
        "two publications",
        Parts(lakefs=RepeatsBlindly),
        shown_by=77,
    ),
    Variant(
        "merges the staged commit instead of its branch",
        "is reported as",
        Parts(lakefs=MergesTheCommit),
        shown_by=322,
    ),
    Variant("looks for evidence at the head alone", "is reported as", Parts(lakefs=LooksAtTheHead), shown_by=4621),
    Variant(
        "asks no second time whether the attempt is current", "two publications", Parts(fence=OneFence), shown_by=1029
    ),
    Variant(
        "never looks at the branch after the merge", "is not on its input ref", Parts(publisher=NoLook), shown_by=186
    ),
    Variant(
        "replaces commits that are not Perago's", "of somebody else is lost", Parts(replace_unmarked=True), shown_by=1
    ),
    Variant(
        "takes what a pod writes whose object is gone", "nobody knows of it", Parts(drops_tokens=False), shown_by=69
    ),
    Variant(
        "makes the staging branch before the status names it",
        "nobody knows of it",
        Parts(status=PlansLater),
        shown_by=4,
    ),
    Variant("reports the output of another execution", "and c", Parts(steps=OwnOutput), shown_by=1234),
    Variant("takes no turn", "has landed on", operator=NoTurns, shown_by=31),
    Variant("gives the turn back before the merge", "has landed on", operator=EarlyTurns, shown_by=279),
    Variant("calls a death a failure without looking for evidence", "is reported as", operator=NoEvidence, shown_by=17),
    Variant(
        "looks for evidence before the staging branch is gone", "is reported as", operator=EvidenceFirst, shown_by=1782
    ),
    Variant(
        "does not delete the staging branch of a lost pod", "nobody knows of it", operator=LeavesBranches, shown_by=1
    ),
)
