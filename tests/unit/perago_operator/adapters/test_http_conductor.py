"""The Conductor client on the wire: what it sends, and what it never sends twice."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from perago.wire import ConductorTask, Outcome
from perago.wire.depth import is_too_deep
from perago.wire.egress import Egress
from perago.wire.secrets import CONDUCTOR_KEYS, TOKEN_HEADERS, ConductorKeys, conductor_keys, texts_in
from perago_operator.adapters.conductor import HttpConductor
from perago_operator.ports import Refused, Unreachable
from tests.fakes.waiting import in_time, until

TASK = ConductorTask(task_type="t", workflow_instance_id="wf", task_id="id", reference_task_name="ref", seq=1)


class Recorder:
    """A server that keeps the requests it got and answers with what a test wants."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.answer = web.json_response([])
        self.polls_wait = False
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.requests.append(request)
        if self.polls_wait and "/poll/" in request.path:
            await asyncio.Event().wait()
        return web.Response(status=self.answer.status, body=self.answer.body, content_type="application/json")


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    """The server, on loopback."""
    recorder = Recorder()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", recorder.handle)
    async with TestServer(app) as server:
        recorder.url = str(server.make_url("/api"))
        yield recorder


def reading(recorder: Recorder, folder: Path) -> Callable[[], ConductorKeys]:
    """Reads the Secret in this folder, as the operator does."""
    return lambda: conductor_keys({"url": recorder.url, **texts_in(folder, CONDUCTOR_KEYS)}, Egress())


async def test_the_credentials_of_the_secret_are_sent(recorder: Recorder, tmp_path: Path) -> None:
    """A proxy in front wants them; without any, nothing is sent, for Conductor is open by default."""
    for name, value in {"": "", "token": "abc\n", "tokenHeader": "X-Authorization"}.items():
        if name:
            (tmp_path / name).write_text(value)
        async with HttpConductor(reading(recorder, tmp_path)) as client:
            await client.extend_lease(TASK)
    sent = [{name: request.headers.get(name) for name in TOKEN_HEADERS} for request in recorder.requests]
    assert sent == [
        {"Authorization": None, "X-Authorization": None},
        {"Authorization": "Bearer abc", "X-Authorization": None},
        {"Authorization": None, "X-Authorization": "abc"},
    ]


async def test_another_address_takes_effect(recorder: Recorder, tmp_path: Path) -> None:
    """As other keys do: it was read once, at the operator's start."""
    times = iter((0.0, 31.0))
    (tmp_path / "url").write_text("http://127.0.0.1:9/api")
    async with HttpConductor(reading(recorder, tmp_path), clock=lambda: next(times)) as client:
        with pytest.raises(Unreachable):
            await client.extend_lease(TASK)
        (tmp_path / "url").write_text(recorder.url)
        await client.extend_lease(TASK)
    assert len(recorder.requests) == 1


@pytest.mark.parametrize("call", ["poll", "lease"])
async def test_a_lost_answer_is_not_asked_for_again(call: str) -> None:
    """aiohttp would repeat a GET automatically, and the tasks of the first answer would be lost."""
    connections = 0

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = HttpConductor(lambda: ConductorKeys(f"http://127.0.0.1:{port}/api"))
        poll = partial(client.poll, "t", domain=None, worker_id="w", count=1, timeout_ms=0)
        with pytest.raises(Unreachable) as caught:
            await (poll() if call == "poll" else client.extend_lease(TASK))
        await client.close()
    assert (connections, caught.value.fate_unknown) == (1, True)


