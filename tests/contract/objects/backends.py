"""The two lakeFS of the suite, each behind a proxy: the fake store of the transfers, and a repository of a real one."""

from typing import Any, Protocol

from perago.agent.clients.lakefs import LakeFS
from tests.contract.agent.repository import Repository
from tests.fakes.object_store import ObjectStore
from tests.faults.kinds import Fault
from tests.faults.proxy import Proxy

REQUESTS = {
    "list_page": r"^GET .*/objects/ls",
    "read_object": r"^GET .*/objects\?",
    "upload": r"^POST .*/objects\?",
    "delete_objects": r"^POST .*/objects/delete",
}


class Backend:
    """A branch `main` without objects, the agent's client of it, and what others than the agent do to it."""

    def __init__(self, client: LakeFS, proxy: Proxy, contents: "Contents") -> None:
        self.client, self.proxy, self._contents = client, proxy, contents

    def break_(self, call: str, fault: Fault[Any], times: int | None = 1) -> None:
        """Let the next calls of that name meet the fault."""
        self.proxy.on(REQUESTS[call], fault, times)

    async def put(self, path: str, data: bytes) -> None:
        """Upload an object."""
        await self._contents.put(path, data)

    async def objects(self) -> dict[str, bytes]:
        """What the branch holds."""
        return await self._contents.objects()


class Contents(Protocol):
    """The objects of a branch, without the agent's client."""

    async def put(self, path: str, data: bytes) -> None:
        """Upload an object."""

    async def objects(self) -> dict[str, bytes]:
        """All of them."""


class FakeContents:
    """Those of the fake."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, path: str, data: bytes) -> None:
        """See `Contents`."""
        self._store.objects[path] = data

    async def objects(self) -> dict[str, bytes]:
        """See `Contents`."""
        return dict(self._store.objects)


class RealContents:
    """Those of a real repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def put(self, path: str, data: bytes) -> None:
        """See `Contents`."""
        await self._repository.put(path, data)

    async def objects(self) -> dict[str, bytes]:
        """See `Contents`."""
        return await self._repository.files()
