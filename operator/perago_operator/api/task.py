"""`PeragoTask`: what the attempts of one task have in common, and whether to take them from Conductor."""

from typing import Annotated

from pydantic import Field, JsonValue

from perago.wire import API_GROUP, API_VERSION
from perago_operator.api.base import RULES_KEY, ApiModel, FreeForm, Time, rule
from perago_operator.api.shared import ApiObject, Conditions, FailurePolicyRule, LocalRef, Resources, Volume

TASKS_PLURAL = "peragotasks"


class TaskSpec(ApiModel):
    """Defaults of the task's attempts, and how many of them may run."""

    task_type: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Conductor task type to poll. Left out: attempts are made by hand only."""

    domain: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Conductor task domain to poll from."""

    module: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """Import path of the task module, for example `app.workers.features_build`."""

    image: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Image of the task container; Perago's runner is installed in it."""

    image_pull_secrets: Annotated[tuple[LocalRef, ...], Field(max_length=16)] | None = None
    """Secrets of this namespace with which images are pulled."""

    resources: Resources | None = None
    """Compute resources of the task container."""

    volume: Volume | None = None
    """Size and kind of the workspace's volume."""

    pod_template: FreeForm | None = None
    """Merged (strategic merge) into the pod: node selector, tolerations, labels, environment of the task container."""

    failure_policy: Annotated[tuple[FailurePolicyRule, ...], Field(max_length=32)] | None = None
    """Which result is reported for which failure found in the pod; the first rule that matches counts."""

    active_deadline_seconds: Annotated[int, Field(ge=1)] | None = None
    """Seconds from the first pod's creation after which an attempt fails (`DeadlineExceeded`)."""

    ttl_seconds_after_finished: Annotated[int, Field(ge=0)] | None = None
    """Seconds after which a finished attempt is deleted. Left out: the operator's setting."""

    max_concurrency: Annotated[int, Field(ge=1)] | None = None
    """How many attempts of this task may have a pod at once. Left out: as many as the operator's setting allows."""

    paused: bool | None = None
    """True stops taking tasks from Conductor; attempts that exist go on."""

    conductor_secret_ref: LocalRef | None = None
    """Secret with `url` and, where needed, `token` or `username` and `password`. Default `perago-conductor`."""

    lakefs_secret_ref: LocalRef | None = None
    """Secret with `endpoint`, `accessKeyId` and `secretAccessKey`. Default `perago-lakefs`."""


class TaskStatus(ApiModel):
    """How many attempts there are, and whether Conductor is being polled."""

    active: int | None = None
    """Attempts that are not finished."""

    queued: int | None = None
    """Tasks that wait in Conductor."""

    pending_pods: int | None = None
    """Attempts that wait for a pod or for its start."""

    last_poll_time: Time | None = None
    """When Conductor was last asked for tasks."""

    conditions: Conditions = ()
    """Polling, Ready."""


TASK_SPEC_RULES: list[JsonValue] = [
    rule("!has(self.domain) || has(self.taskType)", "spec.domain needs spec.taskType"),
    rule(
        "!has(self.taskType) || (has(self.module) && has(self.image))",
        "spec.taskType needs spec.module and spec.image: polled tasks have nothing else to run",
    ),
]


class PeragoTask(ApiObject):
    """A task that attempts refer to: its code, limits and defaults, and the Conductor task type it serves."""

    api_version: str = f"{API_GROUP}/{API_VERSION}"
    kind: str = "PeragoTask"
    spec: Annotated[TaskSpec, Field(json_schema_extra={RULES_KEY: TASK_SPEC_RULES})]
    status: TaskStatus = TaskStatus()
