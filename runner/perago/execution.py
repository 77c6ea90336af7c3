"""The contract's callables become ports and go to `run.py`: the only module with a wide signature."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perago.attempt import TaskExecutionContext, execution_context
from perago.body import (
    build_workspace_free_task_output,
    build_workspace_task_output,
    invoke_workspace_free_task,
    invoke_workspace_task_body,
)
from perago.callbacks import (
    A,
    CallableStore,
    CleanupStaging,
    CompleteNoOpWorkspace,
    DownloadWorkspace,
    LoadCurrentAttempt,
    LoadingFence,
    PublishWorkspace,
    StageWorkspace,
    WorkspaceSnapshot,
    no_noop,
)
from perago.config import DEFAULT_FAILURE_REASON_MAX_LENGTH
from perago.guards import StrPath
from perago.payload import refuse_workspace, workspace_spec
from perago.result import JsonObject, RuntimeTaskResult, checked_max_length
from perago.run import Stopwatch, WorkspaceRun, ended, run_without_workspace, run_workspace
from perago.staging import StagedWorkspace
from perago.task import TaskDefinition

__all__ = [
    "CleanupStaging",
    "CompleteNoOpWorkspace",
    "DownloadWorkspace",
    "LoadCurrentAttempt",
    "PublishWorkspace",
    "StageWorkspace",
    "StagedWorkspace",
    "TaskExecutionContext",
    "WorkspaceSnapshot",
    "build_workspace_free_task_output",
    "build_workspace_task_output",
    "invoke_workspace_free_task",
    "invoke_workspace_task_body",
    "run_workspace_free_task_attempt",
    "run_workspace_task_attempt",
]


def run_workspace_task_attempt(
    task: TaskDefinition,
    input_data: Mapping[str, Any],
    attempt: A,
    workspace_root: StrPath,
    *,
    download_workspace: DownloadWorkspace,
    load_current_attempt: LoadCurrentAttempt[A],
    stage_workspace: StageWorkspace,
    publish_workspace: PublishWorkspace,
    cleanup_staging: CleanupStaging,
    complete_noop_workspace: CompleteNoOpWorkspace | None = None,
    owner_worker_id: str | None = None,
    execution_id: str | None = None,
    failure_reason_max_length: int = DEFAULT_FAILURE_REASON_MAX_LENGTH,
) -> RuntimeTaskResult:
    """Run one attempt of a workspace task: download, body, and publication of what the body changed.

    Parameters
    ----------
    task : TaskDefinition
        A task with a workspace.
    input_data : Mapping
        Conductor's input: exactly the keys `workspace` and `params`.
    attempt : object
        The Conductor task as it was polled: any object with the attributes `status`, `workflow_instance_id`, `task_id`,
        `retry_count`, `reference_task_name`, `seq`, `iteration` and `task_def_name`.
    workspace_root : str or os.PathLike
        Where the attempt's directory is made, `task_id=…-exec=…`; it must not exist yet, and is removed at the end.
    download_workspace : callable, (WorkspaceInput, WorkspaceSpec, Path) -> object
        Called once, before params are looked at. It receives the input's workspace, the task's spec and the attempt's
        directory, and puts there the files of all objects below the prefix, as they are at the commit
        `workspace.ref`. `workspace_download_files` says where each belongs. It may return a
        `perago.workspace.manifest.Manifest`, so that nothing is read twice; any other value is ignored. What it raises
        fails the attempt before the body has run.
    load_current_attempt : callable, (attempt) -> object
        Called right before each side effect: when the body has ended, and again between staging and publication; not at
        all for a read-only task. It receives `attempt` and returns the Conductor task as it is now. The attempt goes on
        only if `assert_current_attempt_snapshot` accepts what it returned. What it raises fails the attempt, like
        `StaleAttemptError`: nothing is staged or published after it.
    stage_workspace : callable, (Path, WorkspaceInput, WorkspaceSpec, TaskExecutionContext) -> StagedWorkspace
        Called once, if the body changed something. It receives the directory, the input's workspace, the spec and the
        execution, whose `changes` name what was added, modified and deleted. It makes the branch
        `staging_branch_name(execution)` from the input's ref, commits the changes there and returns where they are.
        What it raises fails the attempt. It then has to remove what it made, for `cleanup_staging` is not called.
    publish_workspace : callable, (StagedWorkspace, WorkspaceInput, WorkspaceSpec, TaskExecutionContext) -> str
        Called once, after the second look at the attempt. It receives what was staged; the execution has the `output`
        as well. It advances the target branch and returns the id of the new commit. It raises `PublishFenceError` if
        the branch is not in a state that this attempt may replace. What it raises fails the attempt.
    cleanup_staging : callable, (StagedWorkspace) -> object
        Called at the end, if something was staged, however the attempt ended. It deletes the staging branch. What it
        returns is ignored; what it raises is logged with repository, branch and commit, and changes nothing.
    complete_noop_workspace : callable, (WorkspaceInput, WorkspaceSpec, TaskExecutionContext) -> str, optional
        Called once in place of staging and publication, if the body changed nothing. It makes sure that the target
        branch is at the input's ref and returns the ref to complete with. It raises `PublishFenceError` as above, and
        what it raises fails the attempt. Without it, an attempt that changes nothing fails.
    owner_worker_id : str, optional
        Who owns the directory, for its marker; `PERAGO_WORKER_ID`, else `pid-<pid>`, if it is left out or empty.
    execution_id : str, optional
        Distinguishes executions of one attempt; the attempt's own, else a new one, if it is left out or empty.
    failure_reason_max_length : int
        The characters after which a reason is cut.

    Returns
    -------
    RuntimeTaskResult
        COMPLETED with `{"workspace": …, "result": …}`, or the failure. Every exception of a callback or of the body
        becomes one: FAILED_WITH_TERMINAL_ERROR for `TaskTerminalError` and `PreGuardrailViolation`, FAILED for every
        other, `SystemExit` included. Its traceback is logged.

    Raises
    ------
    TaskInputError
        The task has no workspace.
    ValueError
        `failure_reason_max_length` is below 1.
    KeyboardInterrupt, GeneratorExit
        They leave the attempt after the clean-up instead of becoming its result.

    Notes
    -----
    The order is: input, directory, download, params, `pre` guardrails, body, result, `post` guardrails, comparison with
    the download, `load_current_attempt`, and then either `complete_noop_workspace`, or staging, `load_current_attempt`
    again and publication. A read-only task completes with the input's ref after its `post` guardrails. Staging branch
    and directory are removed at the end, in this order; what goes wrong there is logged and changes nothing.

    Examples
    --------
    A directory of folders stands in for lakeFS, and a task that nobody cancels for Conductor:

    >>> import shutil, tempfile
    >>> from pathlib import Path
    >>> from types import SimpleNamespace
    >>> import perago
    >>> from pydantic import BaseModel
    >>> class Params(BaseModel):
    ...     text: str
    >>> class Report(BaseModel):
    ...     files: int
    >>> @perago.task(name="note", owner_email="you@example.org", workspace=perago.WorkspaceSpec())
    ... def note(workspace: Path, params: Params) -> Report:
    ...     _ = (workspace / "note.txt").write_text(params.text)
    ...     return Report(files=len(list(workspace.glob("*.txt"))))
    >>> store = Path(tempfile.mkdtemp())
    >>> (store / "4f2a").mkdir()
    >>> _ = (store / "4f2a" / "old.txt").write_text("old")
    >>> def download(workspace, spec, directory):
    ...     shutil.copytree(store / workspace.ref, directory, dirs_exist_ok=True)
    >>> def stage(directory, workspace, spec, execution):
    ...     print("added", execution.changes.added)
    ...     branch = perago.staging_branch_name(execution)
    ...     shutil.copytree(directory, store / branch)
    ...     return perago.StagedWorkspace(workspace.repository, branch, "9b1c")
    >>> def publish(staged, workspace, spec, execution):
    ...     shutil.copytree(store / staged.branch, store / staged.commit)
    ...     return staged.commit
    >>> result = perago.run_workspace_task_attempt(
    ...     note.__perago_task__,
    ...     {
    ...         "workspace": {"repository": "weather", "branch": "main", "refType": "commit", "ref": "4f2a"},
    ...         "params": {"text": "rain"},
    ...     },
    ...     SimpleNamespace(
    ...         status="IN_PROGRESS", workflow_instance_id="w1", task_id="t1", retry_count=0,
    ...         reference_task_name="note", seq=1, iteration=0, task_def_name="note",
    ...     ),
    ...     store / "attempts",
    ...     download_workspace=download,
    ...     load_current_attempt=lambda attempt: attempt,
    ...     stage_workspace=stage,
    ...     publish_workspace=publish,
    ...     cleanup_staging=lambda staged: shutil.rmtree(store / staged.branch),
    ...     complete_noop_workspace=lambda workspace, spec, execution: workspace.ref,
    ... )
    added ('note.txt',)
    >>> result.status, result.output["workspace"]["ref"], result.output["result"]
    ('COMPLETED', '9b1c', {'files': 2})
    >>> shutil.rmtree(store)
    """
    spec, max_length = workspace_spec(task), checked_max_length(failure_reason_max_length)
    store = CallableStore(
        download_workspace, stage_workspace, publish_workspace, cleanup_staging, complete_noop_workspace or no_noop
    )

    def run() -> JsonObject:
        return run_workspace(
            WorkspaceRun(
                task=task,
                spec=spec,
                input_data=input_data,
                execution=execution_context(attempt, execution_id),
                root=Path(workspace_root).absolute(),  # a body may change the working directory
                worker_id=owner_worker_id,
                store=store,
                fence=LoadingFence(attempt, load_current_attempt),
            )
        )

    return ended(task, max_length, run).result


def run_workspace_free_task_attempt(
    task: TaskDefinition,
    input_data: Mapping[str, Any],
    *,
    failure_reason_max_length: int = DEFAULT_FAILURE_REASON_MAX_LENGTH,
) -> RuntimeTaskResult:
    """Run one attempt of a workspace-free task.

    Parameters
    ----------
    task : TaskDefinition
        A task without a workspace.
    input_data : Mapping
        Conductor's input: exactly the key `params`.
    failure_reason_max_length : int
        The characters after which a reason is cut.

    Returns
    -------
    RuntimeTaskResult
        COMPLETED with `{"result": …}`, or the failure that an exception of the body became, as in
        `run_workspace_task_attempt`.

    Raises
    ------
    TaskInputError
        The task has a workspace.
    ValueError
        `failure_reason_max_length` is below 1.
    KeyboardInterrupt, GeneratorExit
        They leave the attempt instead of becoming its result.

    Examples
    --------
    >>> import perago
    >>> from pydantic import BaseModel
    >>> class Number(BaseModel):
    ...     n: int
    >>> @perago.task(name="double", owner_email="you@example.org")
    ... def double(params: Number) -> Number:
    ...     return Number(n=2 * params.n)
    >>> perago.run_workspace_free_task_attempt(double.__perago_task__, {"params": {"n": 4}}).output
    {'result': {'n': 8}}
    >>> print(perago.run_workspace_free_task_attempt(double.__perago_task__, {"params": {}}).reason_for_incompletion)
    Number.n: Field required (got {})
    """
    refuse_workspace(task)
    max_length = checked_max_length(failure_reason_max_length)
    return ended(task, max_length, lambda: run_without_workspace(task, input_data, Stopwatch())).result
