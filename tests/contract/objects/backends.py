"""The lakeFS of the suite, each behind a proxy: the fake store of the transfers, and repositories of real ones."""

import re
from collections.abc import Mapping
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
"""Calls that every lakeFS answers."""
SIGNED_REQUESTS = {
    "sign": r"^GET .*/staging/backing",
    "link": r"^PUT .*/staging/backing",
    "begin_parts": r"^POST .*/staging/pmpu\?",
    "complete_parts": r"^PUT .*/staging/pmpu/",
}
"""Calls by which one moves objects from and to its block store."""
STORE_REQUESTS = {
    "store_get": r"^GET /",
    "store_put": r"^PUT /(?!.*partNumber)",
    "store_put_part": r"^PUT /.*partNumber",
}
"""Calls of the block store."""


class Backend:
    """A branch `main` without objects, the agent's client of it, and what others than the agent do to it."""

    def __init__(self, client: LakeFS, proxies: Mapping[str, Proxy], contents: "Contents") -> None:
        """`proxies`: where a call passes, by the names above."""
        self.client, self._proxies, self._contents = client, proxies, contents

    def break_(self, call: str, fault: Fault[Any], times: int | None = 1) -> None:
        """Let the next calls of that name meet the fault."""
        patterns = REQUESTS | SIGNED_REQUESTS | STORE_REQUESTS
        self._proxies[call].on(patterns[call], fault, times)

    def requests(self, call: str) -> list[str]:
        """The calls of that name up to now, as their first lines."""
        pattern = (REQUESTS | SIGNED_REQUESTS | STORE_REQUESTS)[call]
        return [line for line in self._proxies[call].seen if re.search(pattern, line)]

    @property
    def signs(self) -> bool:
        """Whether bodies go to a block store."""
        return "store_get" in self._proxies

    def reads(self) -> int:
        """How many times the agent has read an object since the last look."""
        call = "store_get" if self.signs else "read_object"
        count = len(self.requests(call))
        self._proxies[call].seen.clear()
        return count

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
