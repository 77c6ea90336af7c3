"""What every message is made of: the model's base, and the identity of the Conductor task that an attempt executes."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from perago.attempt import IN_PROGRESS as IN_PROGRESS
from perago.result import JsonObject as JsonObject
from perago.result import ResultStatus as ResultStatus

API_GROUP = "perago.dev"
API_VERSION = "v1alpha1"
ATTEMPTS_PLURAL = "peragoattempts"
ENDED_PHASES = ("Succeeded", "Failed", "Canceled")
"""Phases of an attempt in which nothing is left to do."""


class WireModel(BaseModel):
    """Closed, frozen, camelCase outside and snake_case inside."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)

    def to_json(self) -> JsonObject:
        """The JSON object that crosses: camelCase keys, absent optional fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class ConductorTask(WireModel):
    """Which Conductor task an attempt executes: the identity that leases, reports and fences use."""

    task_type: str
    workflow_instance_id: str
    task_id: str
    reference_task_name: str
    seq: int
    iteration: int = 0
    retry_count: int = 0
    worker_id: str | None = None
    domain: str | None = None
    workflow_priority: int | None = None
    response_timeout_seconds: Annotated[int, Field(ge=0)] = 600
    start_time: int | None = None
    """When it was first polled, in milliseconds of Conductor's clock: what tells a run from a rerun, which has the same
    id. It stays the same whoever polls the task again, and is 0 between a rerun and its poll (observed on 3.32.3)."""

    @property
    def task_def_name(self) -> str:
        """The task type, under the name that the attempt core's contract gives it."""
        return self.task_type

    def is_run_again(self, start_time: int | None) -> bool:
        """Whether a reading of the task with this `start_time` is of a later run; unknown times say nothing."""
        return None not in (self.start_time, start_time) and self.start_time != start_time

    @property
    def logical_task(self) -> str:
        """What the retries of one task share.

        Conductor gives a retry a new task id and a new `seq` (observed on 3.32.3), so neither takes part.
        """
        return f"{self.workflow_instance_id}/{self.reference_task_name}/{self.iteration}"


class CurrentAttempt(ConductorTask):
    """An attempt and where it stands now, with the attributes of `perago.attempt.Attempt`.

    `status` is Conductor's, or `CANCELED` where the attempt's own object was deleted or canceled.
    """

    status: str
