"""lakeFS in memory, as far as the operator needs it: branches, and histories with metadata."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from perago.wire import metadata_keys
from perago.wire.leftovers import StagingBranch, staging_branch
from perago_operator.core.answers import Commit, Landed, Publication
from perago_operator.ports import NotFound
from tests.fakes.faulty import CallFaults, faulty

ROOT = "root"
"""What a branch without a commit stands at."""
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class FakeRepository:
    """Branches, each with its commits, newest first."""

    branches: dict[str, list[Publication]] = field(default_factory=dict)


class FakeVersions:
    """`ports.Versions`, and what a test does on the server's side."""

    def __init__(self) -> None:
        self.faults = CallFaults()
        self.repositories: dict[str, FakeRepository] = {}
        self.made: dict[str, datetime] = {}
        """When commits were made that are not from long ago."""

    def commit(self, repository: str, branch: str, ref: str, metadata: Mapping[str, str] | None = None) -> str:
        """A commit lands on the branch (which is made where needed)."""
        branches = self.repositories.setdefault(repository, FakeRepository()).branches
        branches.setdefault(branch, []).insert(0, Publication(ref, dict(metadata or {})))
        return ref

    def branch(self, repository: str, branch: str) -> None:
        """An empty branch is made."""
        self.repositories.setdefault(repository, FakeRepository()).branches.setdefault(branch, [])

    @faulty
    async def delete_branch(self, repository: str, branch: str) -> bool:
        found = self.repositories.get(repository)
        return found is not None and found.branches.pop(branch, None) is not None

    @faulty
    async def staging_branches(self, repository: str) -> list[StagingBranch]:
        if repository not in self.repositories:
            raise NotFound(f"list the staging branches of {repository}: 404 repository not found")
        branches = self.repositories[repository].branches
        found = (staging_branch(name, commits[0].ref if commits else ROOT) for name, commits in branches.items())
        return sorted(filter(None, found), key=lambda branch: branch.name)

    @faulty
    async def commit_record(self, repository: str, ref: str) -> Commit:
        branches = self.repositories.get(repository, FakeRepository()).branches
        known = {commit.ref: commit for commits in branches.values() for commit in commits}
        if ref not in known and ref != ROOT:
            raise NotFound(f"read commit {ref} of {repository}: 404 not found")
        return Commit(known[ref].metadata if ref in known else {}, self.made.get(ref, LONG_AGO))

    @faulty
    async def find_publication(self, repository: str, branch: str, input_ref: str, attempt_uid: str) -> Landed:
        history = self.repositories.get(repository, FakeRepository()).branches.get(branch)
        if history is None:
            raise NotFound(f"read the log of {repository}/{branch}: 404 not found")
        publication, astray = None, list[str]()
        for commit, parent in pairwise(history):
            if commit.ref == input_ref:
                break
            if commit.metadata.get(metadata_keys.ATTEMPT_UID) == attempt_uid and parent.ref == input_ref:
                publication = commit
            elif commit.metadata.get(metadata_keys.ATTEMPT_UID) == attempt_uid:
                astray.append(commit.ref)
        return Landed(publication, tuple(astray))
