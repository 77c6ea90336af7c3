"""`perago lakefs sweep`: deletes staging branches whose attempt is gone, as the operator does from time to time."""

import argparse
import math
import os
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from perago.cli.lakefs.account import account
from perago.cli.lakefs.cluster import Cluster
from perago.cli.lakefs.failures import LakefsFailed
from perago.cli.lakefs.repository import Repository
from perago.cli.output import Answer, Misused, printable, tell
from perago.wire.leftovers import Attempt, Maker, StagingBranch, Verdict, maker_of, verdict

UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
BY_AGE_ALONE: Final = (
    "warning: no cluster is asked, so the age of a branch's commit alone counts: an attempt that staged longer ago and "
    "has not published yet will fail"
)
UNCLEAR: Final = (
    "if no other installation uses the repository and no attempt is under way, delete what is unclear with "
    "lakectl branch delete"
)
WORDS: Final = {
    Verdict.LIVING: "of attempts that have not ended",
    Verdict.YOUNG: "that are too young",
    Verdict.FOREIGN: "of other installations",
    Verdict.UNCLEAR: "that cannot be attributed",
}


@dataclass(frozen=True)
class Terms:
    """Whose branches are deleted, from which age, and by what is known of attempts."""

    installation: str
    older_than: float
    cluster: Cluster | None
    fates: Mapping[str, Attempt]

    def judged(self, branch: StagingBranch, repository: Repository, now: float) -> Verdict:
        """What becomes of a branch. Whose the branch of a living attempt is matters to nobody, and costs no call."""
        # A branch without a commit of its own shows no age; its attempt's end is then all that counts.
        maker, age = None, math.inf
        if self.fates.get(branch.uid) is not Attempt.LIVES:
            commit = repository.commit_of(branch.head)
            maker = maker_of(branch, commit.metadata)
            age = math.inf if maker is None else now - commit.created_at
        return verdict(self.installation, maker, self.fate(branch, maker), age, self.older_than)

    def fate(self, branch: StagingBranch, maker: Maker | None) -> Attempt:
        """The fate of an attempt, as far as the cluster tells: it may have several installations."""
        if self.fates.get(branch.uid) is Attempt.LIVES:
            return Attempt.LIVES
        namespace = None if self.cluster is None else self.cluster.namespace
        if maker is None:
            return Attempt.ELSEWHERE if namespace is None else self.fates.get(branch.uid, Attempt.ELSEWHERE)
        return Attempt.GONE if namespace in (None, maker.namespace) else Attempt.ELSEWHERE


@dataclass(frozen=True)
class Found:
    """A branch, and what becomes of it."""

    repository: Repository
    branch: StagingBranch
    verdict: Verdict


def seconds_of(text: str) -> float:
    """A time such as 90m or 24h in seconds; raises Misused."""
    parts = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if parts is None:
        raise Misused(f"--older-than must be a time such as 90m, 24h or 7d, not {text!r}")
    return float(int(parts[1]) * UNITS[parts[2]])


def execute(options: argparse.Namespace) -> Answer:
    """What was found and deleted."""
    older_than = seconds_of(options.older_than)
    where = account(os.environ, Path.home())
    cluster = None if options.no_cluster else Cluster(options.context, options.namespace)
    if cluster is None:
        tell(BY_AGE_ALONE)
    repositories = [Repository(where, name) for name in dict.fromkeys(options.repositories)]
    staging = [(repository, branch) for repository in repositories for branch in repository.staging_branches()]
    # Attempts are listed after their branches: one that is not listed then is gone, and not about to begin.
    fates = {} if cluster is None else cluster.fates({branch.uid for _, branch in staging})
    terms = Terms(options.installation, older_than, cluster, fates)
    leftovers = [
        Found(repository, branch, terms.judged(branch, repository, time.time())) for repository, branch in staging
    ]
    for leftover in leftovers:
        if leftover.verdict is Verdict.DELETE and not options.dry_run:
            _delete(leftover)
    return _answer(repositories, leftovers, options.dry_run)


def _delete(leftover: Found) -> None:
    repository, branch = leftover.repository, leftover.branch
    try:
        repository.delete_branch(branch.name)
    except LakefsFailed as failed:
        if not failed.gone:
            raise
    tell(f"deleted {printable(branch.name)} of {repository.name}")


def _answer(repositories: list[Repository], leftovers: list[Found], dry_run: bool) -> Answer:
    lines = [line for repository in repositories for line in _lines(repository, leftovers, dry_run)]
    branches = [
        {"repository": leftover.repository.name, "branch": leftover.branch.name, "verdict": leftover.verdict.value}
        for leftover in leftovers
    ]
    if any(leftover.verdict is Verdict.UNCLEAR for leftover in leftovers):
        lines.append(UNCLEAR)
    facts: dict[str, Any] = {"ok": True, "dryRun": dry_run, "branches": branches}
    return Answer("\n".join(lines), facts)


def _lines(repository: Repository, leftovers: list[Found], dry_run: bool) -> list[str]:
    own = [branch for branch in leftovers if branch.repository is repository]
    counts = Counter(branch.verdict for branch in own)
    left = ", ".join(f"{counts[verdict]} {words}" for verdict, words in WORDS.items() if counts[verdict])
    done = f"{counts[Verdict.DELETE]} staging branches {'would be deleted' if dry_run else 'deleted'}"
    shown = {Verdict.UNCLEAR, *([Verdict.DELETE] if dry_run else [])}
    named = [f"  {branch.verdict.value}: {printable(branch.branch.name)}" for branch in own if branch.verdict in shown]
    return [f"{repository.name}: {done}; left: {left or 'none'}", *named]
