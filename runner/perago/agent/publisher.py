"""Performs what the publication table decides, and looks at what each act did before it goes on.

Every try holds the turn and starts from the target's head as it is now: fence, look, decide, act, look. So a repeat
after NoAnswer, or after a reset, is the same code. A squash merge is never repeated before the target's history was
searched for this attempt, and what landed beside the publication is taken back.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from loguru import logger

from perago.agent import publication
from perago.agent.clients.http import NoAnswer, Server, retried
from perago.agent.clients.lakefs_errors import Conflict, HookRefused, LakeFSError, NoChanges
from perago.agent.publication import Commit, Landed, Target, made_by
from perago.agent.target import SETTLE_LOOKS as SETTLE_LOOKS
from perago.agent.target import Branches as Branches
from perago.agent.target import Plan as Plan
from perago.agent.target import TargetBranch
from perago.errors import PublishFenceError
from perago.wire import Replaced

ROUNDS: Final = 3
"""Looks at the target within one try: a reset is followed by a second look; more means that others are writing."""
SHOWN_PATHS: Final = 10
LONGEST_NAME: Final = 1024
"""Characters of who made a commit, as the status takes them."""


class Turn(Protocol):
    """The right to look at the target branch and move it, held by one attempt at a time."""

    async def take(self) -> float:
        """Wait for the turn; the seconds after which nothing may be moved any more. Raises NoAnswer."""

    async def give_back(self) -> None:
        """The publication was seen, or this try has failed. Never raises."""


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


class Publisher:
    """Publishes one attempt's staged branch, or keeps the input ref, at most once."""

    def __init__(self, lakefs: Branches, plan: Plan, fence: Fence, turn: Turn) -> None:
        self._lakefs = lakefs
        self._plan = plan
        self._fence = fence
        self._turn = turn
        self._target = TargetBranch(lakefs, plan)
        self.unanswered = False
        """Whether a merge was sent of which it is not known what became of it."""
        self._replacing: Replaced | None = None
        self.remark: str | None = None
        """What people should know of a publication that succeeded."""

    @property
    def replaced(self) -> Replaced | None:
        """What was taken off the target branch to make room."""
        return self._replacing if self._replacing and self._replacing.ref in self._target.taken_off else None

    async def publish(self, staged: Staged) -> Commit:
        """Returns the publication's commit; raises PublishFenceError, StaleAttemptError, LakeFSError, NoAnswer."""
        try:
            return await retried(lambda: self._attempt(staged), self._plan.retry_seconds)
        except NoAnswer:
            landed = await retried(self._evidence, self._plan.retry_seconds) if self.unanswered else None
            if landed is None:
                raise
            return landed

    async def keep(self) -> Commit:
        """Nothing changed: the input ref, or this attempt's own publication; raises as `publish` does."""
        return await retried(self._unchanged, self._plan.retry_seconds)

    async def evidence(self) -> Commit | None:
        """This attempt's publication in the target's history down to the input ref; None when there is none.

        Raises PublishFenceError when it landed on somebody else's commit: then it is off the branch again, or named.
        """
        landed = await self._target.landed()
        return await self._mended() if landed.astray else landed.in_force

    async def confirm(self, published: Commit) -> Commit:
        """The publication, seen once more right before it is reported; raises PublishFenceError when it is gone."""
        landed = await retried(self._target.landed, self._plan.retry_seconds)
        if landed.in_force and landed.in_force.id == published.id and not landed.astray:
            return published
        return await retried(lambda: self._restored(published), self._plan.retry_seconds)

    async def _unchanged(self) -> Commit:
        """A look alone needs no turn; whoever would move the branch takes one, and looks again."""
        await self._fence()
        decision = await self._decision(changed=False)
        moves = isinstance(decision, publication.ResetToInput | publication.TakeBack)
        done = None if moves else await self._perform(decision, None, 0)
        return done or await self._attempt(None)

    async def _attempt(self, staged: Staged | None) -> Commit:
        if self.unanswered and (landed := await self._evidence()):
            return landed
        async with self._in_turn() as seconds:
            if self.unanswered and (landed := await self._alone(await self._target.landed())):
                return landed
            for _ in range(ROUNDS):
                await self._fence()
                done = await self._perform(await self._decision(changed=staged is not None), staged, seconds)
                if done is not None:
                    return done
            raise PublishFenceError(
                f"branch {self._plan.target!r} is being moved by others while this attempt publishes"
            )

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[float]:
        """Hold the turn: what is not done by its end is canceled, since it may be another attempt's turn by then."""
        seconds = await self._turn.take()
        try:
            async with asyncio.timeout(seconds) as limit:
                yield seconds
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise NoAnswer(Server.LAKEFS, f"publishing took longer than its turn, {seconds:.0f} s") from error
        finally:
            await self._turn.give_back()

    async def _decision(self, *, changed: bool) -> publication.Decision:
        plan, head = self._plan, await self._target.head()
        decision = publication.decide(Target(head, plan.input_ref, plan.me, changed, plan.replace_unmarked))
        if isinstance(decision, publication.ResetThenMerge | publication.ResetToInput):
            self._replacing = Replaced(ref=head.id, by=made_by(head)[:LONGEST_NAME])
        return decision

    async def _perform(self, decision: publication.Decision, staged: Staged | None, seconds: float) -> Commit | None:
        match decision:
            case publication.AlreadyPublished(ref):
                return await self._lakefs.commit_record(ref)
            case publication.Keep():
                return Commit(self._plan.input_ref)
            case publication.ResetThenMerge(abandoned) | publication.ResetToInput(abandoned):
                logger.warning("taking {} off {!r}: {}", abandoned, self._plan.target, self._replacing)
                await self._target.reset(abandoned, self._plan.input_ref)
                return None
            case publication.TakeBack():
                return await self._alone(await self._target.landed())
            case publication.Refuse(why):
                raise PublishFenceError(f"branch {self._plan.target!r} may not be replaced by this attempt: {why}")
            case publication.Merge():
                assert staged is not None
                return await self._merge(staged, min(seconds, staged.merge_seconds))

    async def _merge(self, staged: Staged, seconds: float) -> Commit | None:
        """The publication; None where a reset of ours, which came late, has taken it off again."""
        head = await self._lakefs.branch_head(staged.branch)
        if head != staged.commit:
            raise PublishFenceError(f"staging branch {staged.branch!r} is at {head}, not at {staged.commit}")
        unanswered_before, self.unanswered = self.unanswered, True
        try:
            target, metadata = self._plan.target, staged.metadata
            merged = await self._lakefs.squash_merge(staged.branch, target, staged.message, metadata, seconds)
        except (Conflict, HookRefused, NoChanges) as error:
            self.unanswered = unanswered_before
            return await self._landed_before(staged, error)
        landed = await self._alone(await self._target.landed())
        if landed is None and not self._target.reset_unanswered:
            raise PublishFenceError(_gone(self._plan.target, merged, await self._target.head()))
        return landed

    async def _landed_before(self, staged: Staged, error: LakeFSError) -> Commit:
        if self.unanswered and (landed := await self._alone(await self._target.landed())):
            return landed
        if isinstance(error, Conflict):
            paths = await self._lakefs.conflicts(self._plan.target, staged.branch)
            raise PublishFenceError(_conflict(self._plan.target, paths)) from error
        raise PublishFenceError(str(error)) from error

    async def _alone(self, landed: Landed) -> Commit | None:
        """The publication, once what landed beside it is off the branch; None where there is none.

        Raises PublishFenceError where the only landing was on somebody else's commit.
        """
        if not landed.astray:
            return landed.in_force
        if landed.back_to is not None:
            await self._target.reset(landed.astray[0].id, landed.back_to)
        taken_back = not (await self._target.landed()).astray
        if landed.in_force is None:
            raise PublishFenceError(_astray(self._plan, landed.astray[-1], taken_back=taken_back))
        if not taken_back:
            self.remark = _twice(self._plan.target, landed.in_force, landed.astray)
            logger.warning("{}", self.remark)
        return landed.in_force

    async def _evidence(self) -> Commit | None:
        """Evidence after a merge whose answer was lost. It needs no turn, unless there is something to take back."""
        landed = await self._target.settled()
        return await self._mended() if landed.astray else landed.in_force

    async def _mended(self) -> Commit | None:
        async with self._in_turn():
            return await self._alone(await self._target.landed())

    async def _restored(self, published: Commit) -> Commit:
        """The publication is not all that the branch shows of this attempt: what is ours to mend is mended."""
        plan = self._plan
        async with self._in_turn():
            landed, head = await self._target.landed(), await self._target.head()
            if landed == Landed() and self._target.reset_unanswered and head.id == plan.input_ref:
                logger.warning("putting {} back on {!r}: a reset came late", published.id, plan.target)
                await self._target.reset(plan.input_ref, published.id)
                landed = await self._target.landed()
            commit = await self._alone(landed)
        if commit is None:
            raise PublishFenceError(_gone(plan.target, published.id, head))
        return commit


