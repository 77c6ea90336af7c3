"""What each failure of a call means to the task and to the attempt's outcome: one table. PURE.

The task raises the class `error` on its side, so that the attempt core maps it as the contract says; the recorded
outcome carries `reason`, which says more precisely what went wrong.
"""

import errno
from dataclasses import dataclass
from typing import Final

from perago.agent.clients import lakefs_errors
from perago.agent.clients.attempt_api import AttemptGone, ClusterRefused
from perago.agent.clients.conductor import ConductorRefused
from perago.agent.clients.http import Insecure, NoAnswer, Server, describe
from perago.agent.data.volume import CorruptObject, UnreadableFile, VolumeFull
from perago.agent.fence import CanceledAttempt
from perago.agent.mounts import MissingKeys
from perago.agent.outcome import OutputTooLarge
from perago.agent.turn import NoTurn
from perago.errors import PublishFenceError, StaleAttemptError, TaskExecutionError, TaskInputError, TaskTerminalError
from perago.wire import NotJson, Reason


class ProtocolMismatch(Exception):
    """The task's image speaks another protocol version than this agent."""


class PublishedWithoutOutput(Exception):
    """An earlier execution published, but its output was too large to be kept with the commit."""


@dataclass(frozen=True)
class Failure:
    """`error`: the class to raise in the task; `reason`: that of the outcome; `message`: for people."""

    error: str
    reason: Reason
    message: str


PROTOCOL: Final = "OutOfOrder"
"""Begins the message of a call that may not come now."""

TABLE: Final[tuple[tuple[type[Exception], type[Exception], Reason], ...]] = (
    (TaskInputError, TaskInputError, Reason.TASK_INPUT_ERROR),
    (PublishFenceError, PublishFenceError, Reason.PUBLISH_FENCE),
    (CanceledAttempt, StaleAttemptError, Reason.CANCELED),
    (StaleAttemptError, StaleAttemptError, Reason.STALE_ATTEMPT),
    (AttemptGone, StaleAttemptError, Reason.STALE_ATTEMPT),
    (VolumeFull, TaskExecutionError, Reason.VOLUME_FULL),
    (CorruptObject, TaskExecutionError, Reason.CORRUPT_OBJECT),
    (UnreadableFile, TaskInputError, Reason.UNREADABLE_FILE),
    (OutputTooLarge, TaskExecutionError, Reason.OUTPUT_TOO_LARGE),
    (NotJson, TaskExecutionError, Reason.TASK_EXECUTION_ERROR),
    (ProtocolMismatch, TaskExecutionError, Reason.PROTOCOL_MISMATCH),
    (PublishedWithoutOutput, TaskExecutionError, Reason.PUBLISHED_WITHOUT_OUTPUT),
    (MissingKeys, TaskTerminalError, Reason.INVALID_TASK),
    (lakefs_errors.Unauthorized, TaskExecutionError, Reason.LAKEFS_UNAUTHORIZED),
    (lakefs_errors.Forbidden, TaskExecutionError, Reason.LAKEFS_FORBIDDEN),
    (lakefs_errors.RepositoryNotFound, TaskInputError, Reason.REPOSITORY_NOT_FOUND),
    (lakefs_errors.RefNotFound, TaskInputError, Reason.REF_NOT_FOUND),
    (lakefs_errors.Conflict, PublishFenceError, Reason.PUBLISH_FENCE),
    (lakefs_errors.HookRefused, PublishFenceError, Reason.PUBLISH_FENCE),
    (lakefs_errors.UncommittedChanges, PublishFenceError, Reason.UNCOMMITTED_CHANGES),
    (lakefs_errors.LakeFSError, TaskExecutionError, Reason.LAKEFS_REFUSED),
    (NoTurn, TaskExecutionError, Reason.NO_TURN),
    (ConductorRefused, TaskExecutionError, Reason.CONDUCTOR_REFUSED),
    (ClusterRefused, TaskExecutionError, Reason.CLUSTER_REFUSED),
)
"""An exception of the agent, the exception that the task raises for it, and the reason of the outcome."""

UNREACHABLE: Final = {
    Server.LAKEFS: Reason.LAKEFS_UNREACHABLE,
    Server.CONDUCTOR: Reason.CONDUCTOR_UNREACHABLE,
    Server.CLUSTER: Reason.CLUSTER_UNREACHABLE,
}


REFUSED: Final = {
    Server.LAKEFS: Reason.LAKEFS_REFUSED,
    Server.CONDUCTOR: Reason.CONDUCTOR_REFUSED,
    Server.CLUSTER: Reason.CLUSTER_REFUSED,
}


def failure_of(error: Exception) -> Failure:
    """The first row that holds; NoAnswer and Insecure by their server; anything else is an error of the agent."""
    text = describe(error)
    if isinstance(error, NoAnswer):
        return Failure(TaskExecutionError.__name__, UNREACHABLE[error.server], text)
    if isinstance(error, Insecure):
        return Failure(TaskExecutionError.__name__, REFUSED[error.server], text)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure(TaskExecutionError.__name__, Reason.VOLUME_FULL, text)
    for kind, raised, reason in TABLE:
        if isinstance(error, kind):
            return Failure(raised.__name__, reason, text)
    unknown = f"the agent failed: {type(error).__name__}: {text}"
    return Failure(TaskExecutionError.__name__, Reason.AGENT_ERROR, unknown)
