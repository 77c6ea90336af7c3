"""A lakeFS repository in memory with its objects: all that the agent's steps ask of lakeFS.

Branches, commits and merges are those of `tests.fakes.branches`; uploads and staging branches come on top. The suite in
`tests/contract/branches` holds for it and for the real server alike.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Coroutine, Generator, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from perago.agent.clients.exchange import Body
from perago.agent.clients.lakefs import Page
from perago.agent.clients.lakefs_errors import Conflict, NoChanges, RefNotFound
from perago.agent.clients.objects import ObjectStats
from perago.agent.publication import Commit
from tests.fakes.branches import FakeBranches
from tests.fakes.faulty import faulty

PAGE = 2
PIECE = 2

Answer = TypeVar("Answer")


class FakeRepository:
    """`steps.Repository`, with an empty commit on `main`; `lakefs` is what others do to it."""

    def __init__(self, repository: str = "repo") -> None:
        self.repository = repository
        self.lakefs = FakeBranches()
        self.faults = self.lakefs.faults
        self.messages: list[str] = []

    def files(self, ref: str) -> Mapping[str, str]:
        """What a branch or a commit holds."""
        return self.lakefs.trees[ref] if ref in self.lakefs.trees else self.lakefs.files(ref)

    @faulty
    async def list_page(self, ref: str, prefix: str, after: str) -> Page:
        """Pages are short."""
        paths = [path for path in sorted(self.files(ref)) if path.startswith(prefix) and path > after]
        objects = tuple(_stats(path, self.files(ref)[path].encode()) for path in paths[:PAGE])
        return Page(objects, paths[PAGE - 1] if len(paths) > PAGE else None)

    async def ask_for_presigning(self) -> None:
        """Nothing is signed here."""

    @faulty
    async def object_text(self, ref: str, path: str) -> str | None:
        return self.files(ref).get(path)

    def bodies(self) -> "FakeBodies":
        """For a thread beside the event loop that this is called in."""
        return FakeBodies(self)

    @faulty
    async def read(self, ref: str, path: str) -> bytes:
        """A whole object."""
        return self.files(ref)[path].encode()

    @faulty
    async def upload(self, branch: str, path: str, content: bytes) -> ObjectStats:
        """Put an object."""
        self.lakefs.put(path, content.decode(), branch)
        return _stats(path, content)

    @faulty
    async def delete_objects(self, branch: str, paths: list[str]) -> None:
        for path in paths:
            self.lakefs.delete(path, branch)

    @faulty
    async def create_branch(self, branch: str, source: str) -> None:
        if branch in self.lakefs.branches:
            raise Conflict(f"create {branch}: 409 branch already exists")
        self.lakefs.create_branch(branch, source)

    @faulty
    async def commit(self, branch: str, message: str, metadata: Mapping[str, str], seconds: float) -> str:
        if self.lakefs.files(branch) == self.lakefs.trees[self.lakefs.branches[branch].head]:
            raise NoChanges(f"commit on {branch}: 400 commit: no changes")
        self.messages.append(message)
        self.lakefs.merge_seconds.append(seconds)
        return self.lakefs.commit(branch, metadata)

    @faulty
    async def delete_branch(self, branch: str) -> None:
        if branch not in self.lakefs.branches:
            raise RefNotFound(f"delete {branch}: 404 branch not found")
        del self.lakefs.branches[branch]

    async def branch_head(self, branch: str) -> str:
        return await self.lakefs.branch_head(branch)

    async def commit_record(self, ref: str) -> Commit:
        return await self.lakefs.commit_record(ref)

    def history(self, ref: str, stop_at: str) -> AsyncIterator[Commit]:
        return self.lakefs.history(ref, stop_at)

    async def squash_merge(
        self, source: str, target: str, message: str, metadata: Mapping[str, str], seconds: float
    ) -> str:
        self.messages.append(message)
        return await self.lakefs.squash_merge(source, target, message, metadata, seconds)

    async def conflicts(self, target: str, source: str) -> list[str]:
        return await self.lakefs.conflicts(target, source)

    async def hard_reset(self, branch: str, ref: str) -> None:
        await self.lakefs.hard_reset(branch, ref)


def _stats(path: str, content: bytes) -> ObjectStats:
    return ObjectStats(path, len(content), hashlib.md5(content).hexdigest())


class FakeBodies:
    """`moving.MovesBodies`: the work is done in the repository's event loop, where its faults are."""

    direct = None

    def __init__(self, repository: FakeRepository) -> None:
        self.buffer = memoryview(bytearray(PIECE))
        self._repository = repository
        self._loop = asyncio.get_running_loop()

    def read(self, ref: str, path: str, first: int = 0, last: int | None = None) -> Iterator[memoryview]:
        """In short pieces."""
        end = None if last is None else last + 1
        content = memoryview(self._answer(self._repository.read(ref, path)))[first:end]
        for start in range(0, len(content), PIECE):
            yield content[start : start + PIECE]

    def fetch(self, ref: str, stats: ObjectStats, first: int = 0, last: int | None = None) -> Iterator[memoryview]:
        """Nothing has a URL here."""
        return self.read(ref, stats.path, first, last)

    def fetch_together(self, ref: str, objects: Sequence[ObjectStats]) -> Generator[memoryview]:
        """Each object is fetched alone."""
        yield from ()

    def upload(self, branch: str, path: str, size: int, body: Body) -> ObjectStats:
        """The body is read before anything can go wrong."""
        content = b"".join(map(bytes, body()))
        assert len(content) == size
        return self._answer(self._repository.upload(branch, path, content))

    def abort(self) -> None:
        """Nothing waits here for long."""

    def close(self) -> None:
        """There is no connection."""

    def _answer(self, call: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()