async def test_a_call_ends_when_its_time_is_over() -> None:
    """A server that hangs holds nobody, and may have carried the call out."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with HttpConductor(lambda: ConductorKeys(f"http://127.0.0.1:{port}/api"), seconds=0.01) as client:
            with pytest.raises(Unreachable) as caught:
                await client.extend_lease(TASK)
    assert caught.value.fate_unknown


async def test_a_server_that_is_away_was_never_asked() -> None:
    """Nothing can have landed."""
    client = HttpConductor(lambda: ConductorKeys("http://127.0.0.1:9/api"))
    with pytest.raises(Unreachable) as caught:
        await client.extend_lease(TASK)
    await client.close()
    assert not caught.value.fate_unknown


@pytest.mark.parametrize("answer", ["<html>", '{"message": "hello"}', '"hello"', "7"])
async def test_a_page_of_something_else_is_not_an_empty_queue(recorder: Recorder, answer: str) -> None:
    """A proxy may answer with status 200, and not only in HTML."""
    recorder.answer = web.Response(text=answer)
    async with HttpConductor(lambda: ConductorKeys(recorder.url)) as client:
        with pytest.raises(Unreachable):
            await client.poll("t", domain=None, worker_id="w", count=1, timeout_ms=0)


@pytest.mark.parametrize("answer", ["<html>", "[]", "{}", '"hello"'])
async def test_a_page_of_something_else_is_not_a_task(recorder: Recorder, answer: str) -> None:
    """Nothing is concluded from it."""
    recorder.answer = web.Response(text=answer)
    async with HttpConductor(lambda: ConductorKeys(recorder.url)) as client:
        with pytest.raises(Unreachable):
            await client.read("id")


async def test_a_web_page_is_told_from_the_api(recorder: Recorder) -> None:
    """The usual reason is an address without its path."""
    recorder.answer = web.Response(body=b"<html></html>")
    async with HttpConductor(lambda: ConductorKeys(recorder.url)) as client:
        with pytest.raises(Unreachable, match=r"the answer is not JSON, .* whose address usually ends in /api"):
            await client.queue_size("t", None)


async def test_a_polled_task_keeps_its_whole_identity(recorder: Recorder) -> None:
    """Round and retry of a loop's task included: they tell logical tasks and attempts apart."""
    raw = {"taskId": "t1", "workflowInstanceId": "wf", "referenceTaskName": "ref", "taskDefName": "build", "seq": 4}
    raw |= {"iteration": 3, "retryCount": 2, "workerId": "me", "responseTimeoutSeconds": 60, "inputData": {"a": 1}}
    recorder.answer = web.json_response([raw])
    async with HttpConductor(lambda: ConductorKeys(recorder.url)) as client:
        [polled] = await client.poll("build", domain="blue", worker_id="me", count=1, timeout_ms=0)
    identity = {"task_type": "build", "workflow_instance_id": "wf", "task_id": "t1", "reference_task_name": "ref"}
    numbers = {"seq": 4, "iteration": 3, "retry_count": 2, "response_timeout_seconds": 60}
    assert polled.task == ConductorTask(**identity, **numbers, worker_id="me", domain="blue")
    assert (polled.input_data, polled.input_bytes) == ({"a": 1}, len('{"a":1}'))


async def test_a_rotated_secret_takes_effect(recorder: Recorder, tmp_path: Path) -> None:
    """Within half a minute; until then the files are not read for each call."""
    times = iter((0.0, 30.0, 31.0))
    (tmp_path / "token").write_text("old")
    async with HttpConductor(reading(recorder, tmp_path), clock=lambda: next(times)) as client:
        await client.extend_lease(TASK)
        (tmp_path / "token").write_text("new")
        await client.extend_lease(TASK)
        await client.extend_lease(TASK)
    sent = [request.headers["Authorization"] for request in recorder.requests]
    assert sent == ["Bearer old", "Bearer old", "Bearer new"]


async def test_keys_that_cannot_be_read_are_refused(recorder: Recorder, tmp_path: Path) -> None:
    """As a port error, like everything that keeps a call from being carried out."""
    (tmp_path / "token").mkdir()
    async with HttpConductor(reading(recorder, tmp_path)) as client:
        with pytest.raises(Refused, match="Conductor's keys cannot be read"):
            await client.extend_lease(TASK)
    assert recorder.requests == []


async def test_a_task_that_cannot_be_understood_takes_no_other_along(recorder: Recorder) -> None:
    """They were handed out together, and only once."""
    good = {"taskId": "t1", "workflowInstanceId": "wf", "referenceTaskName": "ref", "inputData": {}}
    recorder.answer = web.json_response([{"taskId": "t0"}, good, None])
    client = HttpConductor(lambda: ConductorKeys(recorder.url))
    polled = await client.poll("t", domain=None, worker_id="w", count=3, timeout_ms=0)
    await client.close()
    assert [task.task.task_id for task in polled] == ["t1"]


async def test_an_input_that_is_nested_too_deep_takes_no_other_along(recorder: Recorder) -> None:
    """It is cut where it can be read no further, and still is too deep for an attempt."""
    task = '{"taskId":"%s","workflowInstanceId":"wf","referenceTaskName":"ref","inputData":%s}'
    deep = '{"a":' * 5_000 + "1" + "}" * 5_000
    recorder.answer = web.Response(text=f"[{task % ('t0', deep)},{task % ('t1', '{}')}]")
    async with HttpConductor(lambda: ConductorKeys(recorder.url)) as client:
        polled = await client.poll("t", domain=None, worker_id="w", count=2, timeout_ms=0)
    assert [(task.task.task_id, is_too_deep(task.input_data)) for task in polled] == [("t0", True), ("t1", False)]


async def test_a_refusal_has_the_servers_words_and_no_key(recorder: Recorder, tmp_path: Path) -> None:
    """The message of Conductor's error object."""
    (tmp_path / "token").write_text("secret-token")
    recorder.answer = web.json_response({"message": "not allowed"}, status=403)
    client = HttpConductor(reading(recorder, tmp_path))
    with pytest.raises(Refused, match="not allowed") as caught:
        await client.extend_lease(TASK)
    await client.close()
    assert "secret-token" not in str(caught.value)


