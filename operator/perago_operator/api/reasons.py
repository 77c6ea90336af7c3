"""The published words: condition types, and every reason by the places where it may stand. Programs may rely on them.

The reasons themselves, each with its sentence and its remedy, are those of `perago.wire.reasons`, which the agent uses
as well. `docs/reference/reasons.md` is generated from both.
"""

from collections.abc import Mapping

from perago.wire.explained import Explained
from perago.wire.faults import FAULTS as FAULTS
from perago.wire.faults import Fault as Fault
from perago.wire.reasons import Reason as Reason


class ConditionType(Explained):
    """A condition's type, and the sentence that says when the condition is true."""

    # of an attempt
    POD_READY = (
        "PodReady",
        "The attempt's pod is running. When false, the reason says what it waits for or what is wrong with it.",
    )
    PUBLISHED = ("Published", "The target branch of the workspace carries this attempt's changes.")
    STAGING_DELETED = ("StagingDeleted", "No staging branch of this attempt is left in lakeFS.")
    REPORTED = ("Reported", "Conductor has the result, or waits for none from this attempt.")
    COMPLETE = (
        "Complete",
        "Nothing is left to do: the result is reported, and the pod and the staging branch are gone.",
    )
    # of a PeragoTask
    POLLING = ("Polling", "Tasks of this type are being taken from Conductor.")
    READY = (
        "Ready",
        "The task can be run: its module and its image are set, and its latest attempts had no trouble with what is "
        "declared. When false, the message names an attempt, and what kept it from running.",
    )


ATTEMPT_CONDITIONS: Mapping[ConditionType, tuple[Reason, ...]] = {
    ConditionType.POD_READY: (
        Reason.POD_RUNNING,
        Reason.POD_STARTING,
        Reason.POD_ENDED,
        Reason.TASK_NOT_FOUND,
        Reason.TASK_INCOMPLETE,
        Reason.INVALID_SPEC,
        Reason.EARLIER_ATTEMPT,
        Reason.MAX_CONCURRENCY,
        Reason.NAMESPACE_LIMIT,
        Reason.NODE_LIMIT,
        Reason.QUOTA_EXCEEDED,
        Reason.POD_REFUSED,
        Reason.POD_NAME_TAKEN,
        Reason.FINALIZER_REFUSED,
        Reason.API_UNREACHABLE,
        Reason.IMAGE_PULL,
        Reason.CONTAINER_CONFIG,
        Reason.UNSCHEDULABLE,
        Reason.NOT_STARTED,
        Reason.NODE_SILENT,
        Reason.DISRUPTED,
        Reason.STAGING_PENDING,
        Reason.WAITING_FOR_EVIDENCE,
        Reason.STOPPING,
    ),
    ConditionType.PUBLISHED: (Reason.PUBLISHED, Reason.NO_CHANGE, Reason.NOT_PUBLISHED),
    ConditionType.STAGING_DELETED: (Reason.STAGING_GONE, Reason.NO_STAGING, Reason.STAGING_PENDING),
    ConditionType.REPORTED: (Reason.ACCEPTED, Reason.NOT_REQUIRED, Reason.SUPERSEDED, Reason.REPORT_PENDING),
    ConditionType.COMPLETE: (Reason.FINISHED,),
}
"""Reasons of an attempt's conditions."""

TASK_CONDITIONS: Mapping[ConditionType, tuple[Reason, ...]] = {
    ConditionType.POLLING: (
        Reason.POLLING,
        Reason.STARTING,
        Reason.MAX_CONCURRENCY,
        Reason.NAMESPACE_LIMIT,
        Reason.NODE_LIMIT,
        Reason.NO_TASK_TYPE,
        Reason.PAUSED,
        Reason.TASK_TYPE_SERVED,
        Reason.POLL_FAILED,
        Reason.ATTEMPTS_NOT_CREATED,
        Reason.NAMESPACE_REFUSED,
        Reason.TASK_NOT_READY,
    ),
    ConditionType.READY: (
        Reason.TASK_COMPLETE,
        Reason.TASK_INCOMPLETE,
        Reason.INVALID_SPEC,
        Reason.INVALID_TASK,
        Reason.IMAGE_PULL,
        Reason.CONTAINER_CONFIG,
        Reason.INIT_CONTAINER_FAILED,
        Reason.AGENT_UNAVAILABLE,
        Reason.POD_REFUSED,
        Reason.PROTOCOL_MISMATCH,
        Reason.LAKEFS_UNAUTHORIZED,
        Reason.CLUSTER_REFUSED,
    ),
}
"""Reasons of a PeragoTask's conditions."""

