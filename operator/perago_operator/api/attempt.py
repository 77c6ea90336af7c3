"""`PeragoAttempt`: one attempt of one task, run as one isolated pod. The source of its CRD."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from perago.wire import API_GROUP, API_VERSION, ConductorTask, Outcome, ResultStatus, StagingState, Step
from perago_operator.api.base import RULES_KEY, ApiModel, FreeForm, Time, immutable, rule
from perago_operator.api.shared import (
    ApiObject,
    Conditions,
    FailurePolicyRule,
    LocalRef,
    Resources,
    Volume,
)

Phase = Literal["Pending", "Starting", "Running", "Finishing", "Succeeded", "Failed", "Canceled"]
ReportingState = Literal["Pending", "Accepted", "Superseded", "NotRequired"]
Text = Annotated[str, Field(min_length=1, max_length=1024)]
Seconds = Annotated[float, Field(ge=0)]

NAME_LIMIT = 58
"""Longest name of an attempt: a pod's name is this, a dash and an execution number, in 63 characters."""


class TaskCode(ApiModel):
    """What runs: a Python module and the image that holds it."""

    module: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """Import path of the task module, for example `app.workers.features_build`."""

    image: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Image of the task container; Perago's runner is installed in it."""


class ConductorRef(ApiModel):
    """The Conductor task that this attempt executes: leases, the result and the fences are about it."""

    task_type: Text
    """Task type (the name of the task definition)."""

    workflow_instance_id: Text
    """Workflow that the task belongs to."""

    task_id: Text
    """The task's own id; a retry has another."""

    reference_task_name: Text
    """The task's name within the workflow; retries share it."""

    seq: int
    """Conductor's sequence number of the task within its workflow."""

    iteration: int = 0
    """Which round of a loop; 0 outside of loops."""

    retry_count: int = 0
    """How many attempts came before this one."""

    worker_id: Annotated[str, Field(max_length=1024)] | None = None
    """Who polled the task."""

    domain: Annotated[str, Field(max_length=1024)] | None = None
    """Task domain that it was polled from."""

    response_timeout_seconds: Annotated[int, Field(ge=0)] = 600
    """Conductor takes the task away when it hears nothing for so long; the lease is extended every third of it."""

    def wire(self) -> ConductorTask:
        """The same identity as it crosses to the agent and to Conductor."""
        return ConductorTask.model_validate(self.model_dump())


class AttemptSpec(ApiModel):
    """What to run, on which input, and within which limits. Fixed once created, except `cancel` and the TTL."""

    task_ref: LocalRef | None = None
    """A PeragoTask of this namespace; it supplies what is left out here."""

    task: TaskCode | None = None
    """Module and image. Each may come from here or from the PeragoTask."""

    input: FreeForm | None = None
    """The task's input exactly as in Conductor: `{"workspace": …, "params": …}` or `{"params": …}`."""

    input_from: Literal["Conductor"] | None = None
    """Instead of `input`: the agent reads the input from the Conductor task (inputs over 256 KiB)."""

    conductor: ConductorRef | None = None
    """Conductor task to report to. Left out: a standalone attempt, which reports to nobody."""

    volume: Volume | None = None
    """Size and kind of the workspace's volume."""

    resources: Resources | None = None
    """Compute resources of the task container."""

    active_deadline_seconds: Annotated[int, Field(ge=1)] | None = None
    """Seconds from the first pod's creation after which the attempt fails (`DeadlineExceeded`)."""

    ttl_seconds_after_finished: Annotated[int, Field(ge=0)] | None = None
    """Seconds after which a finished attempt is deleted. Left out: the PeragoTask's, else the operator's setting."""

    disruption_retries: Annotated[int, Field(ge=0, le=1000)] | None = None
    """How many new pods replace one that was lost, evicted or preempted. Default 3."""

    failure_policy: Annotated[tuple[FailurePolicyRule, ...], Field(max_length=32)] | None = None
    """Which result is reported for which failure found in the pod; the first rule that matches counts."""

    pod_template: FreeForm | None = None
    """Merged (strategic merge) into the pod: node selector, tolerations, labels, environment of the task container."""

    cancel: bool | None = None
    """True stops the attempt; Conductor is told that it failed."""


class OutcomeStatus(ApiModel):
    """How the attempt ended. Written once, then fixed."""

    status: ResultStatus
    """The result as Conductor receives it."""

    reason: Annotated[str, Field(max_length=256)]
    """Why, in one CamelCase word."""

    message: str | None = None
    """Why, for people."""

    output: FreeForm | None = None
    """The task's output."""

    output_gzip: str | None = None
    """The output as base64 of gzipped JSON, when it is over 64 KiB."""

    def wire(self) -> Outcome:
        """The same outcome as it is reported to Conductor."""
        return Outcome.model_validate(self.model_dump())


