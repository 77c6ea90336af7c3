"""Our reading and writing of tasks agree with the models of Conductor's own client."""

import json

import pytest
from conductor.client.http.api_client import ApiClient  # type: ignore[import-untyped]
from conductor.client.http.models.task import Task  # type: ignore[import-untyped]
from conductor.client.http.models.task_result import TaskResult  # type: ignore[import-untyped]

from perago_operator.adapters.conductor_json import polled_task, task_result
from tests.contract.conductor.backends import RealBackend
from tests.contract.conductor.jobs import Job
from tests.contract.conductor.outcomes import COMPLETED, FAILED

pytestmark = pytest.mark.conductor


class Response:
    """A body, as the official client's deserializer wants it."""

    def __init__(self, body: object) -> None:
        self.data = json.dumps(body)
        self.resp = self

    def json(self) -> object:
        return json.loads(self.data)


@pytest.fixture
def backend(real_backend: RealBackend) -> RealBackend:
    """The fake has no JSON."""
    return real_backend


async def test_our_reading_of_a_task_agrees_with_the_official_client(job: Job, backend: RealBackend) -> None:
    """Its models name the same fields."""
    task_id = (await job.polled()).task.task_id
    raw = await backend.server.acall("GET", f"/tasks/{task_id}")
    theirs: Task = ApiClient().deserialize(Response(raw), "Task")
    ours = polled_task(raw, job.name, None, "me").task
    assert (theirs.task_id, theirs.workflow_instance_id, theirs.task_def_name) == (
        ours.task_id,
        ours.workflow_instance_id,
        ours.task_type,
    )
    assert (theirs.reference_task_name, theirs.seq, theirs.retry_count, theirs.iteration, theirs.worker_id) == (
        ours.reference_task_name,
        ours.seq,
        ours.retry_count,
        ours.iteration,
        ours.worker_id,
    )


async def test_our_result_agrees_with_the_official_client(job: Job) -> None:
    """Each key that we send is one of its TaskResult."""
    task = (await job.polled()).task
    for outcome in (COMPLETED, FAILED):
        assert set(task_result(task, outcome)) <= set(TaskResult.attribute_map.values())
