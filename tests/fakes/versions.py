"""lakeFS in memory, as far as the operator needs it: branches, and histories with metadata."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from perago.wire import metadata_keys
from perago_operator.core.answers import Publication
from tests.fakes.faulty import CallFaults, faulty


@dataclass
class FakeRepository:
    """Branches, each with its commits, newest first."""

    branches: dict[str, list[Publication]] = field(default_factory=dict)


class FakeVersions:
    """`ports.Versions`, and what a test does on the server's side."""

    def __init__(self) -> None:
        self.faults = CallFaults()
        self.repositories: dict[str, FakeRepository] = {}

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
    async def find_publication(
        self, repository: str, branch: str, input_ref: str, attempt_uid: str
    ) -> Publication | None:
        found = self.repositories.get(repository, FakeRepository())
        for commit in found.branches.get(branch, []):
            if commit.ref == input_ref:
                return None
            if commit.metadata.get(metadata_keys.ATTEMPT_UID) == attempt_uid:
                return commit
        return None
