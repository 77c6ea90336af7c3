"""What changes something leaves through the gate, at all three servers; reads need none."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.config import kube_config  # type: ignore[import-untyped]

from perago.wire import ConductorTask, Outcome
from perago.wire.secrets import ConductorKeys
from perago_operator.__main__ import outside
from perago_operator.adapters import kube_access
from perago_operator.adapters.conductor import HttpConductor
from perago_operator.adapters.kube import utc_now
from perago_operator.adapters.kube_api import KubeApi
from perago_operator.adapters.metrics import Metrics
from perago_operator.clocks import TimeOfDay
from perago_operator.ports import ObjectRef, Unreachable
from perago_operator.process.assembly import Outside
from perago_operator.settings import Settings
from tests.fakes.waiting import in_time, until

TASK = ConductorTask(task_type="t", workflow_instance_id="wf", task_id="id", reference_task_name="ref", seq=1)
OBJECT = {"metadata": {"resourceVersion": "1", "uid": "uid"}}
"""As much of an answer as a Lease and a status need."""


class Server:
    """The API server, Conductor and lakeFS in one: it takes every request for its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[str] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        await request.read()
        self.seen.append(f"{request.method} {request.path}")
        await self.answers.wait()
        return web.json_response(OBJECT)

    def access(self) -> kube_access.Access:
        """As the operator loads it."""
        return kube_access.load(self.kubeconfig())

    def kubeconfig(self) -> Path:
        """The way to it as the API server."""
        config = {
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {"token": "abc"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path = self.folder / "kubeconfig"
        path.write_text(json.dumps(config))
        return path

    def settings(self) -> Settings:
        """Of an operator that has to do with this server alone."""
        keys = {"endpoint": self.url, "accessKeyId": "key", "secretAccessKey": "secret"}
        for name, value in keys.items():
            (self.folder / name).write_text(value)
        return Settings(
            runner_image="runner:1", identity="me", conductor_url=f"{self.url}/conductor", lakefs_keys=self.folder
        )


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """On loopback."""
    server = Server(tmp_path)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    async with TestServer(app) as listening:
        server.url = str(listening.make_url("")).rstrip("/")
        yield server


class Door:
    """A gate."""

    closed = False

    def __call__(self) -> None:
        if self.closed:
            raise Unreachable("nothing was sent: closed")


async def held_back(server: Server, door: Door, read: Awaitable[object], write: Awaitable[object]) -> None:
    """The write waits for the one connection, which the read has; meanwhile the gate is closed."""
    server.answers.clear()
    reading = asyncio.ensure_future(read)
    await until(lambda: len(server.seen) == 1)
    writing = asyncio.ensure_future(write)
    for _ in range(20):
        await asyncio.sleep(0)
    door.closed = True
    server.answers.set()
    await in_time(reading)
    with pytest.raises(Unreachable, match=r"^nothing was sent: closed$") as refused:
        await in_time(writing)
    assert not refused.value.fate_unknown
    assert len(server.seen) == 1


async def test_a_write_to_the_api_server_is_refused_at_the_moment_of_sending(server: Server) -> None:
    """It was asked for in time, and waited for a connection until it was too late."""
    door = Door()
    async with KubeApi(server.access(), connections=1, gate=door) as api:
        await held_back(server, door, api.get("/api/v1/pods"), api.create("/api/v1/pods", {}))
        await api.get("/api/v1/pods")


async def test_an_update_of_conductor_is_refused_at_the_moment_of_sending(server: Server) -> None:
    """The same."""
    door = Door()
    async with HttpConductor(lambda: ConductorKeys(server.url), connections=1, gate=door) as conductor:
        await held_back(server, door, conductor.workflow_ended("wf"), conductor.extend_lease(TASK))
        await conductor.workflow_ended("wf")


ABOUT = ObjectRef("PeragoAttempt", "ns", "a", "uid")
DONE = Outcome(status="COMPLETED", reason="Completed", message="done")
WRITES: dict[str, Callable[[Outside], Awaitable[object]]] = {
    "create_attempt": lambda world: world.cluster.create_attempt("ns", {}),
    "delete_attempt": lambda world: world.cluster.delete_attempt("ns", "a", "uid"),
    "hold_attempt": lambda world: world.cluster.hold_attempt("ns", "a", "uid"),
    "release_attempt": lambda world: world.cluster.release_attempt("ns", "a", "uid"),
    "patch_attempt_status": lambda world: world.cluster.patch_attempt_status("ns", "a", {}),
    "patch_task_status": lambda world: world.cluster.patch_task_status("ns", "a", {}),
    "create_pod": lambda world: world.cluster.create_pod("ns", {}),
    "delete_pod": lambda world: world.cluster.delete_pod("ns", "a", "uid"),
    "release_pod": lambda world: world.cluster.release_pod("ns", "a", "uid"),
    "record_event": lambda world: world.cluster.record_event("ns", ABOUT, "Normal", "Reason", "words"),
    "poll": lambda world: world.conductor.poll("t", domain=None, worker_id="w", count=1, timeout_ms=0),
    "extend_lease": lambda world: world.conductor.extend_lease(TASK),
    "report": lambda world: world.conductor.report(TASK, DONE),
    "give_back": lambda world: world.conductor.give_back(TASK),
    "log": lambda world: world.conductor.log("id", "words"),
    "delete_branch": lambda world: world.versions.delete_branch("repo", "b"),
}
"""All calls of the ports that change something."""


async def results(world: Outside) -> dict[str, str]:
    """What comes of each of them: the words of its error, or nothing."""

    async def result(write: Callable[[Outside], Awaitable[object]]) -> str:
        try:
            await write(world)
        except Exception as error:  # noqa: BLE001 -- the server's answers make no sense to all of them
            return str(error)
        return ""

    return {name: await result(write) for name, write in WRITES.items()}


async def test_a_replica_changes_something_only_while_it_leads(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients of all three servers have the gate of the Lease that is renewed by its thread."""
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(server.kubeconfig()))
    now = TimeOfDay(time.monotonic, utc_now)
    async with outside(server.settings(), Metrics(), asyncio.Event(), now) as world:
        refusals = await results(world)
        assert {name for name, words in refusals.items() if not words.startswith("nothing was sent: ")} == set()
        assert server.seen == []
        await in_time(world.leadership.acquire())
        assert [call.split()[0] for call in server.seen] == ["GET", "PUT"]
        leading = await results(world)
        assert {name for name, words in leading.items() if "nothing was sent" in words} == set()
        assert len(server.seen) == 2 + len(WRITES)
