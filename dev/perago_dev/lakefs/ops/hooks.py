"""Which actions run for which operation, and how their refusals read. Over one transaction; no HTTP."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perago_dev.lakefs.errors import ApiError
from perago_dev.lakefs.model.actions import FOLDER, Action, HookFailedError, InvalidActionFileError, parse, run
from perago_dev.lakefs.model.lua import Value
from perago_dev.lakefs.model.tree import entries_from
from perago_dev.lakefs.store.rows import Commit, Repository, Run
from perago_dev.lakefs.store.state import State

_RUN_ID_BASE = 1 << 63


class HookRefusedError(ApiError):
    """A hook refused the operation; `run` remains to be recorded, since the refusal undoes the transaction."""

    def __init__(self, message: str, repository: int, run: Run) -> None:
        super().__init__(412, message)
        self.repository = repository
        self.run = run


@dataclass(frozen=True)
class MergeAttempt:
    """A merge about to happen: its commit is made, the branch not yet moved. `prefix` begins its refusals."""

    branch: str
    commit: Commit
    prefix: str


def new_run_id(state: State) -> str:
    """Later runs have smaller ids, so that listings begin with the newest."""
    return f"{_RUN_ID_BASE - state.now_ns():020d}"


def before_commit(state: State, head: Commit, branch: str) -> None:
    """Actions of a commit come from the head it is made upon.

    Raises:
        ApiError: 500 for an invalid file, as lakeFS; 412 for hooks that would have to run.
    """
    run_id = new_run_id(state)
    try:
        for action in _actions(state, head):
            _refuse(action, ("prepare-commit", "pre-commit", "post-commit"), branch)
    except InvalidActionFileError as error:
        raise ApiError(500, _aborted("prepare-commit", run_id, error)) from error
    except HookFailedError as error:
        raise ApiError(412, _aborted("pre-commit", run_id, error)) from error


def before_change_of_refs(state: State, commit: Commit, name: str, change: str) -> None:
    """Refuses hooks of a change, which is create-branch, delete-branch or create-tag. Raises: ApiError 412."""
    try:
        for action in _actions(state, commit):
            _refuse(action, (f"pre-{change}", f"post-{change}"), name)
    except InvalidActionFileError:
        return  # observed: branches can be made from a commit with such a file
    except HookFailedError as error:
        raise ApiError(412, _aborted(f"pre-{change}", new_run_id(state), error)) from error


def before_merge(state: State, repo: Repository, source: Commit, merge: MergeAttempt) -> None:
    """Runs the pre-merge hooks found on the source, inside the transaction that moves the destination.

    Raises:
        HookRefusedError: when one fails. ApiError: 500 for an invalid file.
    """
    run_id, started = new_run_id(state), state.now_ns() / 1e9
    try:
        covering = [action for action in _actions(state, source) if _run_merge_hooks(action, merge)]
    except InvalidActionFileError as error:
        raise ApiError(500, merge.prefix + _aborted("pre-merge", run_id, error)) from error
    except HookFailedError as error:
        failed = Run(run_id, merge.branch, "pre-merge", source.id, started, state.now_ns() / 1e9, passed=False)
        raise HookRefusedError(merge.prefix + _aborted("pre-merge", run_id, error), repo.id, failed) from error
    if covering:
        ended = state.now_ns() / 1e9
        state.add_run(repo.id, Run(run_id, merge.branch, "pre-merge", merge.commit.id, started, ended, passed=True))


def _run_merge_hooks(action: Action, merge: MergeAttempt) -> bool:
    _refuse(action, ("post-merge",), merge.branch)
    if not action.covers("pre-merge", merge.branch):
        return False
    run(action, "pre-merge", _commit_table(merge.commit))
    return True


def _refuse(action: Action, events: Sequence[str], branch: str) -> None:
    for event in events:
        if action.covers(event, branch):
            run(action, event, {})


def _actions(state: State, commit: Commit) -> Iterator[Action]:
    for path, entry in entries_from(state, state.tree(commit.metarange), FOLDER):
        if not path.startswith(FOLDER):
            return
        if path.endswith((".yaml", ".yml")):
            yield parse(path, state.read_blob(entry.digest))


def _commit_table(commit: Commit) -> dict[int | str, Value]:
    metadata: dict[int | str, Value] = {}
    metadata.update(commit.metadata)
    return {
        "message": commit.message,
        "committer": commit.committer,
        "creation_date": commit.created,
        "metadata": metadata,
        "parents": dict(enumerate(commit.parents, start=1)),
    }


def _aborted(event: str, run_id: str, error: Exception) -> str:
    return f"{event} hook aborted, run id '{run_id}': 1 error occurred:\n\t* {error}\n\n"
