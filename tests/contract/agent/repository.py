"""A lakeFS repository of a test's own, spoken to without the agent's client."""

from dataclasses import dataclass
from typing import Any

import aiohttp

from perago.wire.egress import basic_auth
from perago_dev.servers.lakefs import Server, storage_namespace


def signed_session(server: Server) -> aiohttp.ClientSession:
    """A session that sends the server's keys with every call."""
    return aiohttp.ClientSession(headers={"Authorization": basic_auth(server.access_key, server.secret_key)})


@dataclass
class Repository:
    """Makes a repository's state and looks at it."""

    session: aiohttp.ClientSession
    server: Server
    name: str
    storage: str = ""
    """Where it keeps its objects, if not where the session's server does by default."""

    async def call(self, method: str, path: str, **options: Any) -> Any:
        """One call below the repository; fails the test on any refusal."""
        url = f"{self.server.endpoint}/api/v1/repositories{path}"
        async with self.session.request(method, url, **options) as response:
            body = await response.read()
            assert response.status < 400, f"{method} {path}: {response.status} {body[:300]!r}"
            return await response.json(content_type=None) if body else None

    async def create(self) -> None:
        """Make it, with a branch main."""
        body = {
            "name": self.name,
            "storage_namespace": self.storage or storage_namespace(self.name),
            "default_branch": "main",
        }
        await self.call("POST", "", json=body)

    async def delete(self) -> None:
        """Remove it with all that it holds."""
        await self.call("DELETE", f"/{self.name}")

    async def put(self, path: str, data: Any, branch: str = "main", **headers: str) -> None:
        """Upload an object."""
        await self.call("POST", f"/{self.name}/branches/{branch}/objects", params={"path": path}, data=data)

    async def commit(self, branch: str = "main", **metadata: str) -> str:
        """Commit what was uploaded; the commit id."""
        body = {"message": "by the test", "metadata": metadata}
        return str((await self.call("POST", f"/{self.name}/branches/{branch}/commits", json=body))["id"])

    async def commit_empty(self, branch: str = "main") -> str:
        """Commit without a change; the commit id."""
        body = {"message": "by the test", "allow_empty": True}
        return str((await self.call("POST", f"/{self.name}/branches/{branch}/commits", json=body))["id"])

    async def head(self, branch: str = "main") -> str:
        """The branch's commit id."""
        return str((await self.call("GET", f"/{self.name}/branches/{branch}"))["commit_id"])

    async def record(self, ref: str) -> dict[str, Any]:
        """A commit's parents and metadata."""
        record: dict[str, Any] = await self.call("GET", f"/{self.name}/commits/{ref}")
        return record

    async def branches(self) -> set[str]:
        """All branches, hidden ones as well."""
        page = await self.call("GET", f"/{self.name}/branches", params={"show_hidden": "true", "amount": "1000"})
        return {branch["id"] for branch in page["results"]}

    async def files(self, ref: str = "main") -> dict[str, bytes]:
        """Path → content of all objects at a ref."""
        page = await self.call("GET", f"/{self.name}/refs/{ref}/objects/ls", params={"amount": "1000"})
        return {entry["path"]: await self.content(ref, entry["path"]) for entry in page["results"]}

    async def content(self, ref: str, path: str) -> bytes:
        """One object's bytes."""
        url = f"{self.server.endpoint}/api/v1/repositories/{self.name}/refs/{ref}/objects"
        async with self.session.get(url, params={"path": path}) as response:
            return await response.read()