async def test_a_task_type_is_quoted_in_the_path(recorder: Recorder) -> None:
    """It may hold anything."""
    client = HttpConductor(lambda: ConductorKeys(recorder.url))
    await client.poll("a/b c", domain="blue", worker_id="w", count=2, timeout_ms=100)
    await client.close()
    request = recorder.requests[-1]
    assert request.raw_path.split("?")[0] == "/api/tasks/poll/batch/a%2Fb%20c"
    assert dict(request.query) == {"count": "2", "timeout": "100", "workerid": "w", "domain": "blue"}


UPDATE = {"workflowInstanceId": "wf", "taskId": "id", "workerId": "me"}
FAILED = Outcome(status="FAILED", reason="TaskFailed", message="x" * 501)
BODIES: dict[str, tuple[Callable[[HttpConductor, ConductorTask], Awaitable[None]], dict[str, Any]]] = {
    "lease": (HttpConductor.extend_lease, {"status": "IN_PROGRESS", "extendLease": True}),
    "give back": (HttpConductor.give_back, {"status": "IN_PROGRESS", "callbackAfterSeconds": 0}),
    "report": (
        lambda client, task: client.report(
            task, Outcome(status="COMPLETED", reason="Completed", message="done", output={"result": {}})
        ),
        {"status": "COMPLETED", "outputData": {"result": {}}},
    ),
    "report a failure": (
        lambda client, task: client.report(task, FAILED),
        {"status": "FAILED", "reasonForIncompletion": "x" * 500},
    ),
    "report a failure without a message": (
        lambda client, task: client.report(task, FAILED.model_copy(update={"message": None})),
        {"status": "FAILED", "reasonForIncompletion": "TaskFailed"},
    ),
}


@pytest.mark.parametrize("update", BODIES)
async def test_an_update_says_what_it_means_and_no_more(recorder: Recorder, update: str) -> None:
    """One key more or less, and Conductor gives the task to another worker, or ends it."""
    call, body = BODIES[update]
    client = HttpConductor(lambda: ConductorKeys(recorder.url))
    await call(client, TASK.model_copy(update={"worker_id": "me"}))
    await client.close()
    assert (recorder.requests[-1].method, recorder.requests[-1].path) == ("POST", "/api/tasks")
    assert json.loads(recorder.bodies[-1]) == UPDATE | body


async def test_a_task_without_a_worker_names_none(recorder: Recorder) -> None:
    """Conductor would take a null for a name."""
    client = HttpConductor(lambda: ConductorKeys(recorder.url))
    await client.extend_lease(TASK)
    await client.close()
    assert "workerId" not in json.loads(recorder.bodies[-1])


async def test_calls_are_observed_with_their_result(recorder: Recorder) -> None:
    """Metrics are made of these."""
    seen: list[tuple[str, str, str]] = []
    client = HttpConductor(
        lambda: ConductorKeys(recorder.url),
        observe=lambda service, call, result, _: seen.append((service, call, result)),
    )
    await client.extend_lease(TASK)
    recorder.answer = web.json_response({"message": "gone"}, status=404)
    assert await client.read("id") is None
    recorder.answer = web.Response(text="<html>please log in</html>")
    with pytest.raises(Unreachable):
        await client.poll("t", domain=None, worker_id="w", count=1, timeout_ms=0)
    await client.close()
    calls = [("extend_lease", "ok"), ("read", "NotFound"), ("poll", "Unreachable")]
    assert seen == [("conductor", *call) for call in calls]


async def test_no_heartbeat_waits_behind_polls(recorder: Recorder) -> None:
    """Each PeragoTask has a poll under way, which keeps its connection for seconds."""
    recorder.polls_wait = True
    async with HttpConductor(lambda: ConductorKeys(recorder.url), connections=1) as client:
        poll = partial(client.poll, "t", domain=None, worker_id="w", count=1, timeout_ms=5000)
        polls = [asyncio.create_task(poll()) for _ in range(2)]
        await until(lambda: len(recorder.requests) == 2)
        await in_time(client.extend_lease(TASK))
        for poll_under_way in polls:
            poll_under_way.cancel()
        await asyncio.gather(*polls, return_exceptions=True)


@pytest.mark.parametrize("body", ["default backend - 404", "", "[]", '{"error": "Not Found"}'])
async def test_a_404_of_something_on_the_way_does_not_say_that_a_task_is_gone(recorder: Recorder, body: str) -> None:
    """An ingress without a route answers like this while Conductor is rolled out: nobody's work ends because of it."""
    client = HttpConductor(lambda: ConductorKeys(recorder.url))
    for ask in (lambda: client.read("id"), lambda: client.workflow_ended("wf"), lambda: client.extend_lease(TASK)):
        recorder.answer = web.Response(status=404, text=body)
        with pytest.raises(Unreachable, match="does not come from Conductor"):
            await ask()
    await client.close()
