"""What each failure of a call means to the task and to the attempt's outcome: one table. PURE.

The task raises the class `error` on its side, so that the attempt core maps it as the contract says; the recorded
outcome carries `reason`, which says more precisely what went wrong.
"""

import errno
from dataclasses import dataclass
from typing import Final

from perago.agent import lakefs_errors as lakefs
from perago.agent.attempt import AttemptGone, ClusterRefused
from perago.agent.conductor import ConductorRefused
from perago.agent.http import NoAnswer, describe
from perago.agent.mounts import MissingKeys
from perago.agent.outcome import OutputTooLarge
from perago.agent.volume import CorruptObject, UnreadableFile, VolumeFull
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
    (lakefs.Unauthorized, EXECUTION, "LakeFSUnauthorized"),
    (lakefs.Forbidden, EXECUTION, "LakeFSForbidden"),
    (lakefs.RepositoryNotFound, INPUT, "RepositoryNotFound"),
    (lakefs.RefNotFound, INPUT, "RefNotFound"),
    (lakefs.Conflict, FENCE, FENCE),
    (lakefs.HookRefused, FENCE, FENCE),
    (lakefs.UncommittedChanges, FENCE, "UncommittedChanges"),
    (lakefs.LakeFSError, EXECUTION, "LakeFSRefused"),
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
