"""Making commits: from uncommitted changes, by merge; and moving heads. Over one transaction; no HTTP."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from perago_dev.lakefs.errors import ApiError, not_found
from perago_dev.lakefs.model.merging import MergeConflictError, Strategy, merge_changes
from perago_dev.lakefs.model.tree import apply
from perago_dev.lakefs.ops import history, hooks, refs
from perago_dev.lakefs.store.rows import Branch, Commit, Repository
from perago_dev.lakefs.store.state import State

COMMITTER = "admin"
STRATEGY_KEY = ".lakefs.merge.strategy"


@dataclass(frozen=True)
class Order:
    """What the caller asks for in a commit or merge. `created` in seconds overrides the time of a commit."""

    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    allow_empty: bool = False
    force: bool = False
    squash: bool = False
    strategy: Strategy = "default"
    created: int | None = None


def first_commit(state: State) -> Commit:
    """The one with which a repository begins."""
    return _named(state, Commit("", (), "Repository created", "", state.now(), 1, "", {}))


def commit(state: State, repo_name: str, branch_name: str, order: Order) -> Commit:
    """Turns the uncommitted changes of a branch into its new head.

    Raises:
        ApiError: 404; 403 on a protected branch; 400 without changes; as `hooks.before_commit`.
    """
    repo = refs.writable_repository(state, repo_name, order.force)
    target = state.branch(repo.id, branch_name)
    if target is None:
        run = hooks.new_run_id(state)
        raise not_found(
            f"prepare-commit hook aborted, run id '{run}': list actions from commit: listing actions: not found"
        )
    if refs.is_protected(repo, branch_name):
        raise ApiError(403, "cannot commit to protected branch")
    head = refs.commit(state, repo, target.commit_id)
    hooks.before_commit(state, head, branch_name)
    old = state.tree(head.metarange)
    new = apply(state, old, list(state.staged_from(target.id, "")))
    if new.identity() == old.identity() and not order.allow_empty:
        raise ApiError(400, "commit: no changes")
    made = _commit_of(state, order, (head,), state.save_tree(new))
    state.unstage_between(target.id, "", None)
    return _advance(state, repo, target, made)


def merge(state: State, repo_name: str, source_ref: str, dest_name: str, order: Order) -> Commit:
    """Merges a reference into a branch.

    Uncommitted changes of the source are left out; on the destination they refuse the merge, force or not.

    Raises:
        ApiError: 404; 400 dirty or without changes; 409 conflict; as `hooks.before_merge` (412).
    """
    repo = refs.writable_repository(state, repo_name, order.force)
    dest = refs.branch(state, repo, dest_name)
    if next(state.staged_from(dest.id, ""), None) is not None:
        raise ApiError(400, "uncommitted changes (dirty branch)")
    prefix = f"update branch {dest_name}: "
    source = refs.resolve_commit(state, repo, source_ref, f"{prefix}get commit by ref {source_ref}: not found")
    head = refs.commit(state, repo, dest.commit_id)
    metarange = _merged_tree(state, repo, (head, source), order, prefix)
    message = order.message or f"Merge '{source_ref}' into '{dest_name}'"
    metadata = {**order.metadata, STRATEGY_KEY: order.strategy}
    made = _commit_of(state, replace(order, message=message, metadata=metadata), (head, source), metarange)
    if order.squash:
        made = _named(state, replace(made, parents=(head.id,)))
    hooks.before_merge(state, repo, source, hooks.MergeAttempt(dest_name, made, prefix))
    return _advance(state, repo, dest, made)


def _merged_tree(state: State, repo: Repository, sides: tuple[Commit, Commit], order: Order, prefix: str) -> str:
    head, source = sides
    base = history.merge_base(state, repo, head, source)
    trees = state.tree(base.metarange), state.tree(head.metarange), state.tree(source.metarange)
    if trees[0].identity() == trees[2].identity() and not (order.allow_empty or order.force):
        raise ApiError(400, f"{prefix}no changes")
    try:
        changes = merge_changes(state, trees, order.strategy)
    except MergeConflictError as conflict:
        raise ApiError(409, f"conflict at {conflict}", body={"reference": ""}) from conflict
    return state.save_tree(apply(state, trees[1], changes))


def hard_reset(state: State, repo_name: str, branch_name: str, ref: str, force: bool = False) -> None:
    """Points a branch at any commit, whatever it points at now. Uncommitted changes stay on top."""
    repo = refs.writable_repository(state, repo_name, force)
    target = refs.branch(state, repo, branch_name)
    if refs.is_protected(repo, branch_name):
        raise ApiError(403, "protected branch")
    found = refs.resolve_commit(state, repo, ref, f"hard-reset {branch_name} to {ref}: not found")
    state.move_branch(target.id, found.id)


def _advance(state: State, repo: Repository, target: Branch, made: Commit) -> Commit:
    state.add_commit(repo.id, made)
    state.move_branch(target.id, made.id)
    return made


def _commit_of(state: State, order: Order, sources: Sequence[Commit], metarange: str) -> Commit:
    generation = 1 + max(source.generation for source in sources)
    parents = tuple(source.id for source in sources)
    created = order.created if order.created is not None else state.now()
    return _named(
        state, Commit("", parents, order.message, COMMITTER, created, generation, metarange, dict(order.metadata))
    )


def _named(state: State, commit: Commit) -> Commit:
    facts = json.dumps([asdict(replace(commit, id="")), state.now_ns()])
    return replace(commit, id=hashlib.sha256(facts.encode()).hexdigest())
