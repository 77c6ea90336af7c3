"""Rounds of a race: several publishers start from the same commit of one branch, at once, with the agent's real code.

What became of each round is read with the unmodified SDK of lakeFS, which shares nothing with the agent.
"""

import asyncio
import hashlib
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle

from lakefs_sdk.api.objects_api import ObjectsApi
from lakefs_sdk.api.refs_api import RefsApi
from lakefs_sdk.api_client import ApiClient
from lakefs_sdk.configuration import Configuration
from lakefs_sdk.models.commit import Commit

from perago import fence_hook
from perago.agent.clients.lakefs import LakeFS, open_session
from perago.agent.publication import Identity
from perago.agent.publisher import Publisher, Staged
from perago.agent.target import Plan
from perago.errors import PublishFenceError
from perago.wire import metadata_keys as keys
from perago.wire.secrets import LakeFSKeys
from perago_dev.servers.lakefs import Server
from tests.bodies import fixed, uploaded
from tests.contract.agent.repository import Repository, signed_session

TARGET = "main"
PATIENCE = 600.0
"""Seconds: eight merges at once start over again and again, and on a busy machine one has taken more than a minute."""


class SharedTurn:
    """The turn of a branch within one installation: one publisher after another, in the order of their asking."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def take(self) -> float:
        """See `Turn`."""
        await self._lock.acquire()
        return math.inf

    async def give_back(self) -> None:
        """See `Turn`."""
        self._lock.release()


@dataclass(frozen=True)
class Racers:
    """How many race, and what keeps them apart: turns within each installation, the fence between installations."""

    publishers: int
    installations: int = 1
    fence: bool = False

    def __str__(self) -> str:
        installations = f"{self.installations} installation" + "s" * (self.installations > 1)
        return f"{self.publishers} publishers in {installations}, {'with' if self.fence else 'without'} the hard fence"

    @property
    def guarded(self) -> bool:
        """Whether exactly one of them has to win."""
        return self.fence or self.installations == 1


@dataclass(frozen=True)
class Round:
    """What became of one round."""

    results: tuple[str | PublishFenceError, ...]
    """For each publisher the commit that it reports, or its refusal."""
    history: tuple[str, ...]
    """The commits of the branch since the round began, newest first, as the SDK lists them."""
    linear: bool
    """Whether each commit has the one before it as its only parent, and the last one that of the round's begin."""
    as_published: bool
    """Whether the branch has what it had before and the files of the only winner, and nothing else."""

    @property
    def winners(self) -> int:
        """Publishers that report success."""
        return sum(isinstance(result, str) for result in self.results)

    @property
    def is_won(self) -> bool:
        """Exactly one winner, whose commit is all that has happened to the branch."""
        reported = tuple(result for result in self.results if isinstance(result, str))
        return len(reported) == 1 and self.history == reported and self.linear and self.as_published

    @property
    def landed_astray(self) -> int:
        """Publishers whose look after the merge has found that somebody else had been faster."""
        return sum("landed on top of that" in str(result) for result in self.results)

    @property
    def still_there(self) -> int:
        """Commits that nobody reports as a publication and that could not be taken back."""
        return len(self.history) - self.winners


