"""What happens to an attempt that goes on waiting, by the reason that its condition PodReady shows. Pure.

For how long the operator waits is a setting of it, which nobody can read from an object: what stands here are the
defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from perago.wire import Reason

HOUR: Final = 3600.0


@dataclass(frozen=True)
class Patience:
    """What comes of waiting: at once when what is waited for is there, and when patience is over."""

    then: str
    seconds: float | None = None
    """None where nothing ends the waiting."""
    setting: str = ""
    """The operator's setting that `seconds` is the default of."""
    conductor_only: bool = False
    """Whether an attempt without a Conductor task waits indefinitely."""


_STARTS: Final = "its pod is created as soon as there is room, and nothing ends the waiting"
_FAILS: Final = "the attempt fails"
_WAITS: Final = Patience(_FAILS, HOUR, "wait_patience_seconds", conductor_only=True)

PATIENCES: Final[Mapping[Reason, Patience]] = {
    Reason.TASK_NOT_FOUND: _WAITS,
    Reason.TASK_INCOMPLETE: _WAITS,
    Reason.INVALID_SPEC: _WAITS,
    Reason.EARLIER_ATTEMPT: _WAITS,
    Reason.MAX_CONCURRENCY: Patience(_STARTS),
    Reason.NAMESPACE_LIMIT: Patience(_STARTS),
    Reason.NODE_LIMIT: Patience(_STARTS),
    Reason.QUOTA_EXCEEDED: _WAITS,
    Reason.POD_NAME_TAKEN: _WAITS,
    Reason.POD_REFUSED: Patience(_FAILS, 300.0, "refused_patience_seconds"),
    Reason.FINALIZER_REFUSED: Patience("Perago tries again, with growing pauses of up to a minute"),
    Reason.API_UNREACHABLE: Patience("Perago tries again, with growing pauses of up to a minute"),
    Reason.UNSCHEDULABLE: Patience(
        "the attempt fails if no node takes its pod within five minutes; within an hour while other attempts run that "
        "may make room, and within a day while its scheduling is gated"
    ),
    Reason.IMAGE_PULL: Patience(_FAILS, 60.0, "retried_patience_seconds"),
    Reason.CONTAINER_CONFIG: Patience(_FAILS, 60.0, "retried_patience_seconds"),
    Reason.NOT_STARTED: Patience("another pod replaces it, or the attempt fails", 900.0, "start_patience_seconds"),
    Reason.POD_STARTING: Patience("another pod replaces it, or the attempt fails", 900.0, "start_patience_seconds"),
    Reason.NODE_SILENT: Patience("another pod replaces it", 60.0, "silent_node_patience_seconds"),
    Reason.WAITING_FOR_EVIDENCE: Patience(
        "when lakeFS has answered, the attempt ends as published, is run again, or fails; nothing ends the waiting"
    ),
    Reason.STOPPING: Patience("the attempt ends when its pod is gone, which its grace period bounds"),
    Reason.STAGING_PENDING: Patience("the next pod is created when the branch is deleted; Perago keeps trying"),
}
