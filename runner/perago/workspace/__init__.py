"""The workspace: its paths, its plan, its manifest and its directory, under the one name that the contract fixes.

paths.py  plan.py    pure: names and comparisons
listing.py           pure: whether a directory tree can hold a listing
manifest.py          the only hashing
directory.py         the local disk
owner.py             who works in a directory
times.py             which file systems' times can be relied on
snapshot.py          before the body and after it
sync.py              whole tree against whole listing
"""

from perago.workspace.directory import (
    attempt_workspace_dir,
    cleanup_attempt_workspace,
    cleanup_attempt_workspace_safely,
    clock_of,
    prepare_attempt_workspace,
    scan,
)
from perago.workspace.listing import workspace_local_paths
from perago.workspace.owner import (
    WorkspaceOwner,
    active_workspace_owner_tokens,
    new_workspace_owner,
    register_active_workspace_owner,
    unregister_active_workspace_owner,
)
from perago.workspace.paths import (
    ATTEMPT_WORKSPACE_MARKER,
    workspace_local_path,
    workspace_object_path,
    workspace_object_prefix,
)
from perago.workspace.sync import (
    WorkspaceDownloadFile,
    WorkspaceSyncPlan,
    WorkspaceUploadFile,
    build_workspace_sync_plan,
    refuse_symlinks,
    refuse_unreadable,
    workspace_delete_object_paths,
    workspace_download_files,
    workspace_upload_files,
)

__all__ = [
    "ATTEMPT_WORKSPACE_MARKER",
    "WorkspaceDownloadFile",
    "WorkspaceOwner",
    "WorkspaceSyncPlan",
    "WorkspaceUploadFile",
    "active_workspace_owner_tokens",
    "attempt_workspace_dir",
    "build_workspace_sync_plan",
    "cleanup_attempt_workspace",
    "cleanup_attempt_workspace_safely",
    "clock_of",
    "new_workspace_owner",
    "prepare_attempt_workspace",
    "refuse_symlinks",
    "refuse_unreadable",
    "register_active_workspace_owner",
    "scan",
    "unregister_active_workspace_owner",
    "workspace_delete_object_paths",
    "workspace_download_files",
    "workspace_local_path",
    "workspace_local_paths",
    "workspace_object_path",
    "workspace_object_prefix",
    "workspace_upload_files",
]