@dataclass
class Course:
    """A repository of its own with one branch, on which round after round is run."""

    server: Server
    repository: Repository
    client: LakeFS
    racers: Racers
    files: dict[str, str] = field(default_factory=dict)
    """Path → MD5 of what the branch must have."""
    _rounds: int = 0

    async def begin(self) -> None:
        """The first commit; with the fence, if there is to be one."""
        await self.repository.put("begin", b"begin")
        if self.racers.fence:
            await self.repository.put(fence_hook.PATH, fence_hook.ACTION.encode())
        await self.repository.commit()
        self.files = await asyncio.to_thread(self._stored_files)

    async def run(self) -> Round:
        """One round."""
        self._rounds += 1
        base = await self.client.branch_head(TARGET)
        staged = [await self._staged(base, number) for number in range(self.racers.publishers)]
        publishers = self._publishers(base)
        work = zip(publishers, staged, strict=True)
        results = await asyncio.gather(*(_published(publisher, own) for publisher, own in work))
        for own in staged:
            await self.client.delete_branch(own.branch)
        return await asyncio.to_thread(self._judged, base, results)

    def _publishers(self, base: str) -> list[Publisher]:
        turns = [SharedTurn() for _ in range(self.racers.installations)]
        plans = [
            Plan(TARGET, base, self._identity(number), False, PATIENCE) for number in range(self.racers.publishers)
        ]
        return [Publisher(self.client, plan, _current, turn) for plan, turn in zip(plans, cycle(turns), strict=False)]

    def _identity(self, number: int) -> Identity:
        return Identity(f"uid-{self._rounds}-{number}", f"wf/task-{number}/0", 0)

    async def _staged(self, base: str, number: int) -> Staged:
        """Each publisher has a file of its own, so that nothing but order and fence keeps them apart."""
        branch, me = f"staging-{self._rounds}-{number}", self._identity(number)
        await self.client.create_branch(branch, base)
        await uploaded(self.client, branch, f"file-{number}", self._content(number))
        metadata = {keys.ATTEMPT: f"team/a{number}", keys.ATTEMPT_UID: me.attempt_uid, keys.INPUT_REF: base}
        metadata |= {keys.LOGICAL_TASK: me.logical_task, keys.RETRY: "0", keys.EXECUTION: "1"}
        commit = await self.client.commit(branch, "Stage", metadata, PATIENCE)
        return Staged(branch, commit, "Publish", metadata, PATIENCE)

    def _content(self, number: int) -> bytes:
        return f"round {self._rounds}, publisher {number}".encode()

    def _judged(self, base: str, results: Sequence[str | PublishFenceError]) -> Round:
        commits = self._stored_history(base)
        ids = [commit.id for commit in commits]
        linear = [list(commit.parents) for commit in commits] == [[id_] for id_ in [*ids[1:], base][: len(ids)]]
        winners = [number for number, result in enumerate(results) if isinstance(result, str)]
        want = self.files | {f"file-{number}": hashlib.md5(self._content(number)).hexdigest() for number in winners}
        self.files = self._stored_files()
        return Round(tuple(results), tuple(ids), linear, self.files == want)

    def _stored_history(self, base: str) -> list[Commit]:
        refs = RefsApi(self._sdk())
        page = refs.log_commits(self.repository.name, TARGET, stop_at=base, amount=100)
        return [commit for commit in page.results if commit.id != base]

    def _stored_files(self) -> dict[str, str]:
        objects = ObjectsApi(self._sdk()).list_objects(self.repository.name, TARGET, amount=1000)
        return {stats.path: stats.checksum for stats in objects.results}

    def _sdk(self) -> ApiClient:
        server = self.server
        return ApiClient(
            Configuration(host=f"{server.endpoint}/api/v1", username=server.access_key, password=server.secret_key)
        )


@asynccontextmanager
async def course(server: Server, name: str, racers: Racers) -> AsyncIterator[Course]:
    """A course on a repository of that name, which is removed afterwards."""
    secret = LakeFSKeys(server.endpoint, server.access_key, server.secret_key)
    async with open_session() as session, signed_session(server) as signed:
        repository = Repository(signed, server, name)
        await repository.create()
        try:
            made = Course(server, repository, LakeFS(session, fixed(secret), name), racers)
            await made.begin()
            yield made
        finally:
            await repository.call("DELETE", f"/{name}", params={"force": "true"})


async def _current() -> None:
    """The attempt fence, which no race is about."""


async def _published(publisher: Publisher, staged: Staged) -> str | PublishFenceError:
    try:
        return (await publisher.publish(staged)).id
    except PublishFenceError as refusal:
        return refusal
