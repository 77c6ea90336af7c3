"""Conductor's task: who it is now, and its input."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from perago import wire
from perago.agent.clients.conductor import Conductor, ConductorRefused, open_session
from perago.agent.clients.http import NoAnswer, Server
from perago.agent.mounts import Mounted
from perago.wire.depth import is_too_deep
from perago.wire.secrets import ConductorKeys
from tests.bodies import fixed
from tests.fakes.scripted_server import Answer, ScriptedServer

RECORD: dict[str, Any] = {
    "taskType": "build", "taskDefName": "build", "status": "IN_PROGRESS", "workflowInstanceId": "wf", "taskId": "t/1",
    "referenceTaskName": "ref", "seq": 3, "iteration": 2, "retryCount": 1, "workerId": "w", "domain": None,
    "responseTimeoutSeconds": 60, "inputData": {"params": {}}, "outputData": {}, "pollCount": 1,
}  # fmt: skip


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer([Answer(json=RECORD)]).serving() as server:
        yield server


@pytest.fixture
async def conductor(server: ScriptedServer) -> AsyncIterator[Conductor]:
    async with open_session() as session:
        yield Conductor(session, fixed(ConductorKeys(f"{server.url}/api")))


async def test_a_task_is_an_attempt_with_its_input(server: ScriptedServer, conductor: Conductor) -> None:
    """Every part of its identity is Conductor's, iteration and retry included; what is null is left out."""
    task = await conductor.task("t/1")
    assert task is not None
    assert task.attempt == wire.CurrentAttempt(
        status="IN_PROGRESS", task_type="build", workflow_instance_id="wf", task_id="t/1", reference_task_name="ref",
        seq=3, iteration=2, retry_count=1, worker_id="w", response_timeout_seconds=60,
    )  # fmt: skip
    assert (task.input_data, task.input_is_elsewhere) == ({"params": {}}, False)
    assert server.asked[0].path == "/api/tasks/t%2F1"


async def test_an_input_in_external_storage_is_not_taken_for_an_empty_one(
    server: ScriptedServer, conductor: Conductor
) -> None:
    """Conductor hands out a path in its place."""
    server.answers = [Answer(json=RECORD | {"inputData": {}, "externalInputPayloadStoragePath": "x.json"})]
    task = await conductor.task("t/1")
    assert task is not None
    assert task.input_is_elsewhere


async def test_an_input_that_is_nested_too_deep_is_read_as_far_as_it_can_be(
    server: ScriptedServer, conductor: Conductor
) -> None:
    """The attempt then fails by its words, and the agent does not."""
    deep = '{"a":' * 5_000 + "1" + "}" * 5_000
    server.answers = [Answer(text=json.dumps(RECORD).replace('{"params": {}}', deep))]
    task = await conductor.task("t/1")
    assert task is not None
    assert is_too_deep(task.input_data)


async def test_an_unknown_task_is_none(server: ScriptedServer, conductor: Conductor) -> None:
    """404."""
    server.answers = [Answer(404, {"message": "no such task"})]
    assert await conductor.task("t/1") is None


@pytest.mark.parametrize("answer", [Answer(404, text="<html>"), Answer(404, {}), Answer(404, text="")])
async def test_a_404_in_other_words_says_nothing_of_the_task(
    server: ScriptedServer, conductor: Conductor, answer: Answer
) -> None:
    """A gateway gives it while the servers behind it restart, and no work is thrown away for that."""
    server.answers = [answer]
    with pytest.raises(NoAnswer, match="a 404 that does not come from Conductor"):
        await conductor.task("t/1")


@pytest.mark.parametrize(("status", "kind"), [(401, ConductorRefused), (500, NoAnswer), (503, NoAnswer)])
async def test_each_status_has_a_meaning(
    server: ScriptedServer, conductor: Conductor, status: int, kind: type[Exception]
) -> None:
    """It is refused, or tried again."""
    server.answers = [Answer(status, {})]
    with pytest.raises(kind, match=f"Conductor .* read the task t/1: {status}"):
        await conductor.task("t/1")


async def test_an_answer_without_json_comes_from_elsewhere(server: ScriptedServer, conductor: Conductor) -> None:
    """A proxy's page is not the task."""
    server.answers = [Answer(200, text="<html>please log in</html>")]
    with pytest.raises(NoAnswer, match="not JSON") as caught:
        await conductor.task("t/1")
    assert caught.value.server is Server.CONDUCTOR


@pytest.mark.parametrize(
    ("keys", "header", "want"),
    [
        pytest.param({"token": "abc"}, "Authorization", "Bearer abc", id="a token"),
        pytest.param(
            {"username": "Aladdin", "password": "open sesame"}, "Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            id="a user",
        ),
        pytest.param({}, "Authorization", None, id="neither"),
    ],
)  # fmt: skip
async def test_credentials_are_sent_as_conductor_wants_them(
    server: ScriptedServer, keys: dict[str, Any], header: str, want: str | None
) -> None:
    """And none are, where the Secret has none."""
    async with open_session() as session:
        await Conductor(session, fixed(ConductorKeys(server.url, **keys))).task("t/1")
    assert server.asked[0].headers.get(header) == want


async def test_a_token_that_is_refused_is_read_again_from_the_secret(server: ScriptedServer) -> None:
    """It may have been renewed while the function ran."""
    keys = [ConductorKeys(server.url, token="old"), ConductorKeys(server.url, token="new")]
    mounted = Mounted(lambda: keys.pop(0))
    server.answers = [Answer(401, {}), Answer(404, {"message": "no such task"})]
    async with open_session() as session:
        assert await Conductor(session, mounted).task("t1") is None
    assert [asked.headers["Authorization"] for asked in server.asked] == ["Bearer old", "Bearer new"]
