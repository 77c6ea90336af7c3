"""The composition root: an agent put together for a pod's mounts, with servers on loopback and a task on the socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from perago import wire
from perago.agent.listen import listen
from perago.agent.mounts import Mounts
from perago.agent.reporter import Reporter
from perago.agent.run import run
from perago.wire import Reason
from tests.fakes.attempt_api import TOKEN, AttemptServer
from tests.fakes.waiting import until
from tests.unit.perago.agent.kit import COMPLETED, DOWNLOAD, FAILED, HELLO, stored_attempt
from tests.unit.perago.agent.test_publication import order

WORKSPACE = {"repository": "repo", "branch": "main", "refType": "commit", "ref": "c0"}


class Pod:
    """The agent's container: its mounts, and the API server that it talks to."""

    def __init__(self, folder: Path, api: AttemptServer, api_server: str) -> None:
        self.folder = folder
        self.api = api
        for name in ("cluster", "lakefs", "conductor"):
            (folder / name).mkdir()
        (folder / "cluster/token").write_text(TOKEN)
        self.mounts = Mounts(
            workspace=folder, socket=folder / "s", lakefs=folder / "lakefs", conductor=folder / "conductor",
            cluster=folder / "cluster", api_server=api_server,
        )  # fmt: skip

    async def run(self, order: wire.Order, *calls: wire.Call) -> int:
        """The agent's exit code, after a task that makes these calls; without any, nobody connects."""
        listener = listen(str(self.mounts.socket))
        running = asyncio.create_task(run(order, self.mounts, listener))
        if calls:
            await asyncio.to_thread(talk, str(self.mounts.socket), calls)
        return await running

    @property
    def outcome(self) -> wire.Outcome:
        """What was recorded."""
        return wire.Outcome.model_validate(self.api.status["outcome"])


def talk(path: str, calls: tuple[wire.Call, ...]) -> None:
    """Make the calls, wait for each answer, and hang up."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(path)
        for call in calls:
            connection.sendall(wire.encode_frame(call.to_json()))
            connection.recv(1 << 20)


@pytest.fixture
async def pod(tmp_path: Path) -> AsyncIterator[Pod]:
    api = AttemptServer(stored_attempt(order()))
    async with TestServer(api.application()) as server:
        yield Pod(tmp_path, api, str(server.make_url("")).rstrip("/"))


def ordered(**changes: Any) -> wire.Order:
    """An order whose waits are short where they end in a failure."""
    return order(**({"conductor": None, "retry_seconds": 0, "outage_seconds": 0, "connect_seconds": 20} | changes))


async def test_a_recorded_attempt_ends_with_0(pod: Pod) -> None:
    """A task without a workspace needs neither lakeFS nor Conductor."""
    assert await pod.run(ordered(), HELLO, COMPLETED) == 0
    assert pod.outcome.output == {"result": {"n": 1}}


async def test_without_a_task_the_agent_has_no_result(pod: Pod) -> None:
    """After its time."""
    assert await pod.run(ordered(connect_seconds=0)) == wire.NO_RESULT_EXIT


async def test_the_agent_of_another_attempt_of_the_same_name_gives_up(pod: Pod) -> None:
    """The error is logged, and nothing recorded: its exit code says that the task had no part in that."""
    pod.api.attempt["metadata"]["uid"] = "u3"
    assert await pod.run(ordered(), HELLO) == wire.GAVE_UP_EXIT
    assert "outcome" not in pod.api.status


async def test_a_missing_lakefs_secret_is_an_invalid_task(pod: Pod) -> None:
    """Said when a workspace is asked for, with the Secret's name."""
    pod.api.attempt["spec"]["input"] = {"workspace": WORKSPACE, "params": {}}
    assert await pod.run(ordered(), HELLO, DOWNLOAD, FAILED) == 0
    assert pod.outcome.reason == Reason.INVALID_TASK


async def test_a_missing_conductor_secret_is_an_invalid_task(pod: Pod) -> None:
    """Said when Conductor is first asked, here for the input."""
    with_conductor = order(retry_seconds=0, outage_seconds=0, input_from="Conductor")
    assert await pod.run(with_conductor, HELLO, FAILED) == 0
    assert pod.outcome.reason == Reason.INVALID_TASK


async def test_without_lakefs_a_workspace_cannot_be_opened(pod: Pod) -> None:
    """The keys are there, and nobody listens at the endpoint."""
    pod.api.attempt["spec"]["input"] = {"workspace": WORKSPACE, "params": {}}
    for name, value in {"endpoint": "http://127.0.0.1:1", "accessKeyId": "a", "secretAccessKey": "s"}.items():
        (pod.mounts.lakefs / name).write_text(value)
    assert await pod.run(ordered(), HELLO, DOWNLOAD, FAILED) == 0
    assert pod.outcome.reason == Reason.LAKEFS_UNREACHABLE


async def test_a_later_execution_looks_for_evidence_first(pod: Pod) -> None:
    """It cannot, so it ends without waiting for a task."""
    pod.api.attempt["spec"]["input"] = {"workspace": WORKSPACE, "params": {}}
    assert await pod.run(ordered(execution=2)) == 0
    assert pod.outcome.reason == Reason.INVALID_TASK


async def test_an_outage_is_told_while_it_lasts(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the attempt's status: which server, until when it is asked, and the last error."""
    monkeypatch.setattr("perago.agent.run.Reporter", partial(Reporter, period=0.01))
    for name, value in {"endpoint": "http://127.0.0.1:9", "accessKeyId": "a", "secretAccessKey": "s"}.items():
        (pod.mounts.lakefs / name).write_text(value)
    pod.api.attempt["spec"]["input"] = {"workspace": WORKSPACE, "params": {}}
    listener = listen(str(pod.mounts.socket))
    running = asyncio.create_task(run(ordered(retry_seconds=600), pod.mounts, listener))
    with socket.socket(socket.AF_UNIX) as task:
        task.connect(str(pod.mounts.socket))
        await until(lambda: "waiting" in pod.api.status)
    waiting = pod.api.status["waiting"]
    assert waiting["server"] == "lakeFS"
    assert waiting["since"] < waiting["until"]
    assert "127.0.0.1:9" in waiting["error"]
    assert await running == wire.NO_RESULT_EXIT
