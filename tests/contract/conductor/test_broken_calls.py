"""Calls whose answers are lost or late, and what has become of them in Conductor; the fake and a real server alike."""

import asyncio
from typing import Any

import pytest

from perago.wire import IN_PROGRESS
from perago_operator.ports import Unreachable
from tests.contract.conductor.jobs import Backend, Job
from tests.contract.conductor.outcomes import COMPLETED
from tests.contract.conductor.test_results import UPDATES
from tests.faults.kinds import Fault, Held, Late, cut_before, lost

EFFECTS = {"extend_lease": IN_PROGRESS, "give_back": "SCHEDULED", "report": "COMPLETED"}


@pytest.mark.parametrize("update", UPDATES)
async def test_an_update_whose_answer_is_lost_was_carried_out(job: Job, backend: Backend, update: str) -> None:
    """The error says that its fate is unknown."""
    task = (await job.polled()).task
    backend.break_(update, lost)
    with pytest.raises(Unreachable) as caught:
        await UPDATES[update](job.client, task)
    assert caught.value.fate_unknown
    assert await job.status(task) == EFFECTS[update]


@pytest.mark.parametrize("update", UPDATES)
async def test_an_update_that_never_arrived_was_not_carried_out(job: Job, backend: Backend, update: str) -> None:
    """The error says the same: the caller cannot know."""
    task = (await job.polled()).task
    backend.break_(update, cut_before)
    with pytest.raises(Unreachable) as caught:
        await UPDATES[update](job.client, task)
    assert caught.value.fate_unknown
    assert await job.status(task) == IN_PROGRESS


async def test_a_report_may_land_after_its_caller_has_given_up(job: Job, backend: Backend) -> None:
    """Until then the task is open, and whoever reads it must read again."""
    task, late = (await job.polled()).task, Late()
    backend.break_("report", late)
    with pytest.raises(Unreachable):
        await job.client.report(task, COMPLETED)
    assert await job.status(task) == IN_PROGRESS
    await late.land()
    assert await job.status(task) == "COMPLETED"


async def test_a_report_whose_answer_is_slow_has_landed_meanwhile(job: Job, backend: Backend) -> None:
    """Between the work and its answer."""
    task, held = (await job.polled()).task, Held()
    backend.break_("report", held)
    reporting = asyncio.create_task(job.client.report(task, COMPLETED))
    await held.reached()
    assert (await job.status(task), reporting.done()) == ("COMPLETED", False)
    held.release()
    await reporting


async def test_a_lost_poll_leaves_its_task_in_progress(job: Job, backend: Backend) -> None:
    """Nobody works on it until its response time-out: why no poll is repeated below the port."""
    await job.start()
    backend.break_("poll", lost)
    with pytest.raises(Unreachable) as caught:
        await job.poll()
    assert caught.value.fate_unknown
    assert await job.client.queue_size(job.name, None) == 0
    assert await job.poll(timeout_ms=100) == []


@pytest.mark.parametrize("fault", [lost, cut_before])
async def test_a_broken_read_is_no_answer(job: Job, backend: Backend, fault: Fault[Any]) -> None:
    """It must not look like a task that Conductor does not know."""
    task = (await job.polled()).task
    backend.break_("read", fault)
    with pytest.raises(Unreachable):
        await job.client.read(task.task_id)
