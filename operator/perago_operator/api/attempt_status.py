"""The status of a `PeragoAttempt`: what happened so far. Operator and agent each write their own fields of it."""

from typing import Annotated, Literal

from pydantic import Field

from perago.wire import FenceKind, StagingState, Step
from perago_operator.api.base import ApiModel, Time
from perago_operator.api.outcome_status import Lines, OutcomeStatus, ReadableOutcome
from perago_operator.api.shared import Conditions
from perago_operator.api.turn_status import TurnStatus

Phase = Literal["Pending", "Starting", "Running", "Finishing", "Succeeded", "Failed", "Canceled"]
ReportingState = Literal["Pending", "Accepted", "Superseded", "NotRequired"]
Seconds = Annotated[float, Field(ge=0)]
LONGEST_ERROR = 4096
"""Characters of what went wrong with a report."""
Ref = Annotated[str, Field(max_length=1024)]
"""A name or an id in lakeFS."""
ObjectName = Annotated[str, Field(max_length=253)]


class LogStatus(ApiModel):
    """The end of the task's log."""

    lines: Lines | None = None
    """The last lines of the task container's log."""

    error: Annotated[str, Field(max_length=1024)] | None = None
    """Why the log could not be read. The lines are then those that the kubelet kept, if it kept any."""


class ChangedStatus(ApiModel):
    """What a publication changed."""

    added: int | None = None
    """Number of files added."""

    modified: int | None = None
    """Number of files whose content changed."""

    deleted: int | None = None
    """Number of files removed."""

    bytes: int | None = None
    """Number of bytes uploaded."""


class ReplacedStatus(ApiModel):
    """A commit that was taken off the branch to make room for the attempt's own."""

    ref: Ref
    """The commit, which can still be read by its id."""

    by: Annotated[str, Field(max_length=1024)]
    """Who made it: an attempt, or a user of lakeFS."""


class WorkspaceStatus(ApiModel):
    """The workspace that the attempt worked on."""

    repository: Ref | None = None
    """lakeFS repository."""

    branch: Ref | None = None
    """Branch that the attempt publishes to."""

    input_ref: Ref | None = None
    """Commit that the attempt started from."""

    published_ref: Ref | None = None
    """Commit that the attempt ended with: its publication, or the input commit when nothing changed."""

    fence: FenceKind | None = None
    """What guards the publication against others that land at the same moment: `Hard` is lakeFS itself, by the hook of
    `perago lakefs install-fence`; `Soft` is Perago's look at the branch right before it publishes."""

    changed: ChangedStatus | None = None
    """What the publication changed."""

    replaced: ReplacedStatus | None = None
    """What was taken off the branch to make room for the publication."""


class StagingStatus(ApiModel):
    """The short-lived branch that holds the attempt's changes until they are published."""

    repository: Ref
    """lakeFS repository."""

    branch: Annotated[str, Field(max_length=8 * 1024)]
    """Name of the staging branch."""

    commit: Ref | None = None
    """Commit with the changes, once there is one."""

    state: StagingState
    """`Planned` is written before the branch exists, so that no branch can be left behind unnoticed."""


class ReportingStatus(ApiModel):
    """Whether Conductor has the result."""

    state: ReportingState
    """`Accepted` and `Superseded` are read back from Conductor. A standalone attempt is `NotRequired`."""

    attempts: int | None = None
    """How often the result was sent."""

    last_error: Annotated[str, Field(max_length=LONGEST_ERROR)] | None = None
    """What went wrong the last time."""

    accepted_time: Time | None = None
    """When Conductor was first seen to have the result."""


class Timings(ApiModel):
    """How many seconds each part of the attempt took."""

    queued: Seconds | None = None
    """From the creation of the attempt to the creation of its first pod."""

    starting: Seconds | None = None
    """From the creation of the pod until its containers run."""

    downloading: Seconds | None = None
    """Downloading the workspace."""

    executing: Seconds | None = None
    """Running the task body."""

    staging: Seconds | None = None
    """Uploading and committing the changes."""

    publishing: Seconds | None = None
    """Waiting for the turn, checking the fences, and merging."""

    waiting_for_turn: Seconds | None = None
    """Waiting for the turn to publish, as part of `publishing`."""

    reporting: Seconds | None = None
    """From the outcome to its acceptance by Conductor."""


