"""What reaches the API server about a pod: its uid goes along, so that another pod of the name is left alone."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from perago_operator.adapters import kube_access
from perago_operator.adapters.kube import KubeCluster, utc_now
from perago_operator.adapters.kube_api import KubeApi
from perago_operator.core.names import POD_FINALIZER
from perago_operator.ports import NotFound
from tests.fakes.scripted_server import Answer, ScriptedServer

POD = "/api/v1/namespaces/ns/pods/a1-1"
TEST_FAILED = Answer(422, {"message": "the server rejected our request due to an error in our request"})


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    """The API server, on loopback."""
    server = ScriptedServer()
    async with server.serving():
        yield server


def access(server: ScriptedServer, folder: Path) -> kube_access.Access:
    """A kubeconfig that names it."""
    config = {
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "users": [{"name": "u", "user": {"token": "abc"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    return kube_access.load(path)


@pytest.fixture
async def cluster(server: ScriptedServer, tmp_path: Path) -> AsyncIterator[KubeCluster]:
    """The cluster behind it."""
    async with KubeApi(access(server, tmp_path)) as api:
        yield KubeCluster(api, component="test", now=utc_now)


def sent(server: ScriptedServer) -> list[tuple[str, str, Any]]:
    """Method, path and body of each request."""
    return [(asked.method, asked.path, json.loads(asked.body or b"null")) for asked in server.asked]


async def test_a_pod_is_deleted_by_its_uid_in_one_call(server: ScriptedServer, cluster: KubeCluster) -> None:
    """The API server itself refuses when another pod has the name, and then nothing is left to do."""
    server.answers = [Answer(409, {"message": "the UID in the precondition does not match"})]
    await cluster.delete_pod("ns", "a1-1", "uid-1")
    options = {"propagationPolicy": "Background", "preconditions": {"uid": "uid-1"}}
    assert sent(server) == [("DELETE", POD, options)]


async def test_a_pod_is_released_by_its_uid_in_one_call(server: ScriptedServer, cluster: KubeCluster) -> None:
    """Our finalizer is the first, as a rule."""
    await cluster.release_pod("ns", "a1-1", "uid-1")
    patch = [
        {"op": "test", "path": "/metadata/uid", "value": "uid-1"},
        {"op": "test", "path": "/metadata/finalizers/0", "value": POD_FINALIZER},
        {"op": "remove", "path": "/metadata/finalizers/0"},
    ]
    assert sent(server) == [("PATCH", POD, patch)]


async def test_each_answer_tells_the_time(server: ScriptedServer, tmp_path: Path) -> None:
    """The API server's, with the moment before which it was not asked."""
    heard: list[tuple[str | None, float]] = []
    before = time.monotonic()
    server.answers = [Answer(200, {}, headers={"Date": "Thu, 01 Jan 2026 00:00:07 GMT"}), Answer(404, {})]
    async with KubeApi(access(server, tmp_path), heard=lambda date, sent: heard.append((date, sent))) as api:
        await api.get("/x")
        with pytest.raises(NotFound):
            await api.get("/x")
    assert heard[0][0] == "Thu, 01 Jan 2026 00:00:07 GMT"
    assert before <= heard[0][1] <= heard[1][1] <= time.monotonic()
    assert heard[1][0]


async def test_another_pod_of_the_name_keeps_its_finalizer(server: ScriptedServer, cluster: KubeCluster) -> None:
    """It is read once, since the finalizer might have stood elsewhere in the list, and is left alone."""
    another = {"metadata": {"uid": "uid-2", "finalizers": [POD_FINALIZER]}}
    server.answers = [TEST_FAILED, Answer(200, another)]
    await cluster.release_pod("ns", "a1-1", "uid-1")
    assert [(method, path) for method, path, _ in sent(server)] == [("PATCH", POD), ("GET", POD)]
