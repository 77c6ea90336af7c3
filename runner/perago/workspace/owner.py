"""Who works in an attempt's directory, and which owners this process has at work. Knows no directory."""

import os
import threading
import uuid
from dataclasses import dataclass

from perago import config

_lock = threading.Lock()
_tokens: set[str] = set()


@dataclass(frozen=True)
class WorkspaceOwner:
    """Who works in an attempt's directory.

    Parameters
    ----------
    worker_id : str
        The worker.
    pid : int
        Its process.
    token : str
        What no other owner has.

    Examples
    --------
    >>> from perago.workspace import WorkspaceOwner
    >>> WorkspaceOwner("worker-1", 42, "a1b2").worker_id
    'worker-1'
    """

    worker_id: str
    pid: int
    token: str


def new_workspace_owner(worker_id: str | None = None) -> WorkspaceOwner:
    """Make an owner for this process.

    Parameters
    ----------
    worker_id : str, optional
        The worker; `PERAGO_WORKER_ID`, else `pid-<pid>`, if it is left out or empty.

    Returns
    -------
    WorkspaceOwner
        An owner with a token of its own.

    Examples
    --------
    >>> from perago.workspace import new_workspace_owner
    >>> new_workspace_owner("worker-1").token != new_workspace_owner("worker-1").token
    True
    """
    pid = os.getpid()
    return WorkspaceOwner(config.worker_id(os.environ, pid, worker_id), pid, uuid.uuid4().hex)


def register_active_workspace_owner(owner: WorkspaceOwner) -> None:
    """Say that an owner is working, so that nobody takes its directory for an abandoned one.

    Parameters
    ----------
    owner : WorkspaceOwner
        The owner; registering it twice is harmless.

    Examples
    --------
    >>> from perago import workspace
    >>> owner = workspace.new_workspace_owner()
    >>> workspace.register_active_workspace_owner(owner)
    >>> owner.token in workspace.active_workspace_owner_tokens()
    True
    >>> workspace.unregister_active_workspace_owner(owner)
    """
    with _lock:
        _tokens.add(owner.token)


def unregister_active_workspace_owner(owner: WorkspaceOwner) -> None:
    """Say that an owner has ended.

    Parameters
    ----------
    owner : WorkspaceOwner
        The owner; one that is not registered is ignored.

    Examples
    --------
    >>> from perago import workspace
    >>> workspace.unregister_active_workspace_owner(workspace.new_workspace_owner())
    """
    with _lock:
        _tokens.discard(owner.token)


def active_workspace_owner_tokens() -> frozenset[str]:
    """The owners at work in this process.

    Returns
    -------
    frozenset of str
        Their tokens, which their directories' markers have as `owner_token`.

    Examples
    --------
    >>> from perago.workspace import active_workspace_owner_tokens
    >>> active_workspace_owner_tokens()
    frozenset()
    """
    with _lock:
        return frozenset(_tokens)
