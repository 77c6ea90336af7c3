"""Finds staging branches whose attempt is gone, and deletes them.

The clean-up of an attempt deletes its branch. A call to create it that arrives later, or an agent that was believed
dead, may leave another one, of which no object tells any more. What may be deleted, `perago.wire.leftovers` decides.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from loguru import logger

from perago.wire.leftovers import Attempt, Maker, StagingBranch, Verdict, fate_of, maker_of, verdict
from perago_operator.core.answers import Commit
from perago_operator.loops import lasting
from perago_operator.ports import Cluster, NotFound, PortError, Versions
from perago_operator.watch.stores import AttemptStore

FIRST_SECONDS = 60.0
"""When the first sweep of a leader begins: its start has more urgent calls."""


@dataclass(frozen=True, slots=True)
class SweepTerms:
    """Whose branches are swept, where besides the repositories of attempts, how often, and from which age."""

    installation: str
    repositories: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    """Those whose attempts can be read; none: all."""
    interval: float = 3600.0
    age: float = 3600.0


Branches = Mapping[str, list[StagingBranch]]
"""Those of each repository."""


class SweepableVersions(Versions, Protocol):
    """lakeFS as a sweep needs it; raises port errors alone."""

    async def staging_branches(self, repository: str) -> list[StagingBranch]:
        """The staging branches of attempts in clusters, whichever installation's; NotFound without the repository."""

    async def commit_record(self, repository: str, ref: str) -> Commit:
        """The commit that a ref names."""


class Sweeper:
    """Sweeps every `terms.interval` seconds. `store` knows the attempts that the watch has shown.

    `clock` counts seconds and never goes back; `now` is the time of day.
    """

    def __init__(
        self,
        versions: SweepableVersions,
        cluster: Cluster,
        store: AttemptStore,
        terms: SweepTerms,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._versions = versions
        self._cluster = cluster
        self._store = store
        self._terms = terms
        self._clock = clock
        self._now = now
        self._since: dict[tuple[str, str], float] = {}
        self.deleted = 0
        """Branches deleted since the start."""
        self.seen: Counter[Verdict] = Counter()
        """Branches that the last sweep found, by what became of them."""

    async def run(self) -> None:
        """Sweep until canceled."""
        await lasting("sweep of staging branches", self._repeat)

    async def _repeat(self) -> None:
        await asyncio.sleep(min(FIRST_SECONDS, self._terms.interval))
        while True:
            await self.sweep()
            await asyncio.sleep(self._terms.interval)

    async def sweep(self) -> None:
        """Look once at every repository. What cannot be asked or deleted now is left to the next sweep."""
        listed = {repository: await self._staging_branches(repository) for repository in self._repositories()}
        branches_of = {repository: branches for repository, branches in listed.items() if branches is not None}
        self._notice(branches_of, unread=listed.keys() - branches_of.keys())
        self.seen = Counter()
        fates = self._fates({branch.uid for branches in branches_of.values() for branch in branches})
        for repository, branches in branches_of.items():
            await self._sweep(repository, branches, fates)

    def _repositories(self) -> list[str]:
        return sorted({*self._terms.repositories, *self._store.repositories()})

    async def _staging_branches(self, repository: str) -> list[StagingBranch] | None:
        """Those of the repository; None when they cannot be read."""
        try:
            return await self._versions.staging_branches(repository)
        except NotFound:
            return []
        except PortError as error:
            logger.warning("staging branches of {} cannot be swept: {}", repository, error)
            return None

    def _notice(self, branches_of: Branches, unread: Collection[str]) -> None:
        """Remember since when each branch is known, also in repositories that cannot be read now."""
        now = self._clock()
        kept = {name: since for name, since in self._since.items() if name[0] in unread}
        names = [(repository, branch.name) for repository, branches in branches_of.items() for branch in branches]
        self._since = kept | {name: self._since.get(name, now) for name in names}

    def _fates(self, uids: Collection[str]) -> dict[str, Attempt]:
        """Of those attempts that the watch has shown. One that has ended stays so, whatever the watch has missed."""
        shown = (attempt for attempt in self._store if attempt.metadata.uid in uids)
        return {attempt.metadata.uid: fate_of(attempt.status.to_json()) for attempt in shown}

    async def _sweep(self, repository: str, branches: list[StagingBranch], fates: Mapping[str, Attempt]) -> None:
        for branch in branches:
            try:
                judgement = await self._judged(repository, branch, fates.get(branch.uid))
                if judgement is Verdict.DELETE:
                    await self._delete(repository, branch)
            except PortError as error:
                logger.warning("staging branch {} of {} cannot be swept: {}", branch.name, repository, error)
                continue
            self.seen[judgement] += 1
            if judgement is Verdict.UNCLEAR and self._watched(repository, branch) >= self._terms.age:
                logger.warning(_UNCLEAR, branch.name, repository)

    async def _judged(self, repository: str, branch: StagingBranch, shown: Attempt | None) -> Verdict:
        """What becomes of a branch. Whose the branch of a living attempt is matters to nobody, and costs no call."""
        maker, age = None, self._watched(repository, branch)
        if shown is not Attempt.LIVES:
            commit = await self._versions.commit_record(repository, branch.head)
            maker = maker_of(branch, commit.metadata)
            if maker is not None:
                age = max(age, (self._now() - commit.created_at).total_seconds())
        fate = shown or await self._fate(branch, maker)
        return verdict(self._terms.installation, maker, fate, age, self._terms.age)

    def _watched(self, repository: str, branch: StagingBranch) -> float:
        """For how many seconds the branch has been known here."""
        return self._clock() - self._since[repository, branch.name]

    async def _fate(self, branch: StagingBranch, maker: Maker | None) -> Attempt:
        """Of an attempt that no watch shows. The API server is asked after the branch was listed, so None is proof."""
        if maker is None:
            return Attempt.GONE if self._store.was_removed(branch.uid) else Attempt.ELSEWHERE
        if self._terms.namespaces and maker.namespace not in self._terms.namespaces:
            return Attempt.ELSEWHERE
        attempt = await self._cluster.read_attempt(maker.namespace, maker.attempt)
        if attempt is None or attempt["metadata"]["uid"] != branch.uid:
            return Attempt.GONE
        return fate_of(attempt.get("status"))

    async def _delete(self, repository: str, branch: StagingBranch) -> None:
        if await self._versions.delete_branch(repository, branch.name):
            self.deleted += 1
            logger.info("deleted staging branch {} of {}: its attempt is gone", branch.name, repository)


_UNCLEAR = (
    "staging branch {} of {} is left: neither its commit nor an attempt tells which installation made it; "
    "if no other one uses the repository, delete it with lakectl branch delete"
)
