"""Perago: runs Conductor task attempts on versioned lakeFS workspaces. The public names, and nothing else.

What a declaration needs is loaded at once; what runs an attempt when its name is first used, so that an author's module
does not pay for it. No client library is ever loaded from here.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from perago.errors import (
    GuardrailViolation,
    PostGuardrailViolation,
    PreGuardrailViolation,
    PublishFenceError,
    RuntimeConfigError,
    StaleAttemptError,
    TaskDefinitionError,
    TaskExecutionError,
    TaskFailed,
    TaskInputError,
    TaskTerminalError,
)
from perago.guards import (
    check_guardrails,
    forbid_glob,
    require_dir,
    require_file,
    require_glob,
)
from perago.models import (
    ExecutionLimits,
    PublishBudget,
    RetryPolicy,
    TaskControls,
    TimeoutPolicy,
    WorkspaceSpec,
)
from perago.task import (
    TaskDefinition,
    load_module_task,
    task,
)

if TYPE_CHECKING:
    from perago.attempt import (
        TaskExecutionContext,
        assert_current_attempt_snapshot,
    )
    from perago.body import (
        build_workspace_free_task_output,
        build_workspace_task_output,
        invoke_workspace_free_task,
        invoke_workspace_task_body,
    )
    from perago.execution import (
        run_workspace_free_task_attempt,
        run_workspace_task_attempt,
    )
    from perago.reference import WorkspaceInput, WorkspaceOutput
    from perago.result import (
        RuntimeTaskResult,
        completed_result,
        failed_result,
        result_for_exception,
        terminal_failed_result,
    )
    from perago.staging import (
        StagedWorkspace,
        staging_branch_name,
    )
    from perago.taskdef import (
        build_taskdef,
        write_taskdef,
    )
    from perago.workspace.paths import (
        workspace_local_path,
    )
    from perago.workspace.sync import (
        WorkspaceDownloadFile,
        WorkspaceSyncPlan,
        WorkspaceUploadFile,
        build_workspace_sync_plan,
        workspace_delete_object_paths,
        workspace_download_files,
        workspace_upload_files,
    )

__all__ = [
    "ExecutionLimits",
    "GuardrailViolation",
    "PostGuardrailViolation",
    "PreGuardrailViolation",
    "PublishBudget",
    "PublishFenceError",
    "RetryPolicy",
    "RuntimeConfigError",
    "RuntimeTaskResult",
    "StagedWorkspace",
    "StaleAttemptError",
    "TaskControls",
    "TaskDefinition",
    "TaskDefinitionError",
    "TaskExecutionContext",
    "TaskExecutionError",
    "TaskFailed",
    "TaskInputError",
    "TaskTerminalError",
    "TimeoutPolicy",
    "WorkspaceDownloadFile",
    "WorkspaceInput",
    "WorkspaceOutput",
    "WorkspaceSpec",
    "WorkspaceSyncPlan",
    "WorkspaceUploadFile",
    "assert_current_attempt_snapshot",
    "build_taskdef",
    "build_workspace_free_task_output",
    "build_workspace_sync_plan",
    "build_workspace_task_output",
    "check_guardrails",
    "completed_result",
    "failed_result",
    "forbid_glob",
    "invoke_workspace_free_task",
    "invoke_workspace_task_body",
    "load_module_task",
    "require_dir",
    "require_file",
    "require_glob",
    "result_for_exception",
    "run_workspace_free_task_attempt",
    "run_workspace_task_attempt",
    "staging_branch_name",
    "task",
    "terminal_failed_result",
    "workspace_delete_object_paths",
    "workspace_download_files",
    "workspace_local_path",
    "workspace_upload_files",
    "write_taskdef",
]

_LATE = {
    "perago.attempt": (
        "TaskExecutionContext",
        "assert_current_attempt_snapshot",
    ),
    "perago.body": (
        "build_workspace_free_task_output",
        "build_workspace_task_output",
        "invoke_workspace_free_task",
        "invoke_workspace_task_body",
    ),
    "perago.execution": (
        "run_workspace_free_task_attempt",
        "run_workspace_task_attempt",
    ),
    "perago.reference": (
        "WorkspaceInput",
        "WorkspaceOutput",
    ),
    "perago.result": (
        "RuntimeTaskResult",
        "completed_result",
        "failed_result",
        "result_for_exception",
        "terminal_failed_result",
    ),
    "perago.staging": (
        "StagedWorkspace",
        "staging_branch_name",
    ),
    "perago.taskdef": (
        "build_taskdef",
        "write_taskdef",
    ),
    "perago.workspace.paths": ("workspace_local_path",),
    "perago.workspace.sync": (
        "WorkspaceDownloadFile",
        "WorkspaceSyncPlan",
        "WorkspaceUploadFile",
        "build_workspace_sync_plan",
        "workspace_delete_object_paths",
        "workspace_download_files",
        "workspace_upload_files",
    ),
}
_HOME = {name: module for module, names in _LATE.items() for name in names}
_MODULES = ("attempt", "config", "execution", "result", "staging", "taskdef", "workspace")
"""Modules that `import perago` has always provided as attributes; the others are loaded with it anyway."""


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """A public name or module that is loaded when it is first used; type checkers see the imports above instead."""
        if name in _MODULES:
            return import_module(f"{__name__}.{name}")
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOME[name]), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
