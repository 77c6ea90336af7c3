"""Staging: the name of an attempt's short-lived branch, and the commit on it. Pure."""

import re
from dataclasses import dataclass

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True)
class StagedWorkspace:
    """The staging branch and the commit `C` on it that holds an attempt's changes."""

    repository: str
    branch: str
    commit: str


def safe_value(attempt: object, name: str) -> str:
    """An attribute of an attempt as part of a name; AttributeError names it when it is missing.

    Runs of characters outside `[A-Za-z0-9_-]` become one `-`, then `-` and `_` at both ends go; nothing left is
    "unknown".
    """
    return _UNSAFE.sub("-", str(getattr(attempt, name))).strip("-_") or "unknown"


def staging_branch_name(attempt: object) -> str:
    """The branch of this execution of this attempt; no two executions share one."""
    parts = (
        "perago-staging",
        safe_value(attempt, "workflow_instance_id"),
        safe_value(attempt, "reference_task_name"),
        f"seq-{safe_value(attempt, 'seq')}",
        f"iteration-{safe_value(attempt, 'iteration')}",
        f"task-id-{safe_value(attempt, 'task_id')}",
        f"retry-{safe_value(attempt, 'retry_count')}",
        f"exec-{safe_value(attempt, 'execution_id')}",
    )
    return "-".join(parts)
