"""What Conductor makes of leases and reports, in time, late and out of order; the fake and a real server alike."""

from collections.abc import Callable
from typing import Any

import pytest

from perago.wire import IN_PROGRESS, ConductorTask, Outcome
from perago_operator.ports import Conductor, NotFound
from tests.contract.conductor.conftest import Define
from tests.contract.conductor.jobs import Backend, Job
from tests.contract.conductor.outcomes import COMPLETED, FAILED, TERMINAL

EVERY_KIND_OF_JSON: dict[str, Any] = {
    "nothing": None,
    "in a list": [None, {}, [], ""],
    "numbers": [0, -1, 1.0, 1.5, 0.1 + 0.2, 1e-300, 1e25, 2**63, 2**80, -0.0],
    "texts": ["grüße", "\U0001f600", '"\\\n\x01', "\u2028"],
    "": {"": {"b": True}},
}


async def test_a_lease_keeps_the_task_ours(job: Job) -> None:
    """It stays IN_PROGRESS and is offered to nobody."""
    task = (await job.polled()).task
    await job.client.extend_lease(task)
    assert await job.status(task) == IN_PROGRESS
    assert await job.poll(timeout_ms=300) == []


@pytest.mark.parametrize("outcome", [COMPLETED, FAILED, TERMINAL], ids=lambda outcome: str(outcome.status))
async def test_a_report_is_read_back(job: Job, outcome: Outcome) -> None:
    """Status, output and reason are what was sent."""
    task = (await job.polled()).task
    await job.client.report(task, outcome)
    state = await job.read(task)
    assert (state.status, dict(state.output), state.reason) == (outcome.status, outcome.output or {}, outcome.message)


async def test_an_output_comes_back_as_it_was_sent(job: Job) -> None:
    """Else the operator would take its own result for somebody else's."""
    task = (await job.polled()).task
    await job.client.report(task, COMPLETED.model_copy(update={"output": {"result": EVERY_KIND_OF_JSON}}))
    assert (await job.read(task)).output == {"result": EVERY_KIND_OF_JSON}


async def test_a_completed_task_ends_its_workflow_or_starts_what_follows(job: Job) -> None:
    """The next task of the workflow is scheduled at once, with the next number."""
    first = (await job.polled("sequence")).task
    await job.client.report(first, COMPLETED)
    second = (await job.next_task()).task
    assert (second.reference_task_name, second.seq) == ("next", first.seq + 1)
    assert await job.workflow_status(first) == "RUNNING"
    await job.client.report(second, COMPLETED)
    assert await job.workflow_status(first) == "COMPLETED"


async def test_a_second_report_is_accepted_and_ignored(job: Job) -> None:
    """Posting twice is harmless, and a 200 does not mean acceptance."""
    task = (await job.polled()).task
    await job.client.report(task, COMPLETED)
    await job.client.report(task, FAILED)
    state = await job.read(task)
    assert (state.status, dict(state.output), state.reason) == ("COMPLETED", {"result": {"n": 1}}, None)


async def test_a_second_output_is_ignored_in_a_workflow_that_goes_on(job: Job) -> None:
    """It is the task's end that counts, not the workflow's."""
    task = (await job.polled("sequence")).task
    await job.client.report(task, COMPLETED)
    await job.client.report(task, COMPLETED.model_copy(update={"output": {"result": {"n": 2}}}))
    assert (await job.read(task)).output == {"result": {"n": 1}}


@pytest.mark.parametrize("update", ["extend_lease", "give_back"])
async def test_an_update_of_an_ended_task_is_accepted_and_ignored(job: Job, update: str) -> None:
    """As long as it does not race the report: there is one call at a time."""
    task = (await job.polled("sequence")).task
    await job.client.report(task, COMPLETED)
    await getattr(job.client, update)(task)
    assert await job.status(task) == "COMPLETED"


async def test_a_lease_that_comes_late_revives_a_completed_task(job: Job, backend: Backend) -> None:
    """The server rewrites the whole task as it was when the lease arrived: its output is gone as well."""
    task = await backend.revived(job, lambda task: job.client.report(task, COMPLETED))
    state = await job.read(task)
    assert (state.status, dict(state.output)) == (IN_PROGRESS, {})


