"""What Perago relies on at Conductor, asked of a real server through the operator's own client."""

import asyncio
import json
import time

import pytest
from conductor.client.http.api_client import ApiClient  # type: ignore[import-untyped]
from conductor.client.http.models.task import Task  # type: ignore[import-untyped]
from conductor.client.http.models.task_result import TaskResult  # type: ignore[import-untyped]

from perago.wire import Outcome
from perago_operator.adapters.conductor import HttpConductor
from perago_operator.adapters.conductor_json import polled_task, task_result
from perago_operator.ports import NotFound, Refused
from tests.contract.conductor.jobs import Job, Server

pytestmark = pytest.mark.conductor

COMPLETED = Outcome(status="COMPLETED", reason="Completed", output={"result": {"n": 1}})
FAILED = Outcome(status="FAILED", reason="TaskFailed", message="it rained")
TERMINAL = Outcome(status="FAILED_WITH_TERMINAL_ERROR", reason="InvalidTask", message="no such module")


class Response:
    """A body, as the official client's deserializer wants it."""

    def __init__(self, body: object) -> None:
        self.data = json.dumps(body)
        self.resp = self

    def json(self) -> object:
        return json.loads(self.data)


async def test_a_polled_task_has_its_whole_identity(job: Job) -> None:
    """Leases, reports and fences need no further reading."""
    workflow_id = job.start()
    task = (await job.next_task()).task
    assert (task.workflow_instance_id, task.task_type, task.reference_task_name) == (workflow_id, job.name, "ref")
    assert (task.retry_count, task.worker_id, task.response_timeout_seconds) == (0, "me", 600)


async def test_our_reading_of_a_task_agrees_with_the_official_client(job: Job, conductor: Server) -> None:
    """Its models name the same fields."""
    task_id = (await job.polled()).task.task_id
    raw = conductor.call("GET", f"/tasks/{task_id}")
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


async def test_the_input_comes_with_the_task(job: Job) -> None:
    """And its length in bytes, which decides where the attempt gets it from."""
    job.start(text="grüße")
    polled = await job.next_task()
    assert polled.input_data == {"text": "grüße"}
    assert polled.input_bytes == len('{"text":"grüße"}'.encode())


async def test_an_empty_queue_gives_an_empty_list(job: Job) -> None:
    """No error, no null."""
    assert await job.poll(timeout_ms=100) == []


async def test_a_long_poll_for_one_ends_with_it(job: Job) -> None:
    """An attempt need not wait for a poll period."""
    polling = asyncio.create_task(job.poll(count=1, timeout_ms=5000))
    begun = time.monotonic()
    await asyncio.to_thread(job.start)
    assert len(await polling) == 1
    assert time.monotonic() - begun < 5


async def test_a_poll_may_wait_five_seconds_and_no_longer(job: Job) -> None:
    """The server refuses more, so the setting does."""
    with pytest.raises(Refused, match="cannot be more than 5 seconds"):
        await job.poll(timeout_ms=5001)


async def test_a_batch_poll_waits_for_the_whole_batch(job: Job) -> None:
    """Why the poller waits for one task and then takes the rest: one of ten comes only when time is over."""
    job.start()
    begun = time.monotonic()
    assert len(await job.poll(count=10, timeout_ms=2000)) == 1
    assert time.monotonic() - begun >= 1.9


async def test_a_short_poll_takes_what_is_there(job: Job) -> None:
    """With a time-out of 10 ms; with 0 the server answers with nothing."""
    for _ in range(3):
        job.start()
    found = await job.poll(count=10, timeout_ms=10)
    assert len(found) == 3


async def test_an_unknown_task_reads_as_none(client: HttpConductor) -> None:
    """404 is an answer."""
    assert await client.read("no-such-task") is None


@pytest.mark.parametrize("outcome", [COMPLETED, FAILED, TERMINAL], ids=lambda outcome: str(outcome.status))
async def test_a_report_is_read_back(job: Job, outcome: Outcome) -> None:
    """Status, output and reason are what was sent."""
    task = (await job.polled()).task
    await job.client.report(task, outcome)
    state = await job.client.read(task.task_id)
    assert state is not None
    assert (state.status, dict(state.output)) == (outcome.status, outcome.output or {})
    assert state.reason == outcome.message


async def test_a_second_report_is_accepted_and_ignored(job: Job) -> None:
    """Posting twice is harmless, and a 200 does not mean acceptance."""
    task = (await job.polled()).task
    await job.client.report(task, COMPLETED)
    await job.client.report(task, FAILED)
    assert await job.status(task.task_id) == "COMPLETED"


async def test_a_lease_on_an_ended_task_is_accepted_and_ignored(job: Job) -> None:
    """As long as it does not race the report: there is one call at a time."""
    task = (await job.polled()).task
    await job.client.report(task, COMPLETED)
    await job.client.extend_lease(task)
    assert await job.status(task.task_id) == "COMPLETED"


async def test_a_lease_keeps_the_task_ours(job: Job) -> None:
    """It stays IN_PROGRESS and is offered to nobody."""
    task = (await job.polled()).task
    await job.client.extend_lease(task)
    assert await job.status(task.task_id) == "IN_PROGRESS"
    assert await job.poll(timeout_ms=300) == []


