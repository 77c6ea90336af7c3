"""The graph of commits: log, merge base, and diffs between references. Reads only."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from perago_dev.lakefs.model.entries import Entry, same
from perago_dev.lakefs.model.merging import Difference, three_way, two_way
from perago_dev.lakefs.model.paging import Page, PageRequest, page
from perago_dev.lakefs.model.tree import differences, lookup
from perago_dev.lakefs.ops import refs
from perago_dev.lakefs.store.rows import Commit, Repository
from perago_dev.lakefs.store.state import State


@dataclass(frozen=True)
class LogRequest:
    """Which commits: those that touch one of `objects` or something below one of `prefixes` (neither: all).

    `since` in seconds; `stop_at` (a commit id) is inclusive, `after` (a commit id) exclusive; `limit` asks for no
    more than `amount` without being told whether there are more.
    """

    amount: int
    after: str = ""
    objects: Sequence[str] = ()
    prefixes: Sequence[str] = ()
    limit: bool = False
    first_parent: bool = False
    since: float | None = None
    stop_at: str = ""


def log(state: State, repo_name: str, ref: str, request: LogRequest) -> tuple[list[Commit], bool]:
    """Commits reachable from a reference, children before parents, and whether there are more."""
    repo = refs.repository(state, repo_name)
    start = refs.resolve_commit(state, repo, ref, "ref: not found")
    stop = refs.resolve_commit(state, repo, request.stop_at, "stop_at: not found").id if request.stop_at else ""
    found: list[Commit] = []
    for commit in _after(
        request.after, _until(stop, request.since, _ancestry(state, repo, start, request.first_parent))
    ):
        if not _touches(state, repo, commit, request):
            continue
        if len(found) == request.amount:
            return found, not request.limit
        found.append(commit)
    return found, False


def _ancestry(state: State, repo: Repository, start: Commit, first_parent: bool) -> Iterator[Commit]:
    waiting = [(-start.generation, -start.created, start.id)]
    seen = {start.id}
    while waiting:
        commit = refs.commit(state, repo, heapq.heappop(waiting)[2])
        yield commit
        for parent_id in commit.parents[:1] if first_parent else commit.parents:
            if parent_id not in seen:
                seen.add(parent_id)
                parent = refs.commit(state, repo, parent_id)
                heapq.heappush(waiting, (-parent.generation, -parent.created, parent.id))


def _until(stop: str, since: float | None, commits: Iterator[Commit]) -> Iterator[Commit]:
    for commit in commits:
        if since is not None and commit.created < since:
            return
        yield commit
        if commit.id == stop:
            return


def _after(after: str, commits: Iterator[Commit]) -> Iterator[Commit]:
    if after:
        for commit in commits:
            if commit.id == after:
                break
    yield from commits


def _touches(state: State, repo: Repository, commit: Commit, request: LogRequest) -> bool:
    if not request.objects and not request.prefixes:
        return True
    if len(commit.parents) != 1:
        return False
    parent = refs.commit(state, repo, commit.parents[0])
    old, new = state.tree(parent.metarange), state.tree(commit.metarange)
    if any(not same(lookup(state, old, path), lookup(state, new, path)) for path in request.objects):
        return True
    prefixes = tuple(request.prefixes)
    return bool(prefixes) and any(path.startswith(prefixes) for path, _, _ in differences(state, old, new))


def merge_base(state: State, repo: Repository, left: Commit, right: Commit) -> Commit:
    """The common ancestor of the highest generation; every repository has one, its first commit."""
    sides: dict[str, int] = {}
    waiting: list[tuple[int, str]] = []
    for commit, side in ((left, 1), (right, 2)):
        sides[commit.id] = sides.get(commit.id, 0) | side
        heapq.heappush(waiting, (-commit.generation, commit.id))
    while True:
        commit = refs.commit(state, repo, heapq.heappop(waiting)[1])
        if sides[commit.id] == 3:
            return commit
        for parent_id in commit.parents:
            if sides.get(parent_id, 0) | sides[commit.id] != sides.get(parent_id):
                sides[parent_id] = sides.get(parent_id, 0) | sides[commit.id]
                heapq.heappush(waiting, (-refs.commit(state, repo, parent_id).generation, parent_id))


def diff_refs(
    state: State, repo_name: str, names: tuple[str, str], kind: Literal["two_dot", "three_dot"], request: PageRequest
) -> Page[Difference]:
    """What `right` has and `left` has not: directly, or since their merge base with conflicts (three_dot)."""
    repo = refs.repository(state, repo_name)
    left, right = (refs.resolve_commit(state, repo, name, "not found") for name in names)
    old, new = state.tree(left.metarange), state.tree(right.metarange)
    if kind == "two_dot":
        found = [two_way(*change) for change in differences(state, old, new)]
    else:
        base = state.tree(merge_base(state, repo, left, right).metarange)
        found = list(three_way(state, base, old, new))
    return _page_of(found, request)


def diff_branch(state: State, repo_name: str, branch_name: str, request: PageRequest) -> Page[Difference]:
    """The uncommitted changes of a branch that make a difference."""
    repo = refs.repository(state, repo_name)
    target = refs.branch(state, repo, branch_name)
    tree = state.tree(refs.commit(state, repo, target.commit_id).metarange)

    def from_path(start: str) -> Iterator[tuple[str, Difference]]:
        for path, new in state.staged_from(target.id, start):
            old: Entry | None = lookup(state, tree, path)
            if not same(old, new):
                yield path, two_way(path, old, new)

    return page(from_path, request)


def _page_of(found: list[Difference], request: PageRequest) -> Page[Difference]:
    return page(lambda start: ((each.path, each) for each in found if each.path >= start), request)
