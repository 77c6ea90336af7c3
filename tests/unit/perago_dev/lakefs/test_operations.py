"""Random lives of a repository against dictionaries: staging, commits, branches, merges, resets."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from perago_dev.lakefs.errors import ApiError
from perago_dev.lakefs.model.paging import PageRequest
from perago_dev.lakefs.ops import commits, history, objects, refs, repositories
from perago_dev.lakefs.store.state import State
from perago_dev.lakefs.store.store import Store
from tests.unit.perago_dev.lakefs.memory import entry

Content = dict[str, str]
Result = TypeVar("Result")
branches = st.sampled_from(["main", "b1", "b2"])
paths = st.sampled_from(["a", "a/b", "c", "d"])
texts = st.sampled_from(["1", "2", "3"])
TEXTS = {entry(text).digest: text for text in "123"}


class Life(RuleBasedStateMachine):
    """A model of contents only: of each commit, and of each branch its head and what a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        self.store = Store(Path(self.directory.name))
        self.commits: dict[str, Content] = {}
        self.heads: dict[str, str] = {}
        self.seen: dict[str, Content] = {}
        self.do(lambda state: repositories.create(state, repositories.NewRepository("repo", "local://repo")))
        self.begin("main", self.store.read(lambda state: self.head_of(state, "main")), {})

    def teardown(self) -> None:
        self.store.close()
        self.directory.cleanup()

    def do(self, job: Callable[[State], Result]) -> Result:
        """Runs a job in the writer and waits."""
        return asyncio.run(self.store.write(job))

    def head_of(self, state: State, branch: str) -> str:
        return refs.branch(state, refs.repository(state, "repo"), branch).commit_id

    def begin(self, branch: str, commit_id: str, content: Content) -> None:
        self.commits[commit_id] = content
        self.heads[branch] = commit_id
        self.seen[branch] = dict(content)

    @rule(branch=branches, path=paths, text=texts)
    def write(self, branch: str, path: str, text: str) -> None:
        """A write is seen at once, on its branch alone."""
        if branch in self.heads:
            self.do(lambda state: objects.put(state, ("repo", branch, path), entry(text)))
            self.seen[branch][path] = text

    @rule(branch=branches, path=paths)
    def delete(self, branch: str, path: str) -> None:
        """A deletion too."""
        if branch in self.heads:
            self.do(lambda state: objects.delete(state, "repo", branch, path))
            self.seen[branch].pop(path, None)

    @rule(branch=branches)
    def commit(self, branch: str) -> None:
        """A commit has what was seen; without a change there is none, and the branch is as it was."""
        if branch not in self.heads:
            return
        if self.seen[branch] == self.commits[self.heads[branch]]:
            with pytest.raises(ApiError, match="no changes"):
                self.do(lambda state: commits.commit(state, "repo", branch, commits.Order("c")))
            return
        made = self.do(lambda state: commits.commit(state, "repo", branch, commits.Order("c")))
        assert made.parents == (self.heads[branch],)
        self.begin(branch, made.id, self.seen[branch])

    @rule(branch=branches, source=branches)
    def create(self, branch: str, source: str) -> None:
        """A branch begins with its source's commit."""
        if branch not in self.heads and source in self.heads:
            start = self.do(lambda state: repositories.create_branch(state, "repo", branch, source))
            assert start == self.heads[source]
            self.begin(branch, start, self.commits[start])

    @rule(branch=st.sampled_from(["b1", "b2"]))
    def remove(self, branch: str) -> None:
        """A deleted branch is gone; its commits are not."""
        if self.heads.pop(branch, None):
            del self.seen[branch]
            self.do(lambda state: repositories.delete_branch(state, "repo", branch))

    @rule(branch=branches)
    def reset(self, branch: str) -> None:
        """A reset shows the head again."""
        if branch in self.heads:
            self.do(lambda state: objects.reset(state, "repo", branch, ("reset", "")))
            self.seen[branch] = dict(self.commits[self.heads[branch]])

    @rule(source=branches, dest=branches, squash=st.booleans())
    def merge(self, source: str, dest: str, squash: bool) -> None:
        """A merge gives the three-way merge of contents, or changes nothing."""
        if source not in self.heads or dest not in self.heads:
            return
        self.do(lambda state: objects.reset(state, "repo", dest, ("reset", "")))
        self.seen[dest] = dict(self.commits[self.heads[dest]])
        base = self.commits[self.store.read(lambda state: self.base_of(state, source, dest))]
        ours, theirs = self.commits[self.heads[dest]], self.commits[self.heads[source]]
        want = {path: three(base.get(path), ours.get(path), theirs.get(path)) for path in base | ours | theirs}
        order = commits.Order("m", squash=squash)
        if base == theirs or "conflict" in want.values():
            with pytest.raises(ApiError, match=r"no changes|conflict"):
                self.do(lambda state: commits.merge(state, "repo", source, dest, order))
            return
        made = self.do(lambda state: commits.merge(state, "repo", source, dest, order))
        assert made.parents == (self.heads[dest], *([] if squash else [self.heads[source]]))
        self.begin(dest, made.id, {path: text for path, text in want.items() if text is not None})

    def base_of(self, state: State, source: str, dest: str) -> str:
        repo = refs.repository(state, "repo")
        ends = [refs.commit(state, repo, self.heads[name]) for name in (dest, source)]
        return history.merge_base(state, repo, *ends).id

    @invariant()
    def readers_see_the_model(self) -> None:
        """Every branch and every commit reads as the model says."""
        for ref, content in [*self.seen.items(), *self.commits.items()]:
            assert self.content_of(ref) == content

    def content_of(self, ref: str) -> Content:
        page = self.store.read(lambda state: objects.listing(state, "repo", ref, PageRequest(amount=100)))
        return {path: TEXTS[found.digest] for path, found in page.results if found}


def three(base: str | None, ours: str | None, theirs: str | None) -> str | None:
    """One path of a merge."""
    if ours in (theirs, base):
        return theirs
    return ours if theirs == base else "conflict"


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=12, stateful_step_count=30, deadline=None)
