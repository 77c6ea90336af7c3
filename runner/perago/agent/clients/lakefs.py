"""The part of lakeFS's API that one attempt needs, as a small aiohttp client for one repository.

Protocol: lakeFS OpenAPI under `/api/v1`, basic auth. Every method is one call and may be repeated after NoAnswer unless
its docstring says otherwise; retries and decisions are the caller's. Bodies of objects have a client of their own:
`perago.agent.clients.objects`.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from loguru import logger
from yarl import URL

from perago.agent.clients.http import NoAnswer, Server, answering, json_of, never_repeat, watched_socket
from perago.agent.clients.lakefs_errors import LakeFSError, RefNotFound, Refused, answer_error, refusal
from perago.agent.clients.objects import ObjectStats, segment
from perago.agent.clients.presigned import PresignedBodies, not_offered
from perago.agent.clients.store import Presigning
from perago.agent.mounts import Mounted
from perago.agent.publication import Commit
from perago.wire.egress import redirection
from perago.wire.secrets import LakeFSKeys

PAGE: Final = 1000
"""Most entries of a listing, and most paths of a bulk delete, that lakeFS takes in one call."""
SMALL_BYTES: Final = 64 * 1024
STALL_SECONDS: Final = 45.0
"""Longest wait for a server's answer, and for the next byte of one, where it has nothing to compute."""
LONGEST_SECONDS: Final = 60.0
"""A message of this client has at most 1,000 entries, so one that takes longer stands still: aiohttp does not see that
a server has stopped to read."""
HISTORY_PAGE: Final = "25"
"""Commits of one page of a branch's history: each may carry an output of 342 KiB."""


@dataclass(frozen=True)
class Page:
    """A page of a listing and the path to go on after; None at the end."""

    objects: tuple[ObjectStats, ...]
    after: str | None


def open_session(longest_seconds: float = LONGEST_SECONDS) -> aiohttp.ClientSession:
    """A session for all that is no body of an object."""
    timeout = aiohttp.ClientTimeout(total=longest_seconds, sock_connect=10, sock_read=STALL_SECONDS)
    return aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(socket_factory=watched_socket))


