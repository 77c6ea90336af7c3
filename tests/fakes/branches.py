"""A lakeFS of branches and commits without contents: what publication decides on, with answers that can be lost."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from perago.agent.clients.http import NoAnswer, Server
from perago.agent.clients.lakefs_errors import Conflict, HookRefused, RefNotFound
from perago.agent.publication import Commit

Fate = Literal["answered", "landed, answer lost", "lost", "landed late"]


@dataclass
class FakeBranches:
    """`publisher.Branches`. Commit ids count up; `merge_fates` are taken one a merge, then all are answered."""

    commits: dict[str, Commit] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    merge_fates: list[Fate] = field(default_factory=list)
    conflicting: tuple[str, ...] = ()
    hook_expects_head: bool = False
    late: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def add(self, branch: str, *parents: str, **metadata: str) -> str:
        """A new commit at the head of `branch`; metadata keys are written with `_` for `.` and `-`."""
        commit = Commit(f"c{len(self.commits)}", parents, metadata)
        self.commits[commit.id] = commit
        self.heads[branch] = commit.id
        return commit.id

    async def branch_head(self, branch: str) -> str:
        """As lakeFS; what was under way lands before the second look."""
        self.calls.append(f"head {branch}")
        if branch not in self.heads:
            raise RefNotFound(branch)
        return self.heads[branch]

    async def commit_record(self, ref: str) -> Commit:
        """As lakeFS."""
        return self.commits[ref]

    async def history(self, ref: str, stop_at: str) -> AsyncIterator[Commit]:
        """First parents, newest first, `stop_at` included."""
        self.calls.append(f"history {ref}")
        at: str | None = self.heads[ref]
        while at is not None:
            commit = self.commits[at]
            yield commit
            at = None if at == stop_at or not commit.parents else commit.parents[0]
        while self.late:
            self._land(*self.late.pop())

    async def squash_merge(self, source: str, target: str, message: str, metadata: Mapping[str, str]) -> str:
        """As lakeFS, never idempotent; the answer's fate is the test's."""
        self.calls.append(f"merge {source}")
        if self.conflicting:
            raise Conflict("conflict")
        if self.hook_expects_head and metadata["perago.input-ref"] != self.heads[target]:
            raise HookRefused("pre-merge hook aborted")
        fate = self.merge_fates.pop(0) if self.merge_fates else "answered"
        if fate == "landed late":
            self.late.append((target, metadata))
        elif fate != "lost":
            self._land(target, metadata)
        if fate != "answered":
            raise NoAnswer(Server.LAKEFS, "lakeFS did not answer (merge)")
        return self.heads[target]

    async def conflicts(self, target: str, source: str) -> list[str]:
        """The paths of the conflict."""
        return list(self.conflicting)

    async def hard_reset(self, branch: str, ref: str) -> None:
        """As lakeFS: no expected head."""
        self.calls.append(f"reset {branch}")
        self.heads[branch] = ref

    def _land(self, target: str, metadata: Mapping[str, str]) -> None:
        commit = Commit(f"c{len(self.commits)}", (self.heads[target],), dict(metadata))
        self.commits[commit.id] = commit
        self.heads[target] = commit.id
