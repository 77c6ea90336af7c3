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
from perago.agent.clients.http import NoAnswer, describe
from perago.agent.data.volume import CorruptObject, UnreadableFile, VolumeFull
from perago.agent.mounts import MissingKeys
from perago.agent.outcome import OutputTooLarge
from perago.errors import PublishFenceError, StaleAttemptError, TaskExecutionError, TaskInputError, TaskTerminalError
from perago.wire import Reason


class ProtocolMismatch(Exception):
    """The task's image speaks another protocol version than this agent."""


class PublishedWithoutOutput(Exception):
    """An earlier execution published, but its output was too large to be kept with the commit."""


@dataclass(frozen=True)
class Failure:
    """`error`: the class to raise in the task; `reason`: the word of the outcome; `message`: for people."""

    error: str
    reason: Reason
    message: str


EXECUTION: Final = TaskExecutionError.__name__
TERMINAL: Final = TaskTerminalError.__name__
INPUT: Final = TaskInputError.__name__
FENCE: Final = PublishFenceError.__name__
STALE: Final = StaleAttemptError.__name__
PROTOCOL: Final = "OutOfOrder"

TABLE: Final[tuple[tuple[type[Exception], str, Reason], ...]] = (
    (TaskInputError, INPUT, Reason.TASK_INPUT_ERROR),
    (PublishFenceError, FENCE, Reason.PUBLISH_FENCE),
    (StaleAttemptError, STALE, Reason.STALE_ATTEMPT),
    (AttemptGone, STALE, Reason.STALE_ATTEMPT),
    (VolumeFull, EXECUTION, Reason.VOLUME_FULL),
    (CorruptObject, EXECUTION, Reason.CORRUPT_OBJECT),
    (UnreadableFile, INPUT, Reason.UNREADABLE_FILE),
    (OutputTooLarge, EXECUTION, Reason.OUTPUT_TOO_LARGE),
    (ProtocolMismatch, EXECUTION, Reason.PROTOCOL_MISMATCH),
    (PublishedWithoutOutput, EXECUTION, Reason.PUBLISHED_WITHOUT_OUTPUT),
    (MissingKeys, TERMINAL, Reason.INVALID_TASK),
    (lakefs_errors.Unauthorized, EXECUTION, Reason.LAKEFS_UNAUTHORIZED),
    (lakefs_errors.Forbidden, EXECUTION, Reason.LAKEFS_FORBIDDEN),
    (lakefs_errors.RepositoryNotFound, INPUT, Reason.REPOSITORY_NOT_FOUND),
    (lakefs_errors.RefNotFound, INPUT, Reason.REF_NOT_FOUND),
    (lakefs_errors.Conflict, FENCE, Reason.PUBLISH_FENCE),
    (lakefs_errors.HookRefused, FENCE, Reason.PUBLISH_FENCE),
    (lakefs_errors.UncommittedChanges, FENCE, Reason.UNCOMMITTED_CHANGES),
    (lakefs_errors.LakeFSError, EXECUTION, Reason.LAKEFS_REFUSED),
    (ConductorRefused, EXECUTION, Reason.CONDUCTOR_REFUSED),
    (ClusterRefused, EXECUTION, Reason.CLUSTER_REFUSED),
)

UNREACHABLE: Final = (("lakeFS", Reason.LAKEFS_UNREACHABLE), ("Conductor", Reason.CONDUCTOR_UNREACHABLE))
"""The server that a NoAnswer's text begins with, and the reason."""


def failure_of(error: Exception) -> Failure:
    """The first row that holds; NoAnswer by the server it names; anything else is an internal error of the agent."""
    text = describe(error)
    if isinstance(error, NoAnswer):
        reason = next((word for who, word in UNREACHABLE if text.startswith(who)), Reason.CLUSTER_UNREACHABLE)
        return Failure(EXECUTION, reason, text)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure(EXECUTION, Reason.VOLUME_FULL, text)
    for kind, name, reason in TABLE:
        if isinstance(error, kind):
            return Failure(name, reason, text)
    return Failure(EXECUTION, Reason.AGENT_ERROR, f"the agent failed: {type(error).__name__}: {text}")