async def revived_in_ended_workflow(job: Job, backend: Backend) -> ConductorTask:
    """A lease can also come so late that the task is back before the workflow was decided, and goes on: race again."""
    for _ in range(30):
        task = await backend.revived(job, lambda task: job.client.report(task, COMPLETED))
        if await job.client.workflow_ended(task.workflow_instance_id):
            return task
        await job.client.report(task, COMPLETED)
    raise AssertionError("each of 30 workflows went on with its revived task")


async def test_a_revived_task_of_a_workflow_that_has_ended_ignores_every_update(job: Job, backend: Backend) -> None:
    """It stays IN_PROGRESS for ever: what the workflow made of the first report is all that counts."""
    task = await revived_in_ended_workflow(job, backend)
    await job.client.report(task, COMPLETED)
    await job.client.give_back(task)
    assert await job.status(task) == IN_PROGRESS
    assert await job.client.queue_size(job.name, None) == 0


async def test_a_revived_task_of_a_terminated_workflow_ignores_its_report(job: Job, backend: Backend) -> None:
    """A canceled task is brought back likewise."""
    task = await backend.revived(job, lambda task: backend.terminate(task.workflow_instance_id))
    await job.client.report(task, COMPLETED)
    assert (await job.status(task), await job.workflow_status(task)) == (IN_PROGRESS, "TERMINATED")


async def test_a_terminated_workflow_cancels_its_task(job: Job, backend: Backend) -> None:
    """The next heartbeat learns it; late updates change nothing."""
    task = (await job.polled()).task
    await backend.terminate(task.workflow_instance_id)
    assert await job.status(task) == "CANCELED"
    await job.client.extend_lease(task)
    await job.client.report(task, COMPLETED)
    assert await job.status(task) == "CANCELED"


async def test_a_run_of_a_task_keeps_its_start_time(job: Job) -> None:
    """Whatever is sent meanwhile, and whoever polls it again."""
    task = (await job.polled()).task
    assert task.start_time == (await job.read(task)).start_time
    await job.client.extend_lease(task)
    await job.client.give_back(task)
    again = (await job.next_task()).task
    await job.client.report(again, FAILED)
    assert (task.start_time, (await job.read(task)).start_time) == (again.start_time, again.start_time)


async def test_a_rerun_of_a_task_has_its_id_and_another_start_time(job: Job, backend: Backend) -> None:
    """None until it is polled. Nothing else tells it from the run before, whose updates it takes for its own."""
    former = (await job.polled()).task
    await job.client.report(former, FAILED)
    await backend.rerun(former)
    assert (await job.status(former), (await job.read(former)).start_time) == ("SCHEDULED", 0)
    later = (await job.next_task()).task
    assert later.start_time not in (None, former.start_time)
    assert later.model_copy(update={"start_time": former.start_time}) == former
    await job.client.report(former, COMPLETED)
    assert await job.status(later) == "COMPLETED"


async def test_a_workflow_has_ended_with_its_last_task_or_by_hand(job: Job, backend: Backend) -> None:
    """Not before; and of one that it does not know, Conductor says so."""
    task = (await job.polled("sequence")).task
    await job.client.report(task, COMPLETED)
    assert not await job.client.workflow_ended(task.workflow_instance_id)
    await backend.terminate(task.workflow_instance_id)
    assert await job.client.workflow_ended(task.workflow_instance_id)
    assert await job.client.workflow_ended("no-such-workflow") is None


async def test_a_terminated_workflow_empties_its_queue(job: Job, backend: Backend) -> None:
    """A task that nobody has polled is offered to nobody."""
    await backend.terminate(await job.start())
    assert await job.poll(timeout_ms=300) == []


Update = Callable[[Conductor, ConductorTask], Any]
UPDATES: dict[str, Update] = {
    "extend_lease": lambda client, task: client.extend_lease(task),
    "give_back": lambda client, task: client.give_back(task),
    "report": lambda client, task: client.report(task, COMPLETED),
}


@pytest.mark.parametrize("update", UPDATES)
async def test_an_update_of_an_unknown_task_is_not_found(job: Job, update: str) -> None:
    """The operator reads that as superseded."""
    task = (await job.polled()).task.model_copy(update={"task_id": "no-such-task"})
    with pytest.raises(NotFound, match="No such task found by id: no-such-task"):
        await UPDATES[update](job.client, task)


