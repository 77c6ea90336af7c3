"""The two lakeFS of the suite: the fake, and a repository of a real server behind a proxy."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from perago.agent.clients.lakefs import LakeFS
from perago.agent.publisher import Branches
from perago.fence_hook import ACTION
from tests.contract.agent.repository import Repository
from tests.fakes.branches import FENCE, FakeBranches
from tests.faults.kinds import Fault
from tests.faults.proxy import Proxy


class Backend(Protocol):
    """A repository with a branch `main`, and what others than the agent do to it."""

    branches: Branches

    def break_(self, call: str, fault: Fault[Any], times: int = 1) -> None:
        """Let the next calls of that name meet the fault."""

    async def put(self, path: str, content: str, branch: str = "main") -> None:
        """Upload an object."""

    async def delete(self, path: str, branch: str = "main") -> None:
        """Delete an object."""

    async def commit(self, branch: str = "main", metadata: Mapping[str, str] | None = None) -> str:
        """Commit what was uploaded and deleted; the commit's id."""

    async def create_branch(self, branch: str, source: str) -> None:
        """A branch at a commit."""

    async def files(self, branch: str = "main") -> dict[str, str]:
        """What a branch holds, committed or not; hooks aside."""

    def calls(self, call: str) -> int:
        """How many calls of that name have arrived."""


async def put_hook(backend: Backend) -> None:
    """Perago's hook, for what is made from now on."""
    await backend.put(FENCE, ACTION)


class FakeBackend:
    """The fake."""

    def __init__(self) -> None:
        self._fake = FakeBranches()
        self.branches: Branches = self._fake

    def break_(self, call: str, fault: Fault[Any], times: int = 1) -> None:
        """See `Backend`."""
        self._fake.faults.on(call, fault, times)

    def check(self) -> None:
        """Raise AssertionError unless every fault has been met."""
        self._fake.faults.check()

    async def put(self, path: str, content: str, branch: str = "main") -> None:
        """See `Backend`."""
        self._fake.put(path, content, branch)

    async def delete(self, path: str, branch: str = "main") -> None:
        """See `Backend`."""
        self._fake.delete(path, branch)

    async def commit(self, branch: str = "main", metadata: Mapping[str, str] | None = None) -> str:
        """See `Backend`."""
        return self._fake.commit(branch, metadata)

    async def create_branch(self, branch: str, source: str) -> None:
        """See `Backend`."""
        self._fake.create_branch(branch, source)

    async def files(self, branch: str = "main") -> dict[str, str]:
        """See `Backend`."""
        return {path: content for path, content in self._fake.files(branch).items() if path != FENCE}

    def calls(self, call: str) -> int:
        """See `Backend`."""
        return self._fake.faults.seen.count(call)


REQUESTS = {
    "branch_head": r"^GET .*/branches/[^/?]+$",
    "commit_record": r"^GET .*/repositories/[^/]+/commits/",
    "history": r"^GET .*/refs/[^/]+/commits\?",
    "squash_merge": r"^POST .*/merge/",
    "conflicts": r"^GET .*/diff/",
    "hard_reset": r"^PUT .*/hard_reset\?",
}


@dataclass
class RealBackend:
    """A repository of a real server."""

    repository: Repository
    proxy: Proxy
    client: LakeFS

    @property
    def branches(self) -> Branches:
        """See `Backend`."""
        return self.client

    def break_(self, call: str, fault: Fault[Any], times: int = 1) -> None:
        """See `Backend`."""
        self.proxy.on(REQUESTS[call], fault, times)

    async def put(self, path: str, content: str, branch: str = "main") -> None:
        """See `Backend`."""
        await self.repository.put(path, content.encode(), branch)

    async def delete(self, path: str, branch: str = "main") -> None:
        """See `Backend`."""
        where = f"/{self.repository.name}/branches/{branch}/objects"
        await self.repository.call("DELETE", where, params={"path": path})

    async def commit(self, branch: str = "main", metadata: Mapping[str, str] | None = None) -> str:
        """See `Backend`."""
        return await self.repository.commit(branch, **(metadata or {}))

    async def create_branch(self, branch: str, source: str) -> None:
        """See `Backend`."""
        await self.client.create_branch(branch, source)

    async def files(self, branch: str = "main") -> dict[str, str]:
        """See `Backend`."""
        files = await self.repository.files(branch)
        return {path: content.decode() for path, content in files.items() if path != FENCE}

    def calls(self, call: str) -> int:
        """See `Backend`."""
        return sum(re.search(REQUESTS[call], line) is not None for line in self.proxy.seen)
