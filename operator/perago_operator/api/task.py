"""`PeragoTask`: what the attempts of one task have in common, and whether to take them from Conductor."""

from typing import Annotated

from pydantic import Field, JsonValue, WithJsonSchema

from perago.wire import API_GROUP, API_VERSION
from perago_operator.api.base import RULES_KEY, ApiModel, Quantity, Shallow, Time, rule
from perago_operator.api.podfields import Whose
from perago_operator.api.podschema import template_schema
from perago_operator.api.shared import (
    LONGEST_DEADLINE,
    ApiObject,
    Conditions,
    FailurePolicy,
    LocalRef,
    Resources,
    Seconds,
    Volume,
)
from perago_operator.api.texts import ImageName, ModuleName

TASKS_PLURAL = "peragotasks"

TaskTemplate = Annotated[dict[str, JsonValue], Shallow, WithJsonSchema(template_schema(Whose.TASK))]
Pattern = Annotated[str, Field(min_length=1, max_length=256)]


class TaskSpec(ApiModel):
    """Defaults for the task's attempts, and how many of them may run at once."""

    task_type: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Conductor task type to poll for. Without it, attempts are only created by hand."""

    domain: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Conductor task domain to poll from."""

    module: ModuleName | None = None
    """Import path of the task module, for example `app.workers.features_build`."""

    image: ImageName | None = None
    """Image of the task container. Perago's runner must be installed in it."""

    image_pull_secrets: Annotated[tuple[LocalRef, ...], Field(max_length=16)] | None = None
    """Secrets in this namespace to pull images with."""

    resources: Resources | None = None
    """Compute resources of the task container."""

    volume: Volume | None = None
    """Size and kind of the workspace's volume."""

    shm_size: Quantity | None = None
    """Size of the task's /dev/shm, which counts against its memory limit. Default: as much as the memory limits."""

    exclude: Annotated[tuple[Pattern, ...], Field(max_length=64)] | None = None
    """Patterns, as in `.gitignore`, of paths that are never published, beside those of the task's declaration."""

    pod_template: TaskTemplate | None = None
    """Pod template that is merged into the pods: besides what an attempt may set, volumes, variables from Secrets,
    init containers, priority. docs/reference/pod-template.md lists every field."""

    failure_policy: FailurePolicy | None = None
    """Which result is reported for which failure. The first rule that a failure matches decides."""

    active_deadline_seconds: Annotated[int, Field(ge=1, le=LONGEST_DEADLINE)] | None = None
    """Seconds after the creation of its first pod when an attempt fails with `DeadlineExceeded`."""

    ttl_seconds_after_finished: Seconds | None = None
    """Seconds after which a finished attempt is deleted. Default: the operator's setting."""

    keep_failed_pods_seconds: Seconds | None = None
    """Seconds for which the pod of a failed attempt is kept once its containers have ended, at most as long as the
    attempt. Default: the operator's setting, which is 0."""

    disruption_retries: Annotated[int, Field(ge=0, le=1000)] | None = None
    """How many times a pod that was lost, evicted or preempted, or whose agent gave up on a server or its node, is
    replaced. Default: the operator's setting, which is 3."""

    max_concurrency: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """How many attempts of this task may have a pod at once. Default: the operator's setting."""

    paused: bool | None = None
    """Set to true to take no more tasks from Conductor. Attempts that exist go on."""

    conductor_secret_ref: LocalRef | None = None
    """Secret with `url` and, if needed, `token` or `username` and `password`. Default: `perago-conductor`."""

    lakefs_secret_ref: LocalRef | None = None
    """Secret with `endpoint`, `accessKeyId` and `secretAccessKey`. Default: `perago-lakefs`."""


class TaskStatus(ApiModel):
    """How many attempts there are, and whether Conductor is being polled."""

    active: int | None = None
    """Number of attempts that are not finished."""

    queued: int | None = None
    """Number of tasks that wait in Conductor."""

    pending_pods: int | None = None
    """Number of attempts that wait for their pod to be created or to start."""

    waiting_for_room: int | None = None
    """Number of attempts that have no pod because a limit of the namespace or of the nodes is reached; the condition
    PodReady of each says which."""

    last_poll_time: Time | None = None
    """When Conductor was last polled."""

    conditions: Conditions = ()
    """Conditions of types Polling and Ready."""


TASK_SPEC_RULES: list[JsonValue] = [
    rule("!has(self.domain) || has(self.taskType)", "spec.domain needs spec.taskType"),
    rule(
        "!has(self.taskType) || (has(self.module) && has(self.image))",
        "spec.taskType needs spec.module and spec.image: a polled task has nothing else to run",
    ),
]


class PeragoTask(ApiObject):
    """A task that attempts refer to: its code, limits and defaults, and the Conductor task type it serves."""

    api_version: str = f"{API_GROUP}/{API_VERSION}"
    kind: str = "PeragoTask"
    spec: Annotated[TaskSpec, Field(json_schema_extra={RULES_KEY: TASK_SPEC_RULES})]
    status: TaskStatus = TaskStatus()