def _conflict(target: str, paths: list[str]) -> str:
    shown = ", ".join(map(repr, paths[:SHOWN_PATHS])) + (" …" if len(paths) > SHOWN_PATHS else "")
    return f"branch {target!r} has other changes of the same paths: {shown or 'lakeFS names none'}"


def _astray(plan: Plan, commit: Commit, *, taken_back: bool) -> str:
    fate = (
        "It was taken off the branch again: start the task again from the new head"
        if taken_back
        else "Others have committed on top of it, so it is still there: undo it with `lakectl branch revert`"
    )
    return (
        f"somebody committed {commit.parents[0]} to the branch {plan.target!r}, which was at {plan.input_ref}, while "
        f"this attempt published; its commit {commit.id} landed on top of that. {fate}"
    )


def _twice(target: str, published: Commit, astray: tuple[Commit, ...]) -> str:
    return (
        f"published as {published.id}, and landed again on the branch {target!r} as "
        f"{', '.join(commit.id for commit in astray)}, because an answer of lakeFS was lost; others have committed on "
        "top of that. Compare the commits, and undo the later one with `lakectl branch revert` if it changed anything"
    )


def _gone(target: str, published: str, head: Commit) -> str:
    return (
        f"publication {published} is no longer on the branch {target!r}, whose head is {head.id} by {made_by(head)}: "
        "somebody has reset the branch. To have it back, put it on top with `lakectl cherry-pick`"
    )
