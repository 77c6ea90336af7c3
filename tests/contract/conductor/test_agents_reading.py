"""What the agent reads of its task: the fake and a real server alike."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer

from perago.agent.clients.conductor import Conductor, ConductorRefused, open_session
from perago.agent.clients.http import NoAnswer
from perago.wire import IN_PROGRESS
from perago.wire.secrets import ConductorKeys
from tests.bodies import fixed
from tests.contract.conductor.backends import FakeBackend, RealBackend
from tests.contract.conductor.conftest import Define
from tests.contract.conductor.jobs import Backend, Job
from tests.contract.conductor.outcomes import COMPLETED, FAILED
from tests.fakes.conductor_http import application
from tests.faults.proxy import Proxy, answered, proxied


@pytest.fixture
async def proxy(backend: Backend) -> AsyncIterator[Proxy]:
    """The proxy between the agent and the server of the test's jobs."""
    if isinstance(backend, RealBackend):
        with proxied(backend.server.url) as proxy:
            yield proxy
        return
    assert isinstance(backend, FakeBackend)
    async with TestServer(application(backend.fake)) as server:
        with proxied(str(server.make_url("/api"))) as proxy:
            yield proxy


@pytest.fixture
async def agent(proxy: Proxy) -> AsyncIterator[Conductor]:
    """The agent's client."""
    async with open_session() as session:
        yield Conductor(session, fixed(ConductorKeys(proxy.url)))


async def test_a_task_under_way_is_the_attempt_that_was_polled(job: Job, agent: Conductor) -> None:
    """Every part of its identity, in a loop as well: the fence compares them."""
    task = (await job.polled("loop", text="hello")).task
    fresh = await agent.task(task.task_id)
    assert fresh is not None
    attempt = fresh.attempt
    assert (attempt.status, attempt.task_id, attempt.task_def_name) == (IN_PROGRESS, task.task_id, job.name)
    assert (attempt.workflow_instance_id, attempt.reference_task_name) == (task.workflow_instance_id, "ref__1")
    assert (attempt.seq, attempt.iteration, attempt.retry_count) == (task.seq, 1, 0)
    assert (fresh.input_data, fresh.input_is_elsewhere) == ({"text": "hello"}, False)


async def test_a_task_that_has_ended_has_another_status(define: Define, agent: Conductor) -> None:
    """And its retry is another attempt."""
    job = await define(retries=1)
    first = (await job.polled()).task
    await job.client.report(first, FAILED)
    second = (await job.next_task()).task
    before, after = await agent.task(first.task_id), await agent.task(second.task_id)
    assert before is not None
    assert after is not None
    assert (before.attempt.status, before.attempt.retry_count) == ("FAILED", 0)
    assert (after.attempt.status, after.attempt.retry_count) == (IN_PROGRESS, 1)
    await job.client.report(second, COMPLETED)
    ended = await agent.task(second.task_id)
    assert ended is not None
    assert ended.attempt.status == "COMPLETED"


async def test_an_unknown_task_is_none(agent: Conductor) -> None:
    """404 is an answer."""
    assert await agent.task("no-such-task") is None


async def test_an_input_over_three_mebibytes_is_elsewhere(job: Job, agent: Conductor) -> None:
    """It is shown empty, and must not be taken for an empty one."""
    task = (await job.polled(text="x" * (4 << 20))).task
    fresh = await agent.task(task.task_id)
    assert fresh is not None
    assert (fresh.input_data, fresh.input_is_elsewhere) == ({}, True)


@pytest.mark.parametrize("status", [404, 429, 500, 502, 503])
async def test_a_server_that_cannot_answer_is_asked_again_later(agent: Conductor, proxy: Proxy, status: int) -> None:
    """A gateway's page as well."""
    proxy.on("^GET", answered(status, b"<html>"))
    with pytest.raises(NoAnswer, match=str(status)):
        await agent.task("any")


async def test_a_page_that_is_not_json_is_no_answer(agent: Conductor, proxy: Proxy) -> None:
    """Something on the way has answered with 200."""
    proxy.on("^GET", answered(200, b"<html>"))
    with pytest.raises(NoAnswer, match="not JSON"):
        await agent.task("any")


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_is_no_unknown_task(agent: Conductor, proxy: Proxy, status: int) -> None:
    """Else a wrong key would look like a stale attempt."""
    proxy.on("^GET", answered(status))
    with pytest.raises(ConductorRefused, match=str(status)):
        await agent.task("any")
