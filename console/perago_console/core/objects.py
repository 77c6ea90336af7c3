"""Attempts as far as the commands read them.

The shapes are those of `crds/`. What a newer version adds is ignored, and words are plain text: an object that the API
server has is shown, whatever it says.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from perago.wire import ENDED_PHASES

POD_READY: Final = "PodReady"
PUBLISHED: Final = "Published"
STAGING_DELETED: Final = "StagingDeleted"
REPORTED: Final = "Reported"
COMPLETE: Final = "Complete"
ATTEMPT_LABEL: Final = "perago.dev/attempt"

Raw = Mapping[str, JsonValue]
"""An object as the API server has it."""


class Seen(BaseModel):
    """A part of an object; frozen, camelCase outside, open to what is not known here."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Owner(Seen):
    """Who owns an object."""

    kind: str = ""
    name: str = ""


class Metadata(Seen):
    """`metav1.ObjectMeta`."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: Mapping[str, str] = Field(default_factory=dict)
    owner_references: tuple[Owner, ...] = ()


class Whole(Seen):
    """A whole object."""

    metadata: Metadata

    @property
    def key(self) -> str:
        """Namespace and name."""
        return f"{self.metadata.namespace}/{self.metadata.name}"


class Condition(Seen):
    """`metav1.Condition`; a pod's condition has fewer fields."""

    type: str
    status: str = "Unknown"
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


class Named(Seen):
    """A reference by name."""

    name: str


class Code(Seen):
    """`spec.task` of an attempt."""

    module: str | None = None
    image: str | None = None


class ConductorRef(Seen):
    """`spec.conductor`: the Conductor task of an attempt."""

    task_type: str = ""
    workflow_instance_id: str = ""
    task_id: str = ""
    reference_task_name: str = ""
    iteration: int = 0
    retry_count: int = 0


class AttemptSpec(Seen):
    """What an attempt is to run."""

    task_ref: Named | None = None
    task: Code | None = None
    conductor: ConductorRef | None = None
    input: Mapping[str, object] | None = None
    input_from: str | None = None
    active_deadline_seconds: int | None = None
    cancel: bool = False


class Waiting(Seen):
    """`status.waiting`: a server that does not answer the agent."""

    server: str
    since: datetime
    until: datetime
    error: str = ""


class Transfer(Seen):
    """`status.transfer`: how far a download or an upload is."""

    summary: str = ""


class Disruption(Seen):
    """`status.disruption`: the last pod that was lost and replaced."""

    execution: int
    message: str = ""
    since: datetime
    until: datetime


class Outcome(Seen):
    """`status.outcome`."""

    status: str
    reason: str
    message: str = ""
    traceback: tuple[str, ...] = ()
    execution: int | None = None
    failure_class: str | None = None
    remedy: str | None = None
    failure_policy_rule: int | None = None


class Log(Seen):
    """`status.log`: the end of the task's log."""

    lines: tuple[str, ...] = ()
    error: str | None = None


class Changed(Seen):
    """`status.workspace.changed`."""

    added: int = 0
    modified: int = 0
    deleted: int = 0
    bytes: int = 0


class Workspace(Seen):
    """`status.workspace`."""

    repository: str = ""
    branch: str = ""
    input_ref: str = ""
    published_ref: str | None = None
    fence: str | None = None
    changed: Changed | None = None


class Staging(Seen):
    """`status.staging`."""

    repository: str = ""
    branch: str = ""
    state: str = ""


class Ticket(Seen):
    """A request for a turn, and what has become of it."""

    execution: int = 0
    number: int = 0
    time: datetime | None = None
    seconds: float | None = None
    behind: str | None = None

    @property
    def id(self) -> tuple[int, int]:
        """Which request: a later one is greater."""
        return (self.execution, self.number)


class Turn(Seen):
    """`status.turn`."""

    requested: Ticket | None = None
    waiting: Ticket | None = None
    granted: Ticket | None = None
    returned: Ticket | None = None
    revoked: Ticket | None = None


class Reporting(Seen):
    """`status.reporting`."""

    state: str = ""
    attempts: int | None = None
    last_error: str | None = None
    accepted_time: datetime | None = None


class Timings(Seen):
    """`status.timings`, in seconds, in the order of an attempt's life."""

    queued: float | None = None
    starting: float | None = None
    downloading: float | None = None
    executing: float | None = None
    staging: float | None = None
    publishing: float | None = None
    waiting_for_turn: float | None = None
    reporting: float | None = None


class AttemptStatus(Seen):
    """What has happened to an attempt so far."""

    phase: str | None = None
    step: str | None = None
    waiting: Waiting | None = None
    transfer: Transfer | None = None
    pod_name: str | None = None
    node_name: str | None = None
    executions: int | None = None
    disruption: Disruption | None = None
    outcome: Outcome | None = None
    log: Log | None = None
    workspace: Workspace | None = None
    staging: Staging | None = None
    turn: Turn | None = None
    reporting: Reporting | None = None
    timings: Timings = Timings()
    conditions: tuple[Condition, ...] = ()


class Attempt(Whole):
    """A `PeragoAttempt`."""

    spec: AttemptSpec = AttemptSpec()
    status: AttemptStatus = AttemptStatus()

    @property
    def task(self) -> str:
        """The PeragoTask, or the module of an attempt that names none."""
        if self.spec.task_ref:
            return self.spec.task_ref.name
        return (self.spec.task and self.spec.task.module) or ""

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.status.phase in ENDED_PHASES

    @property
    def created(self) -> datetime | None:
        """When the object was created."""
        return self.metadata.creation_timestamp

    def condition(self, kind: str) -> Condition | None:
        """The condition of this type, if it is there."""
        return condition(self.status.conditions, kind)


def condition(conditions: tuple[Condition, ...], kind: str) -> Condition | None:
    """The condition of this type, if it is there."""
    return next((condition for condition in conditions if condition.type == kind), None)
