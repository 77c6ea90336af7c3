"""A pod per test: its own repository on the session's lakeFS, an API server and a Conductor in this process."""

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from perago.wire import ConductorTask
from perago.wire.egress import basic_auth
from perago_dev.servers.lakefs import Server
from tests.contract.agent.pod import GrantingServer, Pod
from tests.contract.agent.repository import Repository
from tests.fakes.attempt_api import TOKEN
from tests.fakes.conductor_http import application
from tests.fakes.conductor_server import ConductorServer
from tests.faults.proxy import proxied

UID = "0f2d6a52-7a3c-4f0e-9a55-0d8f6d1c1111"
TASK = "task-1"


def secret(folder: Path, **values: str) -> str:
    folder.mkdir()
    for name, value in values.items():
        (folder / name).write_text(value)
    return str(folder)


def order(task: ConductorTask) -> dict[str, Any]:
    """What the operator tells the agent of an attempt of this task."""
    return {
        "namespace": "team-a",
        "name": "a1",
        "uid": UID,
        "execution": 1,
        "installation": "tests",
        "module": "writable",
        "image": "app:1",
        "conductor": task.to_json(),
        "connectSeconds": 120,
        "retrySeconds": 5,
        "outageSeconds": 30,
    }


def polled_task(conductor: ConductorServer) -> ConductorTask:
    """A task that the operator has polled."""
    conductor.schedule("writable", TASK, reference_task_name="build")
    [task] = conductor.take(("writable", None), 1, "operator")
    return task.identity


@pytest.fixture
async def repository(lakefs: Server) -> AsyncIterator[Repository]:
    """An empty repository by a name of its own, deleted afterwards."""
    headers = {"Authorization": basic_auth(lakefs.access_key, lakefs.secret_key)}
    async with aiohttp.ClientSession(headers=headers) as session:
        made = Repository(session, lakefs, f"agent-{uuid.uuid4().hex[:12]}")
        await made.create()
        yield made
        await made.delete()


@pytest.fixture
async def pod(tmp_path: Path, repository: Repository) -> AsyncIterator[Pod]:
    """A pod whose attempt belongs to a Conductor task that is in progress; its agent is ended with the test."""
    api = GrantingServer({"metadata": {"namespace": "team-a", "name": "a1", "uid": UID}, "spec": {}})
    conductor = ConductorServer()
    async with AsyncExitStack() as stack:
        api_server = await stack.enter_async_context(TestServer(api.application()))
        cluster_proxy = stack.enter_context(proxied(str(api_server.make_url("")).rstrip("/")))
        conductor_server = await stack.enter_async_context(TestServer(application(conductor)))
        conductor_proxy = stack.enter_context(proxied(str(conductor_server.make_url("/api"))))
        server = repository.server
        (tmp_path / "workspace").mkdir()
        mounts = {
            "workspace": str(tmp_path / "workspace"),
            "socket": str(tmp_path / "agent.sock"),
            "lakefs": secret(
                tmp_path / "lakefs", endpoint=server.endpoint, accessKeyId=server.access_key,
                secretAccessKey=server.secret_key,
            ),
            "conductor": secret(tmp_path / "conductor", url=conductor_proxy.url),
            "cluster": secret(tmp_path / "cluster", token=TOKEN),
            "api_server": cluster_proxy.url,
        }  # fmt: skip
        task = polled_task(conductor)
        made = Pod(tmp_path, repository, api, conductor, cluster_proxy, conductor_proxy, order(task), mounts)
        yield made
        if made.agent is not None and made.agent.returncode is None:
            made.agent.kill()
            await made.agent.wait()