class WaitingStatus(ApiModel):
    """A server that does not answer the agent."""

    server: Annotated[str, Field(max_length=64)]
    """lakeFS or Conductor."""

    since: Time
    """When it was last heard of."""

    until: Time
    """When the agent gives up, unless the server is heard of before."""

    error: Annotated[str, Field(max_length=1024)]
    """What was seen the last time."""


class TransferStatus(ApiModel):
    """How far a download or an upload is. It is told every few seconds, of transfers that take longer than that."""

    objects: int
    """Number of objects that are complete."""

    bytes: int
    """Number of bytes that were moved."""

    bytes_per_second: int
    """How fast it was since it was told before."""

    objects_left: int | None = None
    """Number of objects that are left, once it is known."""

    bytes_left: int | None = None
    """Number of bytes that are left, once it is known."""

    summary: Annotated[str, Field(max_length=256)]
    """The same in one line."""


class DisruptionStatus(ApiModel):
    """An execution that was lost through no fault of the task, and the pause before another one replaces it: its pod is
    gone, or its agent gave up on a server or a node."""

    execution: Annotated[int, Field(ge=1)]
    """Number of the execution that was lost."""

    message: Annotated[str, Field(max_length=1024)]
    """Why, in words for people."""

    since: Time
    """When the loss was recorded."""

    until: Time
    """When the next pod is created at the earliest. The pause doubles with every execution."""


class AttemptStatus(ApiModel):
    """What happened so far. The agent in the pod writes `step`, `waiting`, `transfer`, `staging`, `workspace`,
    `outcome`, some timings, and `requested` and `returned` of `turn`."""

    phase: Phase | None = None
    """Where the attempt is. In `Succeeded`, `Failed` and `Canceled` nothing is left to do."""

    step: Step | None = None
    """What the pod is doing while the phase is `Running`."""

    waiting: WaitingStatus | None = None
    """What the agent waits for, while it lasts: an outage of lakeFS or Conductor."""

    transfer: TransferStatus | None = None
    """How far the download or the upload is, while it lasts."""

    pod_name: ObjectName | None = None
    """Name of the current pod: the attempt's name and the number of the execution."""

    node_name: ObjectName | None = None
    """Node that the pod runs on."""

    executions: int | None = None
    """How many pods the attempt has had; more than one after a disruption."""

    disruption: DisruptionStatus | None = None
    """The last execution that was lost through no fault of the task, and was replaced."""

    outcome: ReadableOutcome | None = None
    """How the attempt ended."""

    log: LogStatus | None = None
    """The end of the task's log, of an attempt that failed."""

    workspace: WorkspaceStatus | None = None
    """The workspace that the attempt worked on."""

    staging: StagingStatus | None = None
    """The staging branch."""

    turn: TurnStatus | None = None
    """The turn to publish."""

    reporting: ReportingStatus | None = None
    """Whether Conductor has the result."""

    timings: Timings | None = None
    """How many seconds each part took."""

    conditions: Conditions = ()
    """Conditions of types PodReady, Published, StagingDeleted, Reported and Complete."""

    @property
    def outcome_that_counts(self) -> OutcomeStatus | None:
        """The outcome, unless its execution had been given up: its agent has lived on at a lost node, for example."""
        by = self.outcome.execution if self.outcome else None
        return None if by is not None and by < (self.executions or 0) else self.outcome

    @property
    def recoverable(self) -> OutcomeStatus | None:
        """The outcome of an agent that gave up on the infrastructure, until the operator has decided that it counts."""
        outcome = self.outcome_that_counts
        return outcome if outcome and outcome.is_recoverable and self.reporting is None else None