class ChangedStatus(ApiModel):
    """What a publication changed."""

    added: int | None = None
    """Files added."""

    modified: int | None = None
    """Files with other content."""

    deleted: int | None = None
    """Files removed."""

    bytes: int | None = None
    """Bytes uploaded."""


class WorkspaceStatus(ApiModel):
    """The workspace that the attempt worked on."""

    repository: str | None = None
    """lakeFS repository."""

    branch: str | None = None
    """Branch that a publication advances."""

    input_ref: str | None = None
    """Commit that the attempt started from."""

    published_ref: str | None = None
    """Commit that the attempt ended with: its publication, or the input commit when nothing changed."""

    changed: ChangedStatus | None = None
    """What the publication changed."""


class StagingStatus(ApiModel):
    """The short-lived branch that holds the attempt's changes until they are published."""

    repository: str
    """lakeFS repository."""

    branch: str
    """Name of the staging branch."""

    commit: str | None = None
    """Commit with the changes, once made."""

    state: StagingState
    """`Planned` is written before the branch exists, so that none can be left unknown."""


class ReportingStatus(ApiModel):
    """Whether Conductor has the result."""

    state: ReportingState
    """`Accepted` and `Superseded` are read back from Conductor; a standalone attempt is `NotRequired`."""

    attempts: int | None = None
    """How often the result was sent."""

    last_error: Annotated[str, Field(max_length=4096)] | None = None
    """What went wrong the last time."""

    accepted_time: Time | None = None
    """When Conductor was seen to have the result."""


class Timings(ApiModel):
    """Seconds that each part of the attempt took."""

    queued: Seconds | None = None
    """From the attempt's creation to its first pod's."""

    starting: Seconds | None = None
    """From the pod's creation until its containers run."""

    downloading: Seconds | None = None
    """Downloading the workspace."""

    executing: Seconds | None = None
    """The task body."""

    staging: Seconds | None = None
    """Uploading and committing the changes."""

    publishing: Seconds | None = None
    """Fencing and merging."""

    reporting: Seconds | None = None
    """From the outcome to its acceptance by Conductor."""


class AttemptStatus(ApiModel):
    """What happened so far. `step`, `staging`, `workspace` and `outcome` come from the pod's agent."""

    phase: Phase | None = None
    """Where the attempt is; `Succeeded`, `Failed` and `Canceled` mean that nothing is left to do."""

    step: Step | None = None
    """What the pod is doing while `Running`."""

    pod_name: str | None = None
    """The current pod, named after the attempt and the execution."""

    node_name: str | None = None
    """Node that the pod runs on."""

    executions: int | None = None
    """How many pods this attempt has had; more than one after a disruption."""

    outcome: OutcomeStatus | None = None
    """How the attempt ended."""

    workspace: WorkspaceStatus | None = None
    """The workspace's refs."""

    staging: StagingStatus | None = None
    """The staging branch."""

    reporting: ReportingStatus | None = None
    """Whether Conductor has the result."""

    timings: Timings | None = None
    """Seconds that each part took."""

    conditions: Conditions = ()
    """PodReady, Published, StagingDeleted, Reported, Complete."""


MUTABLE = frozenset({"cancel", "ttl_seconds_after_finished"})
_IMMUTABLE_FIELDS = [info.alias or name for name, info in AttemptSpec.model_fields.items() if name not in MUTABLE]

SPEC_RULES: list[JsonValue] = [
    rule(
        "has(self.input) != has(self.inputFrom)",
        "exactly one of spec.input and spec.inputFrom must be set",
    ),
    rule(
        "!has(self.inputFrom) || has(self.conductor)",
        "spec.inputFrom Conductor needs spec.conductor",
    ),
    rule(
        "has(self.taskRef) || (has(self.task) && has(self.task.module) && has(self.task.image))",
        "spec.taskRef must be set, or both spec.task.module and spec.task.image",
    ),
    *(immutable(field) for field in _IMMUTABLE_FIELDS),
]

OBJECT_RULES: list[JsonValue] = [
    rule(
        f"self.metadata.name.size() <= {NAME_LIMIT} && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        f"metadata.name must be at most {NAME_LIMIT} lower-case letters, digits and dashes: pods are named after it",
    ),
    rule(
        "!has(oldSelf.status) || !has(oldSelf.status.outcome) || (has(self.status) && has(self.status.outcome)"
        " && self.status.outcome == oldSelf.status.outcome)",
        "status.outcome is written once and cannot be changed or removed",
    ),
]


class PeragoAttempt(ApiObject):
    """One attempt of one task: an isolated pod that works on a versioned workspace and reports how it ended."""

    api_version: str = f"{API_GROUP}/{API_VERSION}"
    kind: str = "PeragoAttempt"
    spec: Annotated[AttemptSpec, Field(json_schema_extra={RULES_KEY: SPEC_RULES})]
    status: AttemptStatus = AttemptStatus()
