"""The two lakeFS of the suite, as the operator needs them: the fake, and a repository of a real server."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakefs.repository import Repository

from perago.wire.egress import Egress
from perago.wire.secrets import LAKEFS_KEYS, LakeFSKeys, lakefs_keys, texts_in
from perago_dev.servers.lakefs import Server
from perago_operator.process.sweeper import SweepableVersions
from tests.fakes.versions import FakeVersions
from tests.faults.kinds import Fault
from tests.faults.proxy import Proxy

UID = "6b9f0f5e-attempt"
PAGE = 2
"""Commits per page of a log; small, so that a few commits are several pages."""
REQUESTS = {"delete_branch": r"^DELETE .*/branches/", "find_publication": r"^GET .*/commits\?"}


@dataclass
class Subject:
    """One implementation, a repository in it with branch `main`, and how commits come into it."""

    versions: SweepableVersions
    repository: str
    real: Repository | None = None
    proxy: Proxy | None = None
    fake: FakeVersions | None = None

    def break_(self, call: str, fault: Fault[Any], times: int = 1) -> None:
        """Let the next calls of that name meet the fault."""
        if self.fake is not None:
            self.fake.faults.on(call, fault, times)
            return
        assert self.proxy is not None
        self.proxy.on(REQUESTS[call], fault, times)

    async def has_branch(self, name: str) -> bool:
        """Whether it is there, by another way than the port."""
        if self.fake is not None:
            return name in self.fake.repositories[self.repository].branches
        assert self.real is not None
        return name in [branch.id for branch in self.real.branches()]

    def commit(self, metadata: dict[str, str] | None = None) -> str:
        """A commit on `main`; returns its id."""
        if self.fake is not None:
            return self.fake.commit(self.repository, "main", uuid.uuid4().hex, metadata)
        assert self.real is not None
        return str(self.real.branch("main").commit("m", metadata=metadata, allow_empty=True).id)

    def branch(self, name: str) -> None:
        """A branch from `main`."""
        if self.fake is not None:
            self.fake.branch(self.repository, name)
            return
        assert self.real is not None
        self.real.branch(name).create("main")


def reading(folder: Path) -> Callable[[], LakeFSKeys]:
    """Reads the Secret in this folder, as the operator does."""
    return lambda: lakefs_keys(texts_in(folder, LAKEFS_KEYS), Egress())


def write_keys(folder: Path, server: Server) -> Callable[[], LakeFSKeys]:
    """The files of the mounted Secret."""
    for name, value in (
        ("endpoint", server.endpoint),
        ("accessKeyId", server.access_key),
        ("secretAccessKey", server.secret_key),
    ):
        (folder / name).write_text(value)
    return reading(folder)