POD_FAILURES = (
    Reason.OOM_KILLED,
    Reason.TASK_EXITED,
    Reason.DISRUPTED,
    Reason.DEADLINE_EXCEEDED,
    Reason.VOLUME_FULL,
    Reason.INVALID_TASK,
    Reason.UNSCHEDULABLE,
    Reason.IMAGE_PULL,
    Reason.NOT_STARTED,
    Reason.INIT_CONTAINER_FAILED,
    Reason.AGENT_UNAVAILABLE,
    Reason.POD_REFUSED,
)
"""Reasons of outcomes that the operator writes for failures that it found, most of them in the pod."""

WAITS = (Reason.TASK_NOT_FOUND, Reason.TASK_INCOMPLETE, Reason.INVALID_SPEC, Reason.EARLIER_ATTEMPT)
"""Reasons of outcomes that the operator writes for attempts that waited too long while Conductor waited for them."""

STOPS = (Reason.CANCELED, Reason.ATTEMPT_DELETED, Reason.SUPERSEDED)
"""Reasons of outcomes that the operator writes for attempts that did not fail but were stopped."""

AGENT_OUTCOMES = (
    Reason.COMPLETED,
    Reason.TASK_INPUT_ERROR,
    Reason.VALIDATION_ERROR,
    Reason.TASK_EXECUTION_ERROR,
    Reason.TASK_TERMINAL_ERROR,
    Reason.INVALID_TASK,
    Reason.VOLUME_FULL,
    Reason.CANCELED,
    Reason.STALE_ATTEMPT,
    Reason.PUBLISH_FENCE,
    Reason.UNCOMMITTED_CHANGES,
    Reason.REPOSITORY_NOT_FOUND,
    Reason.REF_NOT_FOUND,
    Reason.CORRUPT_OBJECT,
    Reason.UNREADABLE_FILE,
    Reason.OUTPUT_TOO_LARGE,
    Reason.OUTCOME_REFUSED,
    Reason.PROTOCOL_MISMATCH,
    Reason.PUBLISHED_WITHOUT_OUTPUT,
    Reason.LAKEFS_UNAUTHORIZED,
    Reason.LAKEFS_FORBIDDEN,
    Reason.LAKEFS_REFUSED,
    Reason.LAKEFS_UNREACHABLE,
    Reason.NO_TURN,
    Reason.CONDUCTOR_REFUSED,
    Reason.CONDUCTOR_UNREACHABLE,
    Reason.CLUSTER_REFUSED,
    Reason.CLUSTER_UNREACHABLE,
    Reason.AGENT_ERROR,
)
"""Reasons of outcomes that the agent writes, besides the class names of exceptions that a task body raised."""


RECOVERABLE = frozenset(reason for reason in AGENT_OUTCOMES if FAULTS.get(reason) is Fault.INFRASTRUCTURE) - {
    Reason.STALE_ATTEMPT,  # nobody waits for the attempt any more
    Reason.PUBLISHED_WITHOUT_OUTPUT,  # the work is published
    Reason.OUTCOME_REFUSED,  # the next outcome would be refused as well
    Reason.CLUSTER_REFUSED,  # shows that attempts of the PeragoTask cannot run (`TASK_CONDITIONS`)
}
"""Reasons of outcomes by which an agent gives up, and after which another execution may fare better."""


POLICY_REASONS = tuple(
    dict.fromkeys(
        reason
        for reason in (*POD_FAILURES, *WAITS, Reason.CANCELED, Reason.ATTEMPT_DELETED, *AGENT_OUTCOMES)
        if reason is not Reason.COMPLETED
    )
)
"""Reasons that `failurePolicy.onReason` may name: of every outcome that is reported and is no success."""

EVENT_REASONS = (Reason.COMMIT_REPLACED,)
"""Reasons of events alone; every other event has the reason of the condition or outcome that it announces."""


def with_remedy(message: str, reason: Reason) -> str:
    """The message, followed by what to do about the reason."""
    return with_advice(message, reason.remedy) if reason.remedy else message


def with_advice(message: str, remedy: str) -> str:
    """The message, followed by this remedy."""
    advice = remedy.replace("`", "").removesuffix(".")
    return f"{message.rstrip('. ')}; {advice[0].lower()}{advice[1:]}"
