"""Staging: the name of an attempt's short-lived branch, and the commit on it. Pure."""

import re
from dataclasses import dataclass
from typing import Final

BRANCH_PREFIX: Final = "perago-staging"
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True)
class StagedWorkspace:
    """The staging branch of an attempt, and the commit on it that holds the attempt's changes.

    Parameters
    ----------
    repository : str
        The repository.
    branch : str
        The staging branch.
    commit : str
        The id of the commit.

    Examples
    --------
    >>> import perago
    >>> perago.StagedWorkspace("weather", "perago-staging-1", "4f2a").branch
    'perago-staging-1'
    """

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
    """Name the staging branch of one execution of an attempt; no two executions share one.

    Parameters
    ----------
    attempt : object
        An attempt that also has an `execution_id`, such as a `TaskExecutionContext`.

    Returns
    -------
    str
        The name of the branch. In each part of it, runs of characters outside `[A-Za-z0-9_-]` become one `-`.

    Raises
    ------
    AttributeError
        The attempt lacks an attribute that the name needs; the message names it.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import perago
    >>> perago.staging_branch_name(
    ...     SimpleNamespace(
    ...         workflow_instance_id="w1",
    ...         reference_task_name="build",
    ...         seq=1,
    ...         iteration=0,
    ...         task_id="t/1",
    ...         retry_count=0,
    ...         execution_id="e1",
    ...     )
    ... )
    'perago-staging-w1-build-seq-1-iteration-0-task-id-t-1-retry-0-exec-e1'
    """
    parts = (
        BRANCH_PREFIX,
        safe_value(attempt, "workflow_instance_id"),
        safe_value(attempt, "reference_task_name"),
        f"seq-{safe_value(attempt, 'seq')}",
        f"iteration-{safe_value(attempt, 'iteration')}",
        f"task-id-{safe_value(attempt, 'task_id')}",
        f"retry-{safe_value(attempt, 'retry_count')}",
        f"exec-{safe_value(attempt, 'execution_id')}",
    )
    return "-".join(parts)
