"""From names to things: repositories, branches, commits; the refusal when there is none. Reads only."""

import fnmatch
import re
from dataclasses import dataclass

from perago_dev.lakefs.errors import ApiError, not_found
from perago_dev.lakefs.model.refexpr import Mode, parse
from perago_dev.lakefs.store.rows import Branch, Commit, Repository
from perago_dev.lakefs.store.state import State

_HEX = re.compile(r"[0-9a-f]{1,64}")


@dataclass(frozen=True)
class Resolved:
    """What a reference means: a commit, and the branch whose uncommitted changes belong to it, if any."""

    commit: Commit
    branch: Branch | None
    mode: Mode


def repository(state: State, name: str) -> Repository:
    """Raises: ApiError 404."""
    found = state.repository(name)
    if found is None:
        raise not_found("repository not found")
    return found


def writable_repository(state: State, name: str, force: bool = False) -> Repository:
    """Raises: ApiError 404; 403 when it is read-only and not forced."""
    found = repository(state, name)
    if found.read_only and not force:
        raise ApiError(403, "read-only repository")
    return found


def branch(state: State, repo: Repository, name: str, message: str = "branch not found") -> Branch:
    """Raises: ApiError 404 with `message`, which differs from operation to operation in lakeFS."""
    found = state.branch(repo.id, name)
    if found is None:
        raise not_found(message)
    return found


def commit(state: State, repo: Repository, commit_id: str) -> Commit:
    """A commit known to exist, e.g. a branch's head."""
    found = state.commit(repo.id, commit_id)
    if found is None:
        raise not_found("commit not found")
    return found


def is_protected(repo: Repository, branch_name: str) -> bool:
    """Whether a protection rule of the repository covers the branch."""
    return any(fnmatch.fnmatchcase(branch_name, pattern) for pattern in repo.protected)


def resolve(state: State, repo: Repository, text: str) -> Resolved | None:
    """A branch, tag, commit id or unique prefix of one, with its suffixes; None when there is no such thing."""
    expression = parse(text)
    if expression is None:
        return None
    found_branch = state.branch(repo.id, expression.base)
    if expression.mode and (found_branch is None or expression.steps):
        return None
    commit_id = found_branch.commit_id if found_branch else _named_commit(state, repo, expression.base)
    found = state.commit(repo.id, commit_id) if commit_id else None
    for kind, count in expression.steps:
        found = _step(state, repo, found, kind, count) if found else None
    if found is None:
        return None
    return Resolved(found, None if expression.steps else found_branch, expression.mode)


def resolve_commit(state: State, repo: Repository, text: str, message: str) -> Commit:
    """The committed side of a reference. Raises: ApiError 404 with `message`."""
    found = resolve(state, repo, text)
    if found is None:
        raise not_found(message)
    return found.commit


def _named_commit(state: State, repo: Repository, name: str) -> str | None:
    tagged = state.tag(repo.id, name)
    if tagged is not None or not _HEX.fullmatch(name):
        return tagged
    found = state.commit_ids(repo.id, name, 2)
    return found[0] if len(found) == 1 else None


def _step(state: State, repo: Repository, start: Commit, kind: str, count: int) -> Commit | None:
    parent = 1 if kind == "~" else count
    times = count if kind == "~" else min(count, 1)
    found: Commit | None = start
    for _ in range(times):
        if found is None or len(found.parents) < parent:
            return None
        found = state.commit(repo.id, found.parents[parent - 1])
    return found
