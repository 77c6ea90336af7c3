"""Whose fault a failure is, by its reason: what `failureClass` says in an outcome."""

from collections.abc import Mapping
from typing import Literal

from perago.wire.explained import Explained
from perago.wire.reasons import WORDS, Reason

FailureClass = Literal["User", "Configuration", "Infrastructure"]


class Fault(Explained):
    """Who has to do something about a failure, and the sentence that says what is to be corrected."""

    USER = ("User", "The task's code, its input or its use of resources.")
    CONFIGURATION = ("Configuration", "What is declared: a PeragoTask, its image or pod template, a Secret, a policy.")
    INFRASTRUCTURE = ("Infrastructure", "A node, the network, or a server that the attempt needs.")

    @property
    def failure_class(self) -> FailureClass:
        """The word as it stands in an outcome."""
        return _CLASSES[self]


_CLASSES: Mapping[Fault, FailureClass] = {
    Fault.USER: "User",
    Fault.CONFIGURATION: "Configuration",
    Fault.INFRASTRUCTURE: "Infrastructure",
}


_REASONS: Mapping[Fault, tuple[Reason, ...]] = {
    Fault.USER: (
        Reason.OOM_KILLED,
        Reason.TASK_EXITED,
        Reason.DEADLINE_EXCEEDED,
        Reason.VOLUME_FULL,
        Reason.TASK_INPUT_ERROR,
        Reason.VALIDATION_ERROR,
        Reason.TASK_EXECUTION_ERROR,
        Reason.TASK_TERMINAL_ERROR,
        Reason.PUBLISH_FENCE,
        Reason.UNCOMMITTED_CHANGES,
        Reason.REPOSITORY_NOT_FOUND,
        Reason.REF_NOT_FOUND,
        Reason.UNREADABLE_FILE,
        Reason.OUTPUT_TOO_LARGE,
    ),
    Fault.CONFIGURATION: (
        Reason.INVALID_TASK,
        Reason.INVALID_SPEC,
        Reason.UNSCHEDULABLE,
        Reason.INIT_CONTAINER_FAILED,
        Reason.AGENT_UNAVAILABLE,
        Reason.POD_REFUSED,
        Reason.TASK_NOT_FOUND,
        Reason.TASK_INCOMPLETE,
        Reason.PROTOCOL_MISMATCH,
        Reason.LAKEFS_UNAUTHORIZED,
        Reason.LAKEFS_FORBIDDEN,
    ),
    Fault.INFRASTRUCTURE: (
        Reason.DISRUPTED,
        Reason.IMAGE_PULL,
        Reason.NOT_STARTED,
        Reason.EARLIER_ATTEMPT,
        Reason.STALE_ATTEMPT,
        Reason.CORRUPT_OBJECT,
        Reason.OUTCOME_REFUSED,
        Reason.PUBLISHED_WITHOUT_OUTPUT,
        Reason.LAKEFS_REFUSED,
        Reason.LAKEFS_UNREACHABLE,
        Reason.NO_TURN,
        Reason.CONDUCTOR_REFUSED,
        Reason.CONDUCTOR_UNREACHABLE,
        Reason.CLUSTER_REFUSED,
        Reason.CLUSTER_UNREACHABLE,
        Reason.AGENT_ERROR,
    ),
}

FAULTS: Mapping[Reason, Fault] = {reason: fault for fault, reasons in _REASONS.items() for reason in reasons}
"""Whose fault a failure is, by the reason of its outcome; attempts that were stopped are nobody's."""


def fault_of(reason: str) -> Fault | None:
    """Whose fault a failure with this reason is; a reason that is no published word is the class of an exception."""
    return FAULTS.get(WORDS[reason]) if reason in WORDS else Fault.USER


def remedy_of(reason: str) -> str | None:
    """What to do about a failure with this reason, if there is something to say."""
    return (WORDS[reason].remedy or None) if reason in WORDS else None
