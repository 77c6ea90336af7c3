"""Performs what the publication table decides, and finds out what became of a merge whose answer was lost.

Every try starts from the target's head as it is now: fence, look, decide, act. So a repeat after NoAnswer, or after a
reset, is the same code. A squash merge is never repeated before the target's history was searched for this attempt.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from loguru import logger

from perago.agent import publication
from perago.agent.clients.http import NoAnswer, retried
from perago.agent.clients.lakefs_errors import Conflict, HookRefused, LakeFSError, NoChanges
from perago.agent.publication import Commit, Target
from perago.errors import PublishFenceError

ROUNDS: Final = 3
"""Looks at the target within one try: a reset is followed by a second look; more means that others are writing."""
SETTLE_LOOKS: Final = 8
SHOWN_PATHS: Final = 10


class Branches(Protocol):
    """What of lakeFS a publication needs; see `perago.agent.clients.lakefs.LakeFS`."""

    async def branch_head(self, branch: str) -> str: ...
    async def commit_record(self, ref: str) -> Commit: ...
    def history(self, ref: str, stop_at: str) -> AsyncIterator[Commit]: ...
    async def squash_merge(
        self, source: str, target: str, message: str, metadata: Mapping[str, str], seconds: float
    ) -> str: ...
    async def conflicts(self, target: str, source: str) -> list[str]: ...
    async def hard_reset(self, branch: str, ref: str) -> None: ...


class Turn(Protocol):
    """The right to look at the target branch and move it, held by one attempt at a time."""

    async def take(self) -> float:
        """Wait for the turn; the seconds within which the merge must be answered or given up. Raises NoAnswer."""

    async def give_back(self) -> None:
        """The publication was seen, or this try has failed. Never raises."""


@dataclass(frozen=True)
class FreeTurn:
    """A turn that nobody grants: it is there at once, and lasts as long as it is said to."""

    seconds: float = math.inf

    async def take(self) -> float:
        """See `Turn`."""
        return self.seconds

    async def give_back(self) -> None:
        """See `Turn`."""


Fence = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Staged:
    """What is to be merged: the branch, the commit that must be its head, and what the publication says of itself."""

    branch: str
    commit: str
    message: str
    metadata: Mapping[str, str]
    merge_seconds: float
    """How long the merge may take: the task's publish budget."""


@dataclass(frozen=True)
class Plan:
    """Where this attempt publishes to, from where, and as whom."""

    target: str
    input_ref: str
    me: publication.Identity
    replace_unmarked: bool
    retry_seconds: float
    settle_pause_seconds: float = 0.25
    """Between the looks for a merge whose answer was lost and which may still be under way in the server."""


class Publisher:
    """Publishes one attempt's staged branch, or keeps the input ref, at most once."""

    def __init__(self, lakefs: Branches, plan: Plan, fence: Fence, turn: Turn) -> None:
        self._lakefs = lakefs
        self._plan = plan
        self._fence = fence
        self._turn = turn
        self._fate_unknown = False

    async def publish(self, staged: Staged) -> Commit:
        """Returns the publication's commit; raises PublishFenceError, StaleAttemptError, LakeFSError, NoAnswer."""
        return await retried(lambda: self._attempt(staged), self._plan.retry_seconds)

    async def keep(self) -> Commit:
        """Nothing changed: the input ref, or this attempt's own publication; raises as `publish` does."""
        return await retried(self._unchanged, self._plan.retry_seconds)

    async def evidence(self) -> Commit | None:
        """This attempt's publication in the target's history down to the input ref; None when there is none."""
        plan = self._plan
        async for commit in self._lakefs.history(plan.target, plan.input_ref):
            if publication.is_publication_of(commit, plan.me.attempt_uid):
                return commit
        return None

    async def _unchanged(self) -> Commit:
        """A look alone needs no turn; whoever would move the branch takes one, and looks again."""
        await self._fence()
        decision = await self._decision(changed=False)
        done = None if isinstance(decision, publication.ResetToInput) else await self._perform(decision, None, 0)
        return done or await self._attempt(None)

    async def _attempt(self, staged: Staged | None) -> Commit:
        seconds = await self._turn.take()
        try:
            return await self._in_turn(staged, seconds)
        finally:
            await self._turn.give_back()

    async def _in_turn(self, staged: Staged | None, seconds: float) -> Commit:
        if self._fate_unknown and (landed := await self._settled()):
            return landed
        for _ in range(ROUNDS):
            await self._fence()
            done = await self._perform(await self._decision(changed=staged is not None), staged, seconds)
            if done is not None:
                return done
        raise PublishFenceError(f"branch {self._plan.target!r} is being moved by others while this attempt publishes")

    async def _decision(self, *, changed: bool) -> publication.Decision:
        plan = self._plan
        head_id = await self._lakefs.branch_head(plan.target)
        head = Commit(head_id) if head_id == plan.input_ref else await self._lakefs.commit_record(head_id)
        return publication.decide(Target(head, plan.input_ref, plan.me, changed, plan.replace_unmarked))

    async def _perform(self, decision: publication.Decision, staged: Staged | None, seconds: float) -> Commit | None:
        match decision:
            case publication.AlreadyPublished(ref):
                return await self._lakefs.commit_record(ref)
            case publication.Keep():
                return Commit(self._plan.input_ref)
            case publication.ResetThenMerge(abandoned) | publication.ResetToInput(abandoned):
                logger.info("replacing {} on {!r}: it was published, but did not count", abandoned, self._plan.target)
                await self._lakefs.hard_reset(self._plan.target, self._plan.input_ref)
                return None
            case publication.Refuse(why):
                raise PublishFenceError(f"branch {self._plan.target!r} may not be replaced by this attempt: {why}")
            case publication.Merge():
                assert staged is not None
                return await self._merge(staged, min(seconds, staged.merge_seconds))

    async def _merge(self, staged: Staged, seconds: float) -> Commit:
        head = await self._lakefs.branch_head(staged.branch)
        if head != staged.commit:
            raise PublishFenceError(f"staging branch {staged.branch!r} is at {head}, not at {staged.commit}")
        try:
            target, metadata = self._plan.target, staged.metadata
            merged = await self._lakefs.squash_merge(staged.branch, target, staged.message, metadata, seconds)
            return Commit(merged, metadata=metadata)
        except NoAnswer:
            self._fate_unknown = True
            raise
        except (Conflict, HookRefused, NoChanges) as error:
            return await self._landed_before(staged, error)

    async def _landed_before(self, staged: Staged, error: LakeFSError) -> Commit:
        if self._fate_unknown and (landed := await self.evidence()):
            return landed
        if isinstance(error, Conflict):
            paths = await self._lakefs.conflicts(self._plan.target, staged.branch)
            raise PublishFenceError(_conflict(self._plan.target, paths)) from error
        raise PublishFenceError(str(error)) from error

    async def _settled(self) -> Commit | None:
        """A merge without an answer may still be under way in the server: look for a while."""
        for _ in range(SETTLE_LOOKS):
            if landed := await self.evidence():
                return landed
            await asyncio.sleep(self._plan.settle_pause_seconds)
        return None


def _conflict(target: str, paths: list[str]) -> str:
    shown = ", ".join(map(repr, paths[:SHOWN_PATHS])) + (" …" if len(paths) > SHOWN_PATHS else "")
    return f"branch {target!r} has other changes of the same paths: {shown or 'lakeFS names none'}"