@pytest.mark.parametrize("update", ["give_back", "report"])
async def test_an_update_of_an_unknown_workflow_is_not_found(job: Job, update: str) -> None:
    """And the task is as it was."""
    task = (await job.polled()).task
    with pytest.raises(NotFound, match="No such workflow found by id: no-such-workflow"):
        await UPDATES[update](job.client, task.model_copy(update={"workflow_instance_id": "no-such-workflow"}))
    assert await job.status(task) == IN_PROGRESS


async def test_a_lease_asks_for_no_workflow(job: Job) -> None:
    """It reads and writes the task alone, which is why it can revive one."""
    task = (await job.polled()).task
    await job.client.extend_lease(task.model_copy(update={"workflow_instance_id": "no-such-workflow"}))
    assert await job.status(task) == IN_PROGRESS


async def test_a_failed_task_with_retries_left_comes_back_under_a_new_id(define: Define) -> None:
    """Same workflow and reference name, one more in the retry count: one logical task. The reason comes along."""
    job = await define(retries=1)
    first = (await job.polled(text="again")).task
    await job.client.report(first, FAILED)
    retry = await job.next_task()
    second = retry.task
    assert second.task_id != first.task_id
    assert (second.workflow_instance_id, second.reference_task_name) == (first.workflow_instance_id, "ref")
    assert (second.retry_count, second.seq, retry.input_data) == (1, first.seq + 1, {"text": "again"})
    assert (await job.read(second)).reason == "it rained"
    await job.client.report(second, COMPLETED)
    assert ((await job.read(second)).reason, await job.status(first)) == (None, "FAILED")
    assert await job.workflow_status(first) == "COMPLETED"


async def test_a_task_that_fails_without_a_retry_left_ends_its_workflow(job: Job) -> None:
    """And what follows in the workflow is not scheduled."""
    task = (await job.polled("sequence")).task
    await job.client.report(task, FAILED)
    assert await job.workflow_status(task) == "FAILED"
    assert await job.poll(timeout_ms=300) == []


async def test_a_terminal_error_ends_the_workflow_at_once(define: Define) -> None:
    """Retries that are left are not used."""
    job = await define(retries=3)
    task = (await job.polled()).task
    await job.client.report(task, TERMINAL)
    assert await job.workflow_status(task) == "FAILED"


async def test_a_task_without_lease_times_out_and_its_report_is_ignored(define: Define, backend: Backend) -> None:
    """The server's sweeper does it some time after `responseTimeoutSeconds`; a retry under a new id follows."""
    job = await define(response_seconds=1, retries=1)
    first = (await job.polled()).task
    await backend.timed_out(job, first)
    await job.client.report(first, COMPLETED)
    await job.client.extend_lease(first)
    assert await job.status(first) == "TIMED_OUT"
    second = (await job.next_task()).task
    assert (second.retry_count, second.seq, second.task_id != first.task_id) == (1, first.seq + 1, True)


async def test_a_long_reason_is_cut(job: Job) -> None:
    """To the 500 characters that the server would keep."""
    task = (await job.polled()).task
    await job.client.report(task, FAILED.model_copy(update={"message": "x" * 600}))
    assert (await job.read(task)).reason == "x" * 500


async def test_an_output_over_three_mebibytes_is_kept_elsewhere_and_not_shown(job: Job) -> None:
    """Why such an outcome counts as accepted by its status alone."""
    task = (await job.polled()).task
    await job.client.report(task, COMPLETED.model_copy(update={"output": {"result": {"text": "x" * (4 << 20)}}}))
    state = await job.read(task)
    assert (state.status, dict(state.output)) == ("COMPLETED", {})


async def test_an_output_over_ten_mebibytes_is_a_terminal_error(job: Job) -> None:
    """Conductor refuses it for good, whatever the task's result was; the reason says so."""
    task = (await job.polled()).task
    await job.client.report(task, COMPLETED.model_copy(update={"output": {"result": {"text": "x" * (11 << 20)}}}))
    state = await job.read(task)
    assert (state.status, dict(state.output)) == ("FAILED_WITH_TERMINAL_ERROR", {})
    assert "payload size" in (state.reason or "")
    assert await job.workflow_status(task) == "FAILED"
