"""`PeragoAttempt`: one attempt of one task, run as one isolated pod. The source of its CRD."""

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, JsonValue, WithJsonSchema

from perago.wire import API_GROUP, API_VERSION, ConductorTask
from perago_operator.api.attempt_status import AttemptStatus
from perago_operator.api.base import RULES_KEY, ApiModel, FreeForm, Quantity, Shallow, immutable, rule
from perago_operator.api.podfields import Whose
from perago_operator.api.podschema import template_schema
from perago_operator.api.shared import (
    LONGEST_DEADLINE,
    ApiObject,
    FailurePolicy,
    Int32,
    LocalRef,
    Resources,
    Seconds,
    Volume,
)
from perago_operator.api.texts import ImageName, ModuleName

AttemptTemplate = Annotated[dict[str, JsonValue], Shallow, WithJsonSchema(template_schema(Whose.ATTEMPT))]

Text = Annotated[str, Field(min_length=1, max_length=1024)]

NAME_LIMIT = 58
"""Longest name of an attempt: a pod's name is this, a dash and an execution number, in 63 characters."""


class TaskCode(ApiModel):
    """What runs: a Python module and the image that holds it."""

    module: ModuleName | None = None
    """Import path of the task module, for example `app.workers.features_build`."""

    image: ImageName | None = None
    """Image of the task container. Perago's runner must be installed in it."""


class ConductorRef(ApiModel):
    """The Conductor task that this attempt executes, keeps alive with heartbeats, and reports its result to."""

    task_type: Text
    """Task type, which is the name of the task definition."""

    workflow_instance_id: Text
    """Id of the workflow that the task belongs to."""

    task_id: Text
    """Id of the task. A retry has an id of its own."""

    reference_task_name: Text
    """Name of the task within its workflow. Retries share it."""

    seq: Int32
    """Conductor's sequence number of the task within its workflow."""

    iteration: Int32 = 0
    """Number of the iteration in a loop; 0 outside of loops."""

    retry_count: Int32 = 0
    """How many attempts came before this one."""

    worker_id: Annotated[str, Field(max_length=1024)] | None = None
    """Id of the worker that polled the task."""

    domain: Annotated[str, Field(max_length=1024)] | None = None
    """Task domain that the task was polled from."""

    workflow_priority: Int32 | None = None
    """Priority of the workflow, if it has one. Conductor hands out tasks by it; Perago passes it on."""

    response_timeout_seconds: Seconds = 600
    """How long Conductor waits for a heartbeat before it times the task out. One is sent every third of this."""

    start_time: Annotated[int, Field(ge=0)] | None = None
    """Conductor's time, in milliseconds, at which the task was first polled. It tells a task from a rerun of it, which
    has the same id."""

    def wire(self) -> ConductorTask:
        """The same identity as it crosses to the agent and to Conductor."""
        return self._wire

    @cached_property
    def _wire(self) -> ConductorTask:
        return ConductorTask.model_validate(self.model_dump())


class AttemptSpec(ApiModel):
    """What to run, on which input, and within which limits. Immutable, except `cancel` and the time to live."""

    task_ref: LocalRef | None = None
    """PeragoTask in the same namespace that supplies what is not set here."""

    task: TaskCode | None = None
    """Module and image. Each of them may be set here or in the PeragoTask."""

    input: FreeForm | None = None
    """The task's input exactly as in Conductor: `{"workspace": …, "params": …}` or `{"params": …}`."""

    input_json: Annotated[str, Field(min_length=2, max_length=512 * 1024)] | None = None
    """The same input as JSON text, which is what the task receives. Set together with `input` when it has values that
    the API server changes in an object, such as 1.0 (to 1) and integers over 64 bits."""

    input_from: Literal["Conductor"] | None = None
    """Set instead of `input` when the input is larger than 256 KiB: the agent then reads it from the Conductor task."""

    conductor: ConductorRef | None = None
    """Conductor task to report to. Without it the attempt is standalone and reports to nobody."""

    volume: Volume | None = None
    """Size and kind of the workspace's volume."""

    shm_size: Quantity | None = None
    """Size of the task's /dev/shm, which counts against its memory limit. Default: as much as the memory limits."""

    resources: Resources | None = None
    """Compute resources of the task container."""

    active_deadline_seconds: Annotated[int, Field(ge=1, le=LONGEST_DEADLINE)] | None = None
    """Seconds after the creation of the first pod when the attempt fails with `DeadlineExceeded`."""

    ttl_seconds_after_finished: Seconds | None = None
    """Seconds after which a finished attempt is deleted. Default: the PeragoTask's, or else the operator's setting."""

    keep_failed_pods_seconds: Seconds | None = None
    """Seconds for which the pod of a failed attempt is kept once its containers have ended, at most as long as the
    attempt. Default: the PeragoTask's, or else the operator's setting, which is 0."""

    disruption_retries: Annotated[int, Field(ge=0, le=1000)] | None = None
    """How many times a pod that was lost, evicted or preempted, or whose agent gave up on a server or its node, is
    replaced. Default: the PeragoTask's, or else the operator's setting, which is 3."""

    failure_policy: FailurePolicy | None = None
    """Which result is reported for which failure. The first rule that a failure matches decides."""

    pod_template: AttemptTemplate | None = None
    """Pod template that is merged into the pod: node selector, tolerations, labels, environment of the task."""

    cancel: bool | None = None
    """Set to true to stop the attempt. It is then reported to Conductor as failed."""


MUTABLE = frozenset({"cancel", "ttl_seconds_after_finished"})
_IMMUTABLE_FIELDS = [info.alias or name for name, info in AttemptSpec.model_fields.items() if name not in MUTABLE]

SPEC_RULES: list[JsonValue] = [
    rule(
        "has(self.input) != has(self.inputFrom)",
        "exactly one of spec.input and spec.inputFrom must be set",
    ),
    rule(
        "!has(self.inputJson) || has(self.input)",
        "spec.inputJson needs spec.input, which shows the same input",
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
        " && self.status.outcome == oldSelf.status.outcome)"
        # that of an execution which was given up
        " || (has(self.status) && has(self.status.executions) && has(oldSelf.status.outcome.execution)"
        " && self.status.executions > oldSelf.status.outcome.execution)"
        # that of an agent which gave up, where its work turns out to be published
        " || (has(self.status) && has(self.status.outcome) && self.status.outcome.status == 'COMPLETED'"
        " && !has(self.status.outcome.execution) && has(oldSelf.status.outcome.failureClass)"
        " && oldSelf.status.outcome.failureClass == 'Infrastructure')",
        "status.outcome is written once and cannot be changed or removed",
    ),
]


class PeragoAttempt(ApiObject):
    """One attempt of one task: an isolated pod that works on a versioned workspace and reports how it ended."""

    api_version: str = f"{API_GROUP}/{API_VERSION}"
    kind: str = "PeragoAttempt"
    spec: Annotated[AttemptSpec, Field(json_schema_extra={RULES_KEY: SPEC_RULES})]
    status: AttemptStatus = AttemptStatus()
