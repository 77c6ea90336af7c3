"""What Perago relies on at Conductor's queues: polls, identities, domains; the fake and a real server alike."""

import asyncio
import time

import pytest

from perago.wire import IN_PROGRESS
from perago_operator.ports import Refused
from tests.contract.conductor.conftest import Define
from tests.contract.conductor.jobs import Backend, Job
from tests.contract.conductor.outcomes import COMPLETED

QUEUED = "SCHEDULED"


async def test_a_polled_task_has_its_whole_identity(job: Job) -> None:
    """Leases, reports and fences need no further reading."""
    workflow_id = await job.start()
    task = (await job.next_task()).task
    assert (task.workflow_instance_id, task.task_type, task.reference_task_name) == (workflow_id, job.name, "ref")
    assert (task.seq, task.iteration, task.retry_count) == (1, 0, 0)
    assert (task.worker_id, task.domain, task.response_timeout_seconds) == ("me", None, 600)
    assert await job.status(task) == IN_PROGRESS


async def test_a_tasks_identity_in_a_loop_has_its_iteration(job: Job) -> None:
    """Each round is a task of its own, with a reference name of its own."""
    first = (await job.polled("loop")).task
    await job.client.report(first, COMPLETED)
    second = (await job.next_task()).task
    assert [(task.reference_task_name, task.iteration) for task in (first, second)] == [("ref__1", 1), ("ref__2", 2)]
    assert (second.seq, second.retry_count) == (first.seq + 1, 0)
    assert (second.task_id != first.task_id, second.workflow_instance_id) == (True, first.workflow_instance_id)


async def test_a_retry_in_a_loop_stays_in_its_iteration(define: Define) -> None:
    """It is the same logical task."""
    job = await define(retries=1)
    first = (await job.polled("loop")).task
    await job.client.report(first, COMPLETED.model_copy(update={"status": "FAILED", "output": None}))
    second = (await job.next_task()).task
    assert (second.reference_task_name, second.iteration, second.retry_count) == ("ref__1", 1, 1)


async def test_the_input_comes_with_the_task(job: Job) -> None:
    """And its length in bytes, which decides where the attempt gets it from."""
    polled = await job.polled(text="grüße")
    assert polled.input_data == {"text": "grüße"}
    assert polled.input_bytes == len('{"text":"grüße"}'.encode())


async def test_an_input_over_three_mebibytes_is_kept_elsewhere(job: Job) -> None:
    """It is shown empty; its least length makes the attempt ask Conductor, and its agent say why there is none."""
    polled = await job.polled(text="x" * (4 << 20))
    assert (polled.input_data, polled.input_bytes) == ({}, 3 << 20)


async def test_an_empty_queue_gives_an_empty_list(job: Job) -> None:
    """No error, no null."""
    assert await job.poll(timeout_ms=100) == []


async def test_a_long_poll_for_one_ends_with_it(job: Job) -> None:
    """An attempt need not wait for a poll period: of two polls, the one that finds nothing is answered later."""
    polling = asyncio.create_task(job.poll(count=1, timeout_ms=5000))
    await job.start()
    idle = asyncio.create_task(job.poll(count=1, timeout_ms=5000, domain="nobodys"))
    assert len(await polling) == 1
    assert not idle.done()
    assert await idle == []


async def test_a_poll_may_wait_five_seconds_and_no_longer(job: Job) -> None:
    """The server refuses more, so the setting does."""
    with pytest.raises(Refused, match="cannot be more than 5 seconds") as caught:
        await job.poll(timeout_ms=5001)
    assert caught.value.status == 400


async def test_a_batch_poll_waits_for_the_whole_batch(job: Job) -> None:
    """Why the poller waits for one task and then takes the rest: one of ten comes only when time is over."""
    await job.start()
    before = time.monotonic()
    assert len(await job.poll(count=10, timeout_ms=2000)) == 1
    assert time.monotonic() - before >= 1.9


async def test_a_short_poll_takes_what_is_there(job: Job) -> None:
    """With a time-out of 10 ms."""
    for _ in range(3):
        await job.start()
    assert len(await job.poll(count=10, timeout_ms=10)) == 3


async def test_a_poll_for_nothing_ends_at_once(job: Job) -> None:
    """It takes no task, and waits for none."""
    await job.start()
    before = time.monotonic()
    assert await job.poll(count=0, timeout_ms=5000) == []
    assert time.monotonic() - before < 4


async def test_a_poll_that_its_client_gave_up_still_takes_tasks(job: Job, backend: Backend) -> None:
    """The server does not notice; so a poll under way is awaited at a shutdown, and never canceled."""
    polling = asyncio.create_task(job.poll())
    await asyncio.sleep(0.5)
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)
    await job.start()
    async with asyncio.timeout(5):
        while await job.client.queue_size(job.name, None):  # noqa: ASYNC110 -- a server of its own
            await asyncio.sleep(0.1)
    assert await job.poll(timeout_ms=100) == []


async def test_a_task_given_back_is_offered_again_under_the_same_id(job: Job) -> None:
    """So the attempt's name is the same, too."""
    first = (await job.polled()).task
    await job.client.give_back(first)
    assert await job.status(first) == QUEUED
    assert (await job.next_task()).task == first


async def test_the_queue_size_counts_waiting_tasks(job: Job) -> None:
    """It becomes the PeragoTask's `queued`; a task that was polled does not count."""
    for _ in range(3):
        await job.start()
    await job.next_task()
    assert await job.client.queue_size(job.name, None) == 2


async def test_the_queue_of_an_unknown_type_is_empty(backend: Backend) -> None:
    """No error: a PeragoTask may be older than its definition."""
    assert await backend.conductor.queue_size("no_such_type", None) == 0
    polled = await backend.conductor.poll("no_such_type", domain=None, worker_id="me", count=1, timeout_ms=10)
    assert polled == []


async def test_a_task_of_a_domain_goes_to_its_pollers_alone(job: Job) -> None:
    """It keeps the domain that it was polled from, and has a queue of its own."""
    await job.start(domain="north")
    assert await job.poll(timeout_ms=300) == []
    assert (await job.client.queue_size(job.name, None), await job.client.queue_size(job.name, "north")) == (0, 1)
    [polled] = await job.poll(domain="north")
    assert polled.task.domain == "north"
    await job.client.extend_lease(polled.task)
    await job.client.report(polled.task, COMPLETED)
    assert await job.status(polled.task) == "COMPLETED"


async def test_a_task_has_the_priority_of_its_workflow(job: Job) -> None:
    """It is passed on; 0 is none."""
    await job.start(priority=7)
    assert (await job.next_task()).task.workflow_priority == 7
    assert (await job.polled()).task.workflow_priority is None


async def test_a_task_of_a_domain_is_given_back_to_the_domain(job: Job) -> None:
    """The pollers without one do not see it."""
    await job.start(domain="north")
    [first] = await job.poll(domain="north")
    await job.client.give_back(first.task)
    assert await job.poll(timeout_ms=300) == []
    [again] = await job.poll(domain="north")
    assert again.task.task_id == first.task.task_id


async def test_an_unknown_task_reads_as_none(backend: Backend) -> None:
    """404 is an answer."""
    assert await backend.conductor.read("no-such-task") is None


async def test_log_entries_are_kept_as_they_are(job: Job, backend: Backend) -> None:
    """Lines, quotes and all: the body is the text, not JSON. Entries for an unknown task are dropped."""
    task_id = (await job.polled()).task.task_id
    await job.client.log(task_id, 'first "line"\nsecond')
    assert await backend.log_entries(task_id) == ['first "line"\nsecond']
    await job.client.log("no-such-task", "text")
