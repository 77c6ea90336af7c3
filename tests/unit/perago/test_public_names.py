"""What `import perago` provides, and what it does not load."""

import importlib
import inspect
import json
import subprocess
import sys
from operator import attrgetter

import pytest

import perago
import perago.workspace

PUBLIC = [
    "task",
    "TaskDefinition",
    "load_module_task",
    "WorkspaceSpec",
    "WorkspaceInput",
    "WorkspaceOutput",
    "require_file",
    "require_dir",
    "require_glob",
    "forbid_glob",
    "check_guardrails",
    "TaskControls",
    "RetryPolicy",
    "TimeoutPolicy",
    "ExecutionLimits",
    "PublishBudget",
    "build_taskdef",
    "write_taskdef",
    "assert_current_attempt_snapshot",
    "StagedWorkspace",
    "TaskExecutionContext",
    "staging_branch_name",
    "run_workspace_task_attempt",
    "run_workspace_free_task_attempt",
    "invoke_workspace_task_body",
    "invoke_workspace_free_task",
    "build_workspace_task_output",
    "build_workspace_free_task_output",
    "RuntimeTaskResult",
    "completed_result",
    "failed_result",
    "terminal_failed_result",
    "result_for_exception",
    "TaskDefinitionError",
    "RuntimeConfigError",
    "TaskInputError",
    "TaskExecutionError",
    "TaskFailed",
    "TaskTerminalError",
    "GuardrailViolation",
    "PreGuardrailViolation",
    "PostGuardrailViolation",
    "PublishFenceError",
    "StaleAttemptError",
    "workspace_local_path",
    "workspace_upload_files",
    "workspace_download_files",
    "workspace_delete_object_paths",
    "build_workspace_sync_plan",
    "WorkspaceUploadFile",
    "WorkspaceDownloadFile",
    "WorkspaceSyncPlan",
]

WORKSPACE = [
    "ATTEMPT_WORKSPACE_MARKER",
    "prepare_attempt_workspace",
    "attempt_workspace_dir",
    "cleanup_attempt_workspace",
    "cleanup_attempt_workspace_safely",
    "new_workspace_owner",
    "register_active_workspace_owner",
    "unregister_active_workspace_owner",
    "active_workspace_owner_tokens",
    "WorkspaceOwner",
    "workspace_object_prefix",
    "workspace_object_path",
    "workspace_local_path",
    "workspace_upload_files",
    "workspace_download_files",
    "workspace_delete_object_paths",
    "build_workspace_sync_plan",
    "WorkspaceUploadFile",
    "WorkspaceDownloadFile",
    "WorkspaceSyncPlan",
]

HOMES = {
    "attempt": "assert_current_attempt_snapshot TaskExecutionContext",
    "errors": """TaskDefinitionError RuntimeConfigError TaskInputError TaskExecutionError TaskFailed TaskTerminalError
        GuardrailViolation PreGuardrailViolation PostGuardrailViolation PublishFenceError StaleAttemptError""",
    "execution": """run_workspace_task_attempt run_workspace_free_task_attempt invoke_workspace_task_body
        invoke_workspace_free_task build_workspace_task_output build_workspace_free_task_output
        DownloadWorkspace LoadCurrentAttempt StageWorkspace PublishWorkspace CleanupStaging CompleteNoOpWorkspace
        WorkspaceSnapshot""",
    "guards": "require_file require_dir require_glob forbid_glob check_guardrails DEFAULT_REQUIRE_GLOB_MIN_COUNT",
    "models": """WorkspaceSpec WorkspaceInput WorkspaceOutput TaskControls RetryPolicy TimeoutPolicy ExecutionLimits
        PublishBudget DEFAULT_RETRY_COUNT DEFAULT_RETRY_DELAY_SECONDS DEFAULT_TIMEOUT_RESPONSE_SECONDS
        MAX_RETRY_COUNT""",
    "config": "DEFAULT_FAILURE_REASON_MAX_LENGTH",
    "result": "RuntimeTaskResult completed_result failed_result terminal_failed_result result_for_exception",
    "staging": "StagedWorkspace staging_branch_name",
    "task": "task TaskDefinition load_module_task",
    "taskdef": "build_taskdef write_taskdef TASKDEF_SCHEMA_VERSION TASKDEF_SCHEMA_TYPE schema_for_model",
    "workspace": " ".join(WORKSPACE),
}
"""Where 0.4 had each name, as far as the contract says it, and where its area of the public names belongs."""

