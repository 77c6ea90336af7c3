"""The target branch as one attempt sees it, and moves it back.

lakeFS resets a branch whatever its head is. So the head is watched while a reset is under way, and somebody else's
commit that goes with it is put back, or named. What is to be merged or reset, `perago.agent.publication` decides.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from loguru import logger

from perago.agent import publication
from perago.agent.clients.http import NoAnswer, retried
from perago.agent.publication import Commit, Identity, Landed
from perago.errors import PublishFenceError

SETTLE_LOOKS: Final = 8
"""Looks for a merge whose answer was lost. With their pauses, 10 seconds: merges took up to 7.5 s on a small server."""
LONGEST_SETTLE_PAUSE: Final = 8
"""In the first pause, which each further one doubles."""
WATCH_SECONDS: Final = 0.05
"""Between the looks at the head while a reset is under way."""


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


@dataclass(frozen=True)
class Plan:
    """Where this attempt publishes to, from where, and as whom."""

    target: str
    input_ref: str
    me: Identity
    replace_unmarked: bool
    retry_seconds: float
    settle_pause_seconds: float = 0.25
    """The first pause between the looks for a merge whose answer was lost and which may still be under way."""


class TargetBranch:
    """One attempt's view of its target branch."""

    def __init__(self, lakefs: Branches, plan: Plan) -> None:
        self._lakefs = lakefs
        self._plan = plan
        self.reset_unanswered = False
        """Whether a reset may still be under way in the server, which would undo what is merged meanwhile."""
        self.taken_off = set[str]()
        """Heads that a reset was to leave, except those that were seen on the branch afterwards."""

    async def head(self) -> Commit:
        """The head as it is now; the input ref needs no second request."""
        head = await self._head()
        return Commit(head) if head == self._plan.input_ref else await self._lakefs.commit_record(head)

    async def landed(self) -> Landed:
        """Where this attempt's merges have landed, from the head down to the input ref."""
        plan, history = self._plan, list[Commit]()
        async for commit in self._lakefs.history(plan.target, plan.input_ref):
            own = publication.is_publication_of(commit, plan.me.attempt_uid)
            history.append(commit if own else Commit(commit.id, commit.parents))  # others' outputs may be large
        return publication.landed(history, plan.me.attempt_uid, plan.input_ref)

    async def settled(self) -> Landed:
        """The same for a merge without an answer, which may still be under way in the server: look for a while."""
        pause = self._plan.settle_pause_seconds
        longest = LONGEST_SETTLE_PAUSE * pause
        for _ in range(SETTLE_LOOKS - 1):
            landed = await self.landed()
            if landed != Landed():
                return landed
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)
        return await self.landed()

    async def reset(self, leaving: str, to: str) -> None:
        """Move the branch from `leaving` to `to`, and leave it alone where it has moved already; raises NoAnswer.

        Raises PublishFenceError when that took somebody else's commit off the branch, whether it could be put back or
        not.
        """
        if await self._head() != leaving:
            return
        heads: list[str] = []
        self.taken_off.add(leaving)
        try:
            await self._watched(self._lakefs.hard_reset(self._plan.target, to), heads)
        except asyncio.CancelledError:
            self.reset_unanswered = True  # and the turn is over: nothing may be moved any more
            logger.error("a reset of {!r} to {} was cut off; heads meanwhile: {}", self._plan.target, to, heads)
            raise
        except NoAnswer:
            self.reset_unanswered = True
            await self._keep(leaving, to, heads)
            raise
        await self._keep(leaving, to, heads)

    async def _watched(self, call: Coroutine[None, None, None], heads: list[str]) -> None:
        resetting = asyncio.ensure_future(call)
        try:
            while not (await asyncio.wait((resetting,), timeout=WATCH_SECONDS))[0]:
                heads.append(await retried(self._head, self._plan.retry_seconds))
        finally:
            resetting.cancel()  # without effect once it has ended
        await resetting

    async def _keep(self, leaving: str, to: str, heads: list[str]) -> None:
        """See that a commit stays on the branch that was its head while the branch was put back to `to`."""
        commit = next((head for head in reversed(heads) if head not in (leaving, to)), None)
        if commit is None:
            return
        patience, target = self._plan.retry_seconds, self._plan.target
        head = await retried(self._head, patience)
        if head == to:
            logger.warning("putting {} back on {!r}: a reset to {} has taken it off", commit, target, to)
            with suppress(NoAnswer):  # the look says whether it has arrived
                await self._lakefs.hard_reset(target, commit)
            head = await retried(self._head, patience)
        if commit in (history := await retried(lambda: self._ids(to), patience)):
            self.taken_off.difference_update(history)
            raise PublishFenceError(
                f"somebody committed {commit} to the branch {target!r} while this attempt put it back to {to}; the "
                "commit is on the branch: start the task again from there"
            )
        raise PublishFenceError(
            f"commit {commit} was made on the branch {target!r} while this attempt put it back to {to}, and is no "
            f"longer on it: the head is {head}. Put it on top with `lakectl cherry-pick`"
        )

    async def _ids(self, stop_at: str) -> list[str]:
        return [commit.id async for commit in self._lakefs.history(self._plan.target, stop_at)]

    async def _head(self) -> str:
        return await self._lakefs.branch_head(self._plan.target)