async def test_a_task_given_back_is_offered_again_under_the_same_id(job: Job) -> None:
    """So the attempt's name is the same, too."""
    first = (await job.polled()).task
    await job.client.give_back(first)
    again = (await job.next_task()).task
    assert again.task_id == first.task_id


async def test_a_report_about_an_unknown_task_is_not_found(job: Job) -> None:
    """The operator reads that as superseded."""
    task = (await job.polled()).task.model_copy(update={"task_id": "no-such-task"})
    with pytest.raises(NotFound, match="no-such-task"):
        await job.client.report(task, COMPLETED)


async def test_a_terminated_workflow_cancels_its_task(job: Job, conductor: Server) -> None:
    """The next heartbeat learns it; a late report changes nothing."""
    task = (await job.polled()).task
    conductor.call("DELETE", f"/workflow/{task.workflow_instance_id}")
    assert await job.status(task.task_id) == "CANCELED"
    await job.client.report(task, COMPLETED)
    assert await job.status(task.task_id) == "CANCELED"


async def test_a_failed_task_with_retries_left_comes_back_under_a_new_id(
    conductor: Server, client: HttpConductor
) -> None:
    """Same workflow and reference name, one more in the retry count: one logical task."""
    job = Job(conductor, client, retries=1).register()
    first = (await job.polled()).task
    await client.report(first, FAILED)
    second = (await job.next_task()).task
    assert second.task_id != first.task_id
    assert (second.workflow_instance_id, second.reference_task_name) == (first.workflow_instance_id, "ref")
    assert second.retry_count == 1


async def test_a_terminal_error_ends_the_workflow_at_once(conductor: Server, client: HttpConductor) -> None:
    """Retries that are left are not used."""
    job = Job(conductor, client, retries=3).register()
    task = (await job.polled()).task
    await client.report(task, TERMINAL)
    assert job.workflow(task.workflow_instance_id)["status"] == "FAILED"


async def test_a_task_without_lease_times_out_and_its_report_is_ignored(
    conductor: Server, client: HttpConductor
) -> None:
    """The server's sweeper does it some time after `responseTimeoutSeconds`."""
    job = Job(conductor, client, response_seconds=1, retries=1).register()
    first = (await job.polled()).task
    await job.left(first.task_id, "IN_PROGRESS")
    await client.report(first, COMPLETED)
    assert await job.status(first.task_id) == "TIMED_OUT"


async def test_a_long_reason_is_cut(job: Job) -> None:
    """To the 500 characters that the server would keep."""
    task = (await job.polled()).task
    await job.client.report(task, FAILED.model_copy(update={"message": "x" * 600}))
    state = await job.client.read(task.task_id)
    assert state is not None
    assert state.reason == "x" * 500


async def test_the_queue_size_counts_waiting_tasks(job: Job) -> None:
    """It becomes the PeragoTask's `queued`."""
    job.start()
    job.start()
    assert await job.client.queue_size(job.name, None) == 2


async def test_a_task_of_a_domain_goes_to_its_pollers_alone(job: Job) -> None:
    """It keeps the domain that it was polled from, and has a queue of its own."""
    job.start(domain="north")
    assert await job.poll(timeout_ms=300) == []
    assert (await job.client.queue_size(job.name, None), await job.client.queue_size(job.name, "north")) == (0, 1)
    [polled] = await job.poll(domain="north")
    assert polled.task.domain == "north"
    await job.client.extend_lease(polled.task)
    await job.client.report(polled.task, COMPLETED)
    assert await job.status(polled.task.task_id) == "COMPLETED"


async def test_a_task_of_a_domain_is_given_back_to_the_domain(job: Job) -> None:
    """The pollers without one do not see it."""
    job.start(domain="north")
    [first] = await job.poll(domain="north")
    await job.client.give_back(first.task)
    assert await job.poll(timeout_ms=300) == []
    [again] = await job.poll(domain="north")
    assert again.task.task_id == first.task.task_id


async def test_an_output_over_three_mebibytes_is_kept_elsewhere_and_not_shown(job: Job) -> None:
    """Why such an outcome counts as accepted by its status alone."""
    task = (await job.polled()).task
    large = COMPLETED.model_copy(update={"output": {"result": {"text": "x" * (4 << 20)}}})
    await job.client.report(task, large)
    state = await job.client.read(task.task_id)
    assert state is not None
    assert (state.status, dict(state.output)) == ("COMPLETED", {})


async def test_an_input_over_three_mebibytes_is_kept_elsewhere(job: Job) -> None:
    """It is shown empty; its least length makes the attempt ask Conductor, and its agent say why there is none."""
    job.start(text="x" * (4 << 20))
    polled = await job.next_task()
    assert (polled.input_data, polled.input_bytes) == ({}, 3 << 20)


async def test_the_queue_of_an_unknown_type_is_empty(client: HttpConductor) -> None:
    """No error: a PeragoTask may be older than its definition."""
    assert await client.queue_size("no_such_type", None) == 0


async def test_log_entries_are_kept_as_they_are(job: Job, conductor: Server) -> None:
    """Lines, quotes and all: the body is the text, not JSON."""
    task_id = (await job.polled()).task.task_id
    await job.client.log(task_id, 'first "line"\nsecond')
    logged = [entry["log"] for entry in conductor.call("GET", f"/tasks/{task_id}/log")]
    assert logged == ['first "line"\nsecond']