DECLARING = """
import json, sys
import perago
from pathlib import Path
from pydantic import BaseModel
class Model(BaseModel):
    x: int
@perago.task(name="n", owner_email="a@b", workspace=perago.WorkspaceSpec(), controls=perago.TaskControls())
def body(workspace: Path, params: Model) -> Model: ...
print(json.dumps(sorted(sys.modules)))
"""
RUNNING = DECLARING.replace("print", "perago.run_workspace_task_attempt\nprint")

FOREIGN = {
    "kubernetes",
    "kopf",
    "conductor",
    "lakefs",
    "lakefs_sdk",
    "loguru",
    "asyncio",
    "ssl",
    "yaml",
    "multiprocessing",
}
HTTP = {"aiohttp", "httpx", "requests", "urllib3", "http.client", "urllib.request"}
RUNTIME = {
    "perago.run",
    "perago.signatures",
    "perago.execution",
    "perago.body",
    "perago.taskdef",
    "perago.workspace",
    "perago.cli",
}


def loaded_by(source: str) -> set[str]:
    """The modules in a fresh interpreter after this source."""
    done = subprocess.run([sys.executable, "-c", source], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout))


def test_the_public_names_are_the_contracts() -> None:
    """All of them, and no other."""
    assert sorted(perago.__all__) == sorted(PUBLIC)
    for name in PUBLIC:
        assert getattr(perago, name).__name__ == name
    assert set(PUBLIC) <= set(dir(perago))


def test_the_marker_is_called_as_ever() -> None:
    """Its name is on disks already."""
    assert importlib.import_module("perago.workspace").ATTEMPT_WORKSPACE_MARKER == ".perago-attempt.json"


@pytest.mark.parametrize("module", HOMES)
def test_each_name_can_be_imported_from_its_old_module(module: str) -> None:
    """`from perago.MODULE import NAME` works, and is the very object that `perago` has by that name."""
    namespace: dict[str, object] = {}
    exec(f"from perago.{module} import {', '.join(HOMES[module].split())}", namespace)
    for name in set(HOMES[module].split()) & set(PUBLIC):
        assert namespace[name] is getattr(perago, name)


@pytest.mark.parametrize("module", sorted({*HOMES, "config"} - {"task"}))
def test_each_old_module_is_an_attribute_of_the_package(module: str) -> None:
    """`import perago` alone is enough for `perago.workspace.…`, as it always was."""
    assert loaded_by(f"import json, perago\nprint(json.dumps([perago.{module}.__name__]))") == {f"perago.{module}"}


def test_every_public_name_has_its_module() -> None:
    """No name is at home in `perago` alone, so that old imports need no thought."""
    assert set(PUBLIC) <= {name for names in HOMES.values() for name in names.split()}


