"""A real Conductor hands out and keeps values as they were sent; only what is too large fails."""

import uuid

import pytest

from perago.agent.clients.conductor import Conductor, open_session
from perago.agent.outcome import completed
from perago.wire import Outcome
from perago.wire.secrets import ConductorKeys
from perago.wire.status import OUTPUT_JSON_LIMIT
from perago_operator.ports import PolledTask
from tests.bodies import fixed
from tests.contract.conductor.backends import RealBackend
from tests.contract.values import VALUES, exactly

pytestmark = pytest.mark.conductor


async def polled(backend: RealBackend, value: object) -> PolledTask:
    """A task whose input has this value."""
    name = f"values_{uuid.uuid4().hex[:12]}"
    owned = {"name": name, "ownerEmail": "a@example.org"}
    step = {"name": name, "taskReferenceName": "only", "type": "SIMPLE"}
    given = {"inputParameters": {"params": "${workflow.input.params}"}}
    await backend.server.acall("POST", "/metadata/taskdefs", [{**owned, "retryCount": 0}])
    await backend.server.acall("PUT", "/metadata/workflow", [{**owned, "version": 1, "tasks": [{**step, **given}]}])
    await backend.server.acall("POST", f"/workflow/{name}", {"params": value})
    while True:  # until the test's own time-out
        for task in await backend.conductor.poll(name, domain=None, worker_id="me", count=1, timeout_ms=5_000):
            return task


async def test_inputs_arrive_exactly(real_backend: RealBackend) -> None:
    """At the operator's poll and at the agent's read."""
    task = await polled(real_backend, VALUES)
    assert exactly(task.input_data) == exactly({"params": VALUES})
    async with open_session() as session:
        fresh = await Conductor(session, fixed(ConductorKeys(real_backend.server.url))).task(task.task.task_id)
    assert fresh is not None
    assert exactly(fresh.input_data) == exactly({"params": VALUES})


async def test_outputs_are_kept_exactly(real_backend: RealBackend) -> None:
    """As the attempt's outcome is reported."""
    task = (await polled(real_backend, {})).task
    await real_backend.conductor.report(task, completed({"result": VALUES}))
    state = await real_backend.conductor.read(task.task_id)
    assert state is not None
    assert exactly(dict(state.output)) == exactly({"result": VALUES})


async def test_the_largest_output_is_accepted(real_backend: RealBackend) -> None:
    """Conductor's own limit is above ours by more than the 7/6 by which it lengthens numbers such as 1e-05."""
    task = (await polled(real_backend, {})).task
    text = "x" * (OUTPUT_JSON_LIMIT * 7 // 6)
    await real_backend.conductor.report(task, Outcome(status="COMPLETED", reason="Completed", output={"result": text}))
    state = await real_backend.conductor.read(task.task_id)
    assert state is not None
    assert state.status == "COMPLETED"


async def test_half_of_a_surrogate_pair_stops_no_report(real_backend: RealBackend) -> None:
    """Reasons come from exceptions, which quote file names of any bytes."""
    task = (await polled(real_backend, {})).task
    await real_backend.conductor.report(task, Outcome(status="FAILED", reason="OSError", message="no file caf\udce9"))
    state = await real_backend.conductor.read(task.task_id)
    assert state is not None
    assert (state.status, state.reason) == ("FAILED", "no file caf?")
