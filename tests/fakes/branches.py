"""A lakeFS repository in memory, as far as branches and commits go: what server 1.84.0 does.

The suite in `tests/contract/branches` holds for it and for the real server alike.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from perago import fence_hook
from perago.agent.clients.http import NoAnswer, Server
from perago.agent.clients.lakefs_errors import Conflict, HookRefused, NoChanges, RefNotFound, UncommittedChanges
from perago.agent.publication import Commit
from perago.wire import metadata_keys
from tests.fakes.faulty import CallFaults, faulty

Tree = Mapping[str, str]
"""Path → content."""
FENCE = fence_hook.PATH
"""A merge whose source has this path is refused unless the target stands at its input ref, if it names one."""


@dataclass
class FakeBranch:
    """A branch; an uncommitted None is a deletion."""

    head: str
    uncommitted: dict[str, str | None] = field(default_factory=dict)


class FakeBranches:
    """`publisher.Branches`, and what others do to the repository. It begins with an empty commit on `main`."""

    def __init__(self) -> None:
        self.faults = CallFaults(lambda call: NoAnswer(Server.LAKEFS, f"lakeFS did not answer ({call})"))
        self.commits: dict[str, Commit] = {}
        self.trees: dict[str, Tree] = {}
        self.branches: dict[str, FakeBranch] = {}
        self.branches["main"] = FakeBranch(self._add((), {}, {}))
        self.merge_seconds: list[float] = []
        """How long each merge, and each commit of an agent, was given."""

    def put(self, path: str, content: str, branch: str = "main") -> None:
        """Upload an object."""
        self._branch(branch).uncommitted[path] = content

    def delete(self, path: str, branch: str = "main") -> None:
        """Delete an object."""
        self._branch(branch).uncommitted[path] = None

    def commit(self, branch: str = "main", metadata: Mapping[str, str] | None = None) -> str:
        """Commit what was uploaded and deleted; the commit's id."""
        found = self._branch(branch)
        found.head = self._add((found.head,), self.files(branch), metadata or {})
        found.uncommitted = {}
        return found.head

    def create_branch(self, branch: str, source: str) -> None:
        """A branch at a commit."""
        self.branches[branch] = FakeBranch(self._commit(source).id)

    def files(self, branch: str) -> Tree:
        """What a branch holds, committed or not."""
        found = self._branch(branch)
        return _patched(self.trees[found.head], found.uncommitted)

    @faulty
    async def branch_head(self, branch: str) -> str:
        return self._branch(branch).head

    @faulty
    async def commit_record(self, ref: str) -> Commit:
        return self._commit(ref)

    async def history(self, ref: str, stop_at: str) -> AsyncIterator[Commit]:
        for commit in await self.faults.around("history", lambda: self._history(ref, stop_at)):
            yield commit

    @faulty
    async def squash_merge(
        self, source: str, target: str, message: str, metadata: Mapping[str, str], seconds: float
    ) -> str:
        """Never idempotent: a source that was merged before lands again. It starts over when the target has moved."""
        self.merge_seconds.append(seconds)
        while True:
            head, tree = self._branch(target).head, self._to_land(source, target, metadata)
            await self.merge_is_ready()
            if (into := self._branch(target)).head == head:
                into.head = self._add((head,), tree, {**metadata, ".lakefs.merge.strategy": "default"})
                return into.head

    async def merge_is_ready(self) -> None:
        """All that is missing is the last step of a merge, for which it needs its source no longer."""

    def _to_land(self, source: str, target: str, metadata: Mapping[str, str]) -> Tree:
        into = self._branch(target)
        if into.uncommitted:
            raise UncommittedChanges(f"merge into {target}: 400 uncommitted changes (dirty branch)")
        tree = self._merged(self._commit(source).id, into.head)
        expected = metadata.get(metadata_keys.INPUT_REF, into.head)
        if FENCE in self.trees[self._commit(source).id] and expected != into.head:
            raise HookRefused(f"merge into {target}: 412 pre-merge hook aborted")
        return tree

    @faulty
    async def conflicts(self, target: str, source: str) -> list[str]:
        return self._conflicts(self._commit(source).id, self._commit(target).id)

    @faulty
    async def hard_reset(self, branch: str, ref: str) -> None:
        """No expected head; what is uncommitted stays on top."""
        self._branch(branch).head = self._commit(ref).id

    async def _history(self, ref: str, stop_at: str) -> list[Commit]:
        stop = self._commit(stop_at).id
        ids = self._ancestry(self._commit(ref).id)
        return [self.commits[id_] for id_ in (ids[: ids.index(stop) + 1] if stop in ids else ids)]

    def _merged(self, source: str, target: str) -> Tree:
        """The target's tree with the source's changes since they parted."""
        if self._conflicts(source, target):
            raise Conflict('409 {"reference":""}')
        changes = self._changes(self._fork(source, target), source)
        if not changes:
            raise NoChanges("400 update branch: no changes")
        return _patched(self.trees[target], changes)

    def _conflicts(self, source: str, target: str) -> list[str]:
        fork = self._fork(source, target)
        ours, theirs = self._changes(fork, source), self._changes(fork, target)
        return sorted(path for path in ours.keys() & theirs.keys() if ours[path] != theirs[path])

    def _changes(self, old: str, new: str) -> dict[str, str | None]:
        before, after = self.trees[old], self.trees[new]
        return {path: after.get(path) for path in before.keys() | after.keys() if before.get(path) != after.get(path)}

    def _fork(self, one: str, other: str) -> str:
        others = self._ancestry(other)
        return next(id_ for id_ in self._ancestry(one) if id_ in others)

    def _ancestry(self, id_: str) -> list[str]:
        ids = [id_]
        while parents := self.commits[ids[-1]].parents:
            ids.append(parents[0])
        return ids

    def _add(self, parents: tuple[str, ...], tree: Tree, metadata: Mapping[str, str]) -> str:
        commit = Commit(f"c{len(self.commits)}", parents, dict(metadata))
        self.commits[commit.id], self.trees[commit.id] = commit, dict(tree)
        return commit.id

    def _branch(self, name: str) -> FakeBranch:
        if name not in self.branches:
            raise RefNotFound(f"404 branch {name} not found")
        return self.branches[name]

    def _commit(self, ref: str) -> Commit:
        id_ = self.branches[ref].head if ref in self.branches else ref
        if id_ not in self.commits:
            raise RefNotFound(f"404 {ref} not found")
        return self.commits[id_]


def _patched(tree: Tree, changes: Mapping[str, str | None]) -> Tree:
    return {path: content for path, content in {**tree, **changes}.items() if content is not None}