@pytest.mark.parametrize("first", ["import perago.task", "from perago.task import task", "import perago.execution"])
def test_the_decorator_is_not_hidden_by_its_module(first: str) -> None:
    """`perago.task` is the decorator, whatever was imported before."""
    assert loaded_by(f"import json\n{first}\nimport perago\nprint(json.dumps([perago.task.__name__]))") == {"task"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As for any module."""
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(perago, "no_such_name")  # noqa: B009 - type checkers know that there is none


@pytest.mark.parametrize("source", [DECLARING, RUNNING], ids=["declaring", "running"])
def test_no_client_and_no_heavy_library_is_loaded(source: str) -> None:
    """Declaring and running a task load the standard library's light parts and pydantic."""
    loaded = loaded_by(source)
    assert {name.partition(".")[0] for name in loaded} & FOREIGN == set()
    assert loaded & HTTP == set()
    third_party = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    assert {name for name in third_party if not name.startswith(("_", "pydantic"))} <= {
        "perago",
        "annotated_types",
        "typing_extensions",
        "typing_inspection",
    }


def test_declaring_a_task_loads_nothing_that_runs_one() -> None:
    """An author's module pays for the declaration only."""
    assert loaded_by(DECLARING) & RUNTIME == set()


SIGNATURES = {
    "task": "*, name, owner_email, description=None, workspace=None, controls=None, **unknown",
    "load_module_task": "target",
    "completed_result": "output",
    "ExecutionLimits": (
        "concurrent_exec_limit=None, rate_limit_frequency_in_seconds=None, rate_limit_per_frequency=None"
    ),
    "PublishBudget": (
        "observed_merge_p99_seconds, safety_margin_seconds, lakefs_merge_timeout_seconds, "
        "conductor_completion_timeout_seconds, worker_shutdown_grace_seconds, heartbeat_interval_seconds"
    ),
    "WorkspaceUploadFile": "local_path, object_path",
    "WorkspaceDownloadFile": "object_path, local_path",
    "WorkspaceSyncPlan": "upload_files, delete_object_paths",
    "require_file": "path",
    "require_dir": "path",
    "forbid_glob": "pattern",
    "staging_branch_name": "attempt",
    "require_glob": "pattern, *, min_count=1, max_count=None",
    "check_guardrails": "root, guardrails, phase",
    "build_taskdef": "task",
    "write_taskdef": "task, path",
    "assert_current_attempt_snapshot": "task, fresh",
    "StagedWorkspace": "repository, branch, commit",
    "TaskExecutionContext": "attempt, execution_id, changes=None, output=None",
    "RuntimeTaskResult": "status, output=None, reason_for_incompletion=None",
    "failed_result": "reason, *, max_length=500",
    "terminal_failed_result": "reason, *, max_length=500",
    "result_for_exception": "exc, *, max_length=500",
    "invoke_workspace_task_body": "task, input_data, workspace_dir",
    "invoke_workspace_free_task": "task, input_data",
    "build_workspace_task_output": "task, input_workspace, published_ref, raw_result",
    "build_workspace_free_task_output": "task, raw_result",
    "run_workspace_free_task_attempt": "task, input_data, *, failure_reason_max_length=500",
    "run_workspace_task_attempt": (
        "task, input_data, attempt, workspace_root, *, download_workspace, load_current_attempt, stage_workspace, "
        "publish_workspace, cleanup_staging, complete_noop_workspace=None, owner_worker_id=None, execution_id=None, "
        "failure_reason_max_length=500"
    ),
    "RetryPolicy": "count=3, logic='FIXED', delay_seconds=60, max_delay_seconds=0, jitter_ms=0",
    "TimeoutPolicy": "policy='TIME_OUT_WF', seconds=0, response_seconds=600, poll_seconds=0, total_seconds=0",
    "workspace_local_path": "spec, object_path",
    "workspace_upload_files": "workspace_dir, spec",
    "workspace_download_files": "workspace_dir, spec, object_paths",
    "workspace_delete_object_paths": "spec, existing_object_paths, uploaded_files",
    "build_workspace_sync_plan": "workspace_dir, spec, existing_object_paths",
    "workspace.workspace_object_path": "spec, workspace_path",
    "workspace.workspace_object_prefix": "spec",
    "workspace.prepare_attempt_workspace": "root, attempt, owner=None",
    "workspace.attempt_workspace_dir": "root, attempt",
    "workspace.cleanup_attempt_workspace_safely": "directory, attempt",
    "workspace.new_workspace_owner": "worker_id=None",
    "workspace.WorkspaceOwner": "worker_id, pid, token",
    "TaskDefinition": (
        "name, owner_email, fn, params_model, output_model, description=None, workspace=None, controls=<factory>"
    ),
    "WorkspaceSpec": "prefix='/', pre=<factory>, post=<factory>, read_only=False, exclude=<factory>",
    "TaskControls": "retry=<factory>, timeout=<factory>, limits=<factory>, publish_budget=None",
    "StaleAttemptError": "task_id, message=None",
}


def parameters(name: str) -> str:
    """A public callable's parameters without annotations, as the contract writes them."""
    plain = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(attrgetter(name)(perago)).parameters.values()
    ]
    return str(inspect.Signature(plain))[1:-1]


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_signatures_are_the_contracts(name: str) -> None:
    """Names, order and defaults of parameters are fixed."""
    assert parameters(name) == SIGNATURES[name]
