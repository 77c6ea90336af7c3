"""An attempt as the core sees it, and the comparison that proves it current. Pure: it loads nothing itself."""

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from perago.errors import StaleAttemptError

IN_PROGRESS: Final = "IN_PROGRESS"
"""Conductor's status of a task whose result it waits for, and that of a standalone attempt that is to go on."""


class Attempt(Protocol):
    """One Conductor execution of a task: any object with these attributes."""

    @property
    def status(self) -> str | None: ...
    @property
    def workflow_instance_id(self) -> str: ...
    @property
    def task_id(self) -> str: ...
    @property
    def retry_count(self) -> int: ...
    @property
    def reference_task_name(self) -> str: ...
    @property
    def seq(self) -> int: ...
    @property
    def iteration(self) -> int: ...
    @property
    def task_def_name(self) -> str: ...


class ExecutingAttempt(Attempt, Protocol):
    """An attempt that also knows which of its executions this is."""

    @property
    def execution_id(self) -> str: ...


@dataclass(frozen=True)
class Changes:
    """Workspace-relative posix paths that a body added, modified and deleted; each sorted."""

    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.added or self.modified or self.deleted)

    @property
    def uploads(self) -> tuple[str, ...]:
        """The paths whose content has to travel, sorted."""
        return tuple(sorted((*self.added, *self.modified)))


@dataclass(frozen=True)
class TaskExecutionContext:
    """One execution of an attempt, as the callbacks receive it; other attributes are read from the attempt.

    Parameters
    ----------
    attempt : object
        The attempt, as it was given to `run_workspace_task_attempt`.
    execution_id : str
        Distinguishes the executions of one attempt.
    changes : Changes, optional
        What the body changed: `added`, `modified` and `deleted`, each a sorted tuple of paths relative to the
        workspace. It is there when `stage_workspace`, `publish_workspace` or `complete_noop_workspace` is called.
    output : dict, optional
        The body's validated `{"result": …}`. It is there when `publish_workspace` or `complete_noop_workspace` is
        called.

    Notes
    -----
    It is frozen, and can be copied and pickled if the attempt can.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import perago
    >>> execution = perago.TaskExecutionContext(SimpleNamespace(task_id="t1", retry_count=2), "e1")
    >>> execution.execution_id, execution.task_id, execution.retry_count
    ('e1', 't1', 2)
    """

    attempt: object
    execution_id: str
    changes: Changes | None = None
    output: dict[str, Any] | None = field(default=None, hash=False)

    if TYPE_CHECKING:

        @property
        def status(self) -> str | None: ...
        @property
        def workflow_instance_id(self) -> str: ...
        @property
        def task_id(self) -> str: ...
        @property
        def retry_count(self) -> int: ...
        @property
        def reference_task_name(self) -> str: ...
        @property
        def seq(self) -> int: ...
        @property
        def iteration(self) -> int: ...
        @property
        def task_def_name(self) -> str: ...

    else:

        def __getattr__(self, name: str) -> object:
            if name.startswith("__") or name == "attempt":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return getattr(self.attempt, name)


def execution_context(attempt: object, execution_id: str | None = None) -> TaskExecutionContext:
    """The context of a new execution: the given id, else the attempt's own, else a new one."""
    return TaskExecutionContext(attempt, execution_id or getattr(attempt, "execution_id", None) or uuid.uuid4().hex)


_IDENTITY = ("workflow_instance_id", "task_id", "retry_count")
_MISSING: Final = object()


def assert_current_attempt_snapshot(task: object, fresh: object) -> None:
    """The attempt fence: prove that an attempt is still the current one.

    Parameters
    ----------
    task : object
        The attempt as it was polled, with `workflow_instance_id`, `task_id` and `retry_count`.
    fresh : object
        The same Conductor task as it is now, with a `status` as well; None and anything else without these attributes
        is another attempt.

    Raises
    ------
    StaleAttemptError
        `fresh` is not `IN_PROGRESS`, or has another workflow, task id or retry count.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import perago
    >>> polled = SimpleNamespace(workflow_instance_id="w1", task_id="t1", retry_count=0)
    >>> fresh = SimpleNamespace(workflow_instance_id="w1", task_id="t1", retry_count=0, status="IN_PROGRESS")
    >>> perago.assert_current_attempt_snapshot(polled, fresh)
    >>> fresh.status = "TIMED_OUT"
    >>> perago.assert_current_attempt_snapshot(polled, fresh)
    Traceback (most recent call last):
    perago.errors.StaleAttemptError: attempt t1 is no longer the current one in Conductor
    """
    if not is_current(task, fresh):
        raise StaleAttemptError(getattr(task, "task_id"))  # noqa: B009 - any object with the attribute will do


def is_current(task: object, fresh: object) -> bool:
    """Whether `fresh` is in progress and has the workflow, task id and retry count of `task`."""
    same = all(getattr(fresh, name, _MISSING) == getattr(task, name) for name in _IDENTITY)
    return same and getattr(fresh, "status", None) == IN_PROGRESS
