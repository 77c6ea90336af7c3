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


class ProtocolMismatch(Exception):
    """The task's image speaks another protocol version than this agent."""


class PublishedWithoutOutput(Exception):
    """An earlier execution published, but its output was too large to be kept with the commit."""


@dataclass(frozen=True)
class Failure:
    """`error`: the class to raise in the task; `reason`: the word of the outcome; `message`: for people."""

    error: str
    reason: str
    message: str


EXECUTION: Final = TaskExecutionError.__name__
TERMINAL: Final = TaskTerminalError.__name__
INPUT: Final = TaskInputError.__name__
FENCE: Final = PublishFenceError.__name__
STALE: Final = StaleAttemptError.__name__
PROTOCOL: Final = "OutOfOrder"

TABLE: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (TaskInputError, INPUT, INPUT),
    (PublishFenceError, FENCE, FENCE),
    (StaleAttemptError, STALE, STALE),
    (AttemptGone, STALE, STALE),
    (VolumeFull, EXECUTION, "VolumeFull"),
    (CorruptObject, EXECUTION, "CorruptObject"),
    (UnreadableFile, INPUT, "UnreadableFile"),
    (OutputTooLarge, EXECUTION, "OutputTooLarge"),
    (ProtocolMismatch, EXECUTION, "ProtocolMismatch"),
    (PublishedWithoutOutput, EXECUTION, "PublishedWithoutOutput"),
    (MissingKeys, TERMINAL, "InvalidTask"),
    (lakefs_errors.Unauthorized, EXECUTION, "LakeFSUnauthorized"),
    (lakefs_errors.Forbidden, EXECUTION, "LakeFSForbidden"),
    (lakefs_errors.RepositoryNotFound, INPUT, "RepositoryNotFound"),
    (lakefs_errors.RefNotFound, INPUT, "RefNotFound"),
    (lakefs_errors.Conflict, FENCE, FENCE),
    (lakefs_errors.HookRefused, FENCE, FENCE),
    (lakefs_errors.UncommittedChanges, FENCE, "UncommittedChanges"),
    (lakefs_errors.LakeFSError, EXECUTION, "LakeFSRefused"),
    (ConductorRefused, EXECUTION, "ConductorRefused"),
    (ClusterRefused, EXECUTION, "ClusterRefused"),
)

UNREACHABLE: Final = (("lakeFS", "LakeFSUnreachable"), ("Conductor", "ConductorUnreachable"))
"""The server that a NoAnswer's text begins with, and the reason."""


def failure_of(error: Exception) -> Failure:
    """The first row that holds; NoAnswer by the server it names; anything else is an internal error of the agent."""
    text = describe(error)
    if isinstance(error, NoAnswer):
        reason = next((word for who, word in UNREACHABLE if text.startswith(who)), "ClusterUnreachable")
        return Failure(EXECUTION, reason, text)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure(EXECUTION, "VolumeFull", text)
    for kind, name, reason in TABLE:
        if isinstance(error, kind):
            return Failure(name, reason, text)
    return Failure(EXECUTION, "AgentError", f"the agent failed: {type(error).__name__}: {text}")
