"""Repositories, branches and tags: make, list, delete. Over one transaction; no HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass

from perago_dev.lakefs.errors import ApiError, not_found
from perago_dev.lakefs.model.paging import Page, PageRequest, page
from perago_dev.lakefs.model.refexpr import BRANCH_NAME
from perago_dev.lakefs.ops import commits, hooks, refs
from perago_dev.lakefs.store.rows import Branch, Repository
from perago_dev.lakefs.store.state import State


@dataclass(frozen=True)
class NewRepository:
    """What the caller asks for."""

    name: str
    namespace: str
    default_branch: str = "main"
    read_only: bool = False


def create(state: State, order: NewRepository) -> Repository:
    """A repository with its first, empty commit. Raises: ApiError 409, 400 when the namespace was ever used."""
    if state.repository(order.name) is not None:
        raise ApiError(409, "error creating repository: not unique")
    check_branch_name(order.default_branch)
    if state.namespace_used(order.namespace):
        where = f"(:{order.namespace}) key(_lakefs/dummy)"
        text = f"found lakeFS objects in the storage {where}: storage namespace already in use"
        raise ApiError(400, f"failed to create repository: {text}")
    new = Repository(0, order.name, order.namespace, order.default_branch, state.now(), order.read_only, ())
    repository_id = state.add_repository(new)
    first = commits.first_commit(state)
    state.add_commit(repository_id, first)
    state.add_branch(repository_id, order.default_branch, first.id, hidden=False)
    return new


def delete(state: State, name: str, force: bool = False) -> None:
    """Raises: ApiError 404, 403 when read-only."""
    state.delete_repository(refs.writable_repository(state, name, force).id)


def listing(state: State, request: PageRequest) -> Page[Repository]:
    """A page of all repositories."""
    return page(state.repositories_from, request)


def check_branch_name(name: str) -> None:
    """Raises: ApiError 400 with lakeFS's text."""
    if not BRANCH_NAME.fullmatch(name):
        rule = "branch id must consist of letters, digits, underscores and dashes, and cannot start with a dash"
        raise ApiError(400, f"argument branch: branch id: invalid value: validation error: {rule}")


def create_branch(state: State, repo_name: str, name: str, source: str, hidden: bool = False) -> str:
    """Returns the commit id the branch starts at. Costs one row. Raises: ApiError 400, 404, 409."""
    check_branch_name(name)
    repo = refs.writable_repository(state, repo_name)
    start = refs.resolve_commit(state, repo, source, f"source reference '{source}': not found")
    if state.branch(repo.id, name) is not None or state.tag(repo.id, name) is not None:
        raise ApiError(409, "branch already exists: not unique")
    hooks.before_change_of_refs(state, start, name, "create-branch")
    state.add_branch(repo.id, name, start.id, hidden)
    return start.id


def delete_branch(state: State, repo_name: str, name: str, force: bool = False) -> None:
    """Its commits stay. Raises: ApiError 404, 403 for the default branch."""
    repo = refs.writable_repository(state, repo_name, force)
    if name == repo.default_branch:
        raise ApiError(403, "cannot delete repository default branch")
    target = refs.branch(state, repo, name)
    hooks.before_change_of_refs(state, refs.commit(state, repo, target.commit_id), name, "delete-branch")
    state.delete_branch(target.id)


def branches(state: State, repo_name: str, request: PageRequest, show_hidden: bool = False) -> Page[Branch]:
    """A page of a repository's branches."""
    repo = refs.repository(state, repo_name)
    return page(
        lambda start: (pair for pair in state.branches_from(repo.id, start) if show_hidden or not pair[1].hidden),
        request,
    )


def create_tag(state: State, repo_name: str, name: str, ref: str, force: bool = False) -> str:
    """Returns the commit id. Raises: ApiError 404, 409."""
    repo = refs.writable_repository(state, repo_name)
    target = refs.resolve_commit(state, repo, ref, "ref: not found")
    if not force and state.tag(repo.id, name) is not None:
        raise ApiError(409, "tag already exists: not unique")
    hooks.before_change_of_refs(state, target, name, "create-tag")
    state.add_tag(repo.id, name, target.id)
    return target.id


def tag(state: State, repo_name: str, name: str) -> str:
    """The commit id of a tag. Raises: ApiError 404."""
    found = state.tag(refs.repository(state, repo_name).id, name)
    if found is None:
        raise not_found("tag not found")
    return found


def tags(state: State, repo_name: str, request: PageRequest) -> Page[str]:
    """A page of a repository's tags, each with its commit id."""
    repo = refs.repository(state, repo_name)
    return page(lambda start: state.tags_from(repo.id, start), request)


def delete_tag(state: State, repo_name: str, name: str) -> None:
    """Raises: ApiError 404."""
    repo = refs.writable_repository(state, repo_name)
    if not state.delete_tag(repo.id, name):
        raise not_found("tag not found")


def protect(state: State, repo_name: str, patterns: Sequence[str]) -> None:
    """Replaces the branch protection rules; they hold at once."""
    state.protect(refs.repository(state, repo_name).id, patterns)