class LakeFS:
    """One repository of one server."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        mounted: Mounted[LakeFSKeys],
        repository: str,
        presigning: Presigning | None = None,
    ) -> None:
        """`presigning`: whether objects may go straight to the block store; not unless given."""
        self._presigning = presigning or Presigning(wanted=False)
        self._session = session
        self._mounted = mounted
        self._base = f"{mounted.keys.endpoint}/api/v1/repositories/{segment(repository)}"
        self.repository = repository

    async def commit_record(self, ref: str) -> Commit:
        """The commit that `ref` names; raises RefNotFound, RepositoryNotFound."""
        return _commit(await self._json("GET", f"/commits/{segment(ref)}", f"read the commit {ref!r}"))

    async def branch_head(self, branch: str) -> str:
        """The commit id at the head of a branch; raises RefNotFound."""
        answer = await self._json("GET", f"/branches/{segment(branch)}", f"read the branch {branch!r}")
        return str(answer["commit_id"])

    async def history(self, ref: str, stop_at: str) -> AsyncIterator[Commit]:
        """Commits from `ref` down the first parents, newest first; ends with `stop_at` where that is met."""
        after = ""
        while True:
            query = _query(first_parent="true", amount=HISTORY_PAGE, after=after, stop_at=stop_at)
            page = await self._json(
                "GET", f"/refs/{segment(ref)}/commits", f"read the history of {ref!r}", params=query
            )
            for result in page["results"]:
                yield _commit(result)
            if not page["pagination"]["has_more"]:
                return
            after = page["pagination"]["next_offset"]

    async def list_page(self, ref: str, prefix: str, after: str) -> Page:
        """Up to `PAGE` objects below `prefix` in the order of their UTF-8 paths; raises RefNotFound."""
        query = _query(prefix=prefix, after=after, amount=str(PAGE), user_metadata="false")
        if not self._presigning.bodies:
            return await self._page(ref, query)
        try:
            return await self._page(ref, query | {"presign": "true"})
        except (Refused, NoAnswer) as error:
            if not not_offered(error):
                raise
            page = await self._page(ref, query)
            self._presigning.give_up(str(error))
            return page

    async def _page(self, ref: str, query: Mapping[str, str]) -> Page:
        page = await self._json("GET", f"/refs/{segment(ref)}/objects/ls", f"list {ref!r}", params=query)
        more = page["pagination"]["next_offset"] if page["pagination"]["has_more"] else None
        return Page(tuple(map(ObjectStats.of, page["results"])), more)

    async def object_text(self, ref: str, path: str) -> str | None:
        """A small object's text, empty if it is over `SMALL_BYTES`; None where there is no such object."""
        what = f"read {path!r} at {ref!r}"
        try:
            async with self._request("GET", f"/refs/{segment(ref)}/objects", what, params={"path": path}) as response:
                small = (response.content_length or 0) <= SMALL_BYTES
                return await response.text("utf-8", "replace") if small else ""
        except RefNotFound:
            return None

    async def ask_for_presigning(self) -> None:
        """Find out, once, whether the server signs URLs of its block store."""
        if self._presigning.is_known:
            return
        what = "read the configuration"
        try:
            async with self._call("GET", f"{self._mounted.keys.endpoint}/api/v1/config", what) as response:
                stores = _stores(await json_of(response, Server.LAKEFS, what))
        except LakeFSError as error:
            logger.info("objects go through lakeFS, which does not say what it signs: {}", error)
            stores = []
        bodies = any(store.get("pre_sign_support") for store in stores)
        parts = any(store.get("pre_sign_multipart_upload") for store in stores)
        self._presigning.offered(bodies=bodies, parts=parts)

    def bodies(self) -> PresignedBodies:
        """A blocking client for the bodies of objects, for one thread."""
        return PresignedBodies(self._mounted, self.repository, self._presigning)

    async def delete_objects(self, branch: str, paths: list[str]) -> None:
        """Delete up to `PAGE` paths, whether they exist or not; raises the first error of the answer."""
        what = f"delete {len(paths)} objects"
        call = self._json("POST", f"/branches/{segment(branch)}/objects/delete", what, json={"paths": paths})
        for error in (await call)["errors"]:
            raise refusal(int(error["status_code"]), str(error["message"]), f"delete {error.get('path')!r}")

    async def create_branch(self, branch: str, source: str) -> None:
        """Make `branch` at commit `source`; raises Conflict when a branch of that name exists."""
        what = f"create the branch {branch!r} from {source!r}"
        async with self._request("POST", "/branches", what, json={"name": branch, "source": source}):
            return

    async def delete_branch(self, branch: str) -> None:
        """Delete a branch; raises RefNotFound when it does not exist."""
        async with self._request("DELETE", f"/branches/{segment(branch)}", f"delete the branch {branch!r}"):
            return

    async def commit(self, branch: str, message: str, metadata: Mapping[str, str], seconds: float) -> str:
        """Commit what was uploaded, and return the commit id; NoAnswer after `seconds`.

        Raises NoChanges, also for a repeat that had landed.
        """
        body = {"message": message, "metadata": dict(metadata)}
        path, limit = f"/branches/{segment(branch)}/commits", _within(seconds)
        answer = await self._json("POST", path, f"commit on {branch!r}", json=body, timeout=limit)
        return str(answer["id"])

    async def squash_merge(
        self, source: str, target: str, message: str, metadata: Mapping[str, str], seconds: float
    ) -> str:
        """Merge branch `source` into `target` as one commit, and return its id; NoAnswer after `seconds`.

        NOT to be repeated after NoAnswer before the target's history was searched: a repeat lands a second time.
        Raises Conflict, HookRefused, UncommittedChanges, NoChanges.
        """
        body = {"message": message, "metadata": dict(metadata), "squash_merge": True}
        path = f"/refs/{segment(source)}/merge/{segment(target)}"
        what, limit = f"merge into the branch {target!r}", _within(seconds)
        return str((await self._json("POST", path, what, json=body, timeout=limit))["reference"])

    async def conflicts(self, target: str, source: str) -> list[str]:
        """Paths that both branches changed, from the first page of their difference."""
        path = f"/refs/{segment(target)}/diff/{segment(source)}"
        page = await self._json("GET", path, "compare the branches", params={"amount": str(PAGE)})
        return [entry["path"] for entry in page["results"] if entry["type"] == "conflict"]

    async def hard_reset(self, branch: str, ref: str) -> None:
        """Move the branch to `ref`, whatever it holds: lakeFS checks no expected head here.

        NOT to be repeated after NoAnswer before the branch was looked at: a repeat may take off a later commit.
        """
        what, path = f"reset the branch {branch!r} to {ref!r}", f"/branches/{segment(branch)}/hard_reset"
        async with self._request("PUT", path, what, params={"ref": ref}, middlewares=(never_repeat,)):
            return

    async def _json(self, method: str, path: str, what: str, **options: Any) -> Any:  # aiohttp's options, lakeFS's JSON
        async with self._request(method, path, what, **options) as response:
            return await json_of(response, Server.LAKEFS, what)

    @asynccontextmanager
    async def _accepted(self, method: str, url: URL, options: dict[str, Any]) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer; where the keys are refused and the Secret has others by now, the answer to those."""
        keys = self._mounted.keys
        async with self._session.request(method, url, **keys.request_options(), **options) as response:
            if response.status != 401 or not self._mounted.renewed(keys):
                yield response
                return
        renewed = self._mounted.keys.request_options()
        async with self._session.request(method, url, **renewed, **options) as response:
            yield response

    @asynccontextmanager
    async def _request(
        self, method: str, path: str, what: str, **options: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        what = f"{what} in the repository {self.repository!r}"
        async with self._call(method, self._base + path, what, **options) as response:
            yield response

    @asynccontextmanager
    async def _call(
        self, method: str, address: str, what: str, **options: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        url = URL(address, encoded=True)
        async with answering(Server.LAKEFS, what), self._accepted(method, url, options) as response:
            if elsewhere := redirection(response.status, response.headers.get("Location")):
                raise Refused(f"lakeFS does not {what}: {elsewhere}")
            if response.status >= 400:
                raise answer_error(response.status, await response.read(), what, response.headers.get("Retry-After"))
            yield response


def _within(seconds: float) -> aiohttp.ClientTimeout:
    """For a call that may compute for long before it answers: no limit but its own."""
    return aiohttp.ClientTimeout(total=seconds, sock_connect=10)


def _stores(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The block stores of a server: one, or a list where it has several."""
    return [config.get("storage_config") or {}, *(config.get("storage_config_list") or ())]


def _commit(record: Mapping[str, Any]) -> Commit:
    parents, metadata = tuple(record["parents"] or ()), dict(record.get("metadata") or {})
    return Commit(record["id"], parents, metadata, record.get("committer") or "")


def _query(**query: str) -> dict[str, str]:
    return {name: value for name, value in query.items() if value}
