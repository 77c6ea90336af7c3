"""Objects on references: read, list, stage, delete, reset. Over one transaction; no HTTP."""

from collections.abc import Iterator, Sequence

from perago_dev.lakefs.errors import ApiError, not_found
from perago_dev.lakefs.model.entries import Change, Entry
from perago_dev.lakefs.model.paging import Page, PageRequest, after_prefix, page
from perago_dev.lakefs.model.tree import EMPTY, Tree, entries_from, lookup
from perago_dev.lakefs.ops import refs
from perago_dev.lakefs.store.rows import Branch, Repository
from perago_dev.lakefs.store.state import State

MAX_PATH_BYTES = 1024
MAX_DELETES = 1000


def check_path(path: str) -> None:
    """The only rule of lakeFS about paths is their length. Raises: ApiError 400."""
    length = len(path.encode())
    if length > MAX_PATH_BYTES:
        text = f"{length} is above maximum length ({MAX_PATH_BYTES})"
        raise ApiError(400, f"argument path: invalid value: validation error: {text}")


def find(state: State, repo_name: str, ref: str, path: str) -> Entry:
    """The entry that a reader of `ref` sees. Raises: ApiError 404."""
    repo = refs.repository(state, repo_name)
    found = refs.resolve(state, repo, ref)
    if found is None:
        raise not_found("not found")
    entry = _find_in(state, found, path)
    if entry is None:
        raise not_found("not found")
    return entry


def _find_in(state: State, where: refs.Resolved, path: str) -> Entry | None:
    if where.branch is not None and where.mode != "@":
        changed, entry = state.staged(where.branch.id, path)
        if changed or where.mode == "$":
            return entry
    return lookup(state, state.tree(where.commit.metarange), path)


def listing(state: State, repo_name: str, ref: str, request: PageRequest) -> Page[Entry]:
    """A page of what a reader of `ref` sees. Raises: ApiError 404 for an unknown reference."""
    repo = refs.repository(state, repo_name)
    found = refs.resolve(state, repo, ref)
    if found is None:
        raise not_found("not found")
    tree = EMPTY if found.mode == "$" else state.tree(found.commit.metarange)
    staging = found.branch if found.mode != "@" else None
    return page(lambda start: visible_from(state, tree, staging, start), request)


def visible_from(state: State, tree: Tree, staging: Branch | None, start: str) -> Iterator[tuple[str, Entry]]:
    """Committed entries at or after `start`, overlaid with the uncommitted changes of a branch."""
    committed = entries_from(state, tree, start)
    if staging is None:
        return committed
    return _overlay(committed, state.staged_from(staging.id, start))


def _overlay(committed: Iterator[tuple[str, Entry]], staged: Iterator[Change]) -> Iterator[tuple[str, Entry]]:
    below, above = next(committed, None), next(staged, None)
    while below is not None or above is not None:
        if above is None or (below is not None and below[0] < above[0]):
            assert below is not None
            yield below
            below = next(committed, None)
            continue
        if below is not None and below[0] == above[0]:
            below = next(committed, None)
        path, entry = above
        if entry is not None:
            yield path, entry
        above = next(staged, None)


def writable_branch(state: State, repo_name: str, name: str, force: bool = False) -> tuple[Repository, Branch]:
    """A branch that takes uncommitted changes. Raises: ApiError 404, 403 when protected or read-only."""
    repo = refs.writable_repository(state, repo_name, force)
    found = refs.branch(state, repo, name, f"branch '{name}' not found")
    if refs.is_protected(repo, name):
        raise ApiError(403, "cannot write to protected branch")
    return repo, found


def put(
    state: State, target: tuple[str, str, str], entry: Entry, *, only_new: bool = False, force: bool = False
) -> None:
    """Stages an entry at (repository, branch, path).

    Raises:
        ApiError: 412 when `only_new` and the path exists; 404, 403 as `writable_branch`.
    """
    repo_name, branch_name, path = target
    repo, found = writable_branch(state, repo_name, branch_name, force)
    if only_new and _find_in(state, _with_changes(state, repo, found), path) is not None:
        raise ApiError(412, "path already exists")
    state.stage(found.id, path, entry)


def copy(state: State, source: tuple[str, str], target: tuple[str, str, str], force: bool = False) -> Entry:
    """Stages what (ref, path) of the same repository holds at (repository, branch, path), with a new time."""
    repo_name, branch_name, _ = target
    ref, path = source
    entry = find(state, repo_name, ref or branch_name, path)._replace(mtime=state.now())
    put(state, target, entry, force=force)
    return entry


def delete(state: State, repo_name: str, branch_name: str, path: str, force: bool = False) -> None:
    """Stages a deletion; a path that is not there is as good as deleted."""
    repo, found = writable_branch(state, repo_name, branch_name, force)
    _delete(state, repo, found, path)


def delete_many(
    state: State, repo_name: str, branch_name: str, paths: Sequence[str], force: bool = False
) -> list[tuple[str, ApiError]]:
    """Deletes each path; what could not be deleted comes back. A missing branch is no error: so does lakeFS."""
    if len(paths) > MAX_DELETES:
        raise ApiError(400, f"request size exceeded, max paths is set to {MAX_DELETES}")
    refs.repository(state, repo_name)
    try:
        repo, found = writable_branch(state, repo_name, branch_name, force)
    except ApiError as refusal:
        return [] if refusal.status == 404 else [(path, refusal) for path in paths]
    for path in paths:
        _delete(state, repo, found, path)
    return []


def _delete(state: State, repo: Repository, target: Branch, path: str) -> None:
    if lookup(state, _committed(state, repo, target), path) is None:
        state.unstage(target.id, path)
    else:
        state.stage(target.id, path, None)


def reset(state: State, repo_name: str, branch_name: str, what: tuple[str, str], force: bool = False) -> None:
    """Drops uncommitted changes; `what` is (kind, path): all of them (`reset`), those of one path (`object`), or
    those below a prefix (`common_prefix`).
    """
    repo = refs.writable_repository(state, repo_name, force)
    found = refs.branch(state, repo, branch_name)
    if refs.is_protected(repo, branch_name):
        raise ApiError(403, "cannot write to protected branch")
    kind, path = what
    if kind == "reset":
        state.unstage_between(found.id, "", None)
    elif kind == "object":
        state.unstage(found.id, path)
    elif kind == "common_prefix":
        state.unstage_between(found.id, path, after_prefix(path))
    else:
        raise ApiError(400, "unknown reset type")


def _with_changes(state: State, repo: Repository, target: Branch) -> refs.Resolved:
    return refs.Resolved(refs.commit(state, repo, target.commit_id), target, "")


def _committed(state: State, repo: Repository, target: Branch) -> Tree:
    return state.tree(refs.commit(state, repo, target.commit_id).metarange)
