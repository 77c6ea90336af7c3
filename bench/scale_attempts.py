"""Attempts of the operator's own process, and the agents that report them."""

import asyncio
import os
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import aiohttp

from bench.scale_api import Api
from bench.scale_process import Process, by_client
from perago.agent import outcome as outcomes
from perago.agent.clients.attempt_api import AttemptApi, open_session
from perago.agent.ending import Ending
from perago.agent.mounts import Mounts
from perago.agent.status import StatusWriter
from perago.wire import API_GROUP, API_VERSION, Order, StatusReport
from perago_dev.host import processes
from perago_dev.servers import controlplane
from perago_dev.servers.controlplane import ControlPlane
from perago_operator.adapters import kube_access
from perago_operator.core.names import AGENT_CONTAINER

API = f"{API_GROUP}/{API_VERSION}"
READY_SECONDS = 240.0
LIMIT_SECONDS = 1800.0
LOOK_SECONDS = 1.0
MOST_AT_ONCE = 100
"""`maxConcurrency` of the PeragoTask in the case with a limit."""
SESSIONS = 8
"""Of four connections each, as every agent's session."""
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
UNLIMITED = {f"PERAGO_LIMIT_{limit}": "0" for limit in ("PER_TASK", "PER_NAMESPACE", "PER_NODE", "STARTING_PER_NODE")}
"""The nodes here take any number of pods, and nobody else limits how many may start."""
NOWHERE = "http://127.0.0.1:9/api"
"""Conductor's address: these attempts belong to no Conductor task."""


async def attempts(plane: ControlPlane, count: int, sources: Path | None) -> dict[str, Any]:
    """As many attempts at once as there are; `sources` is a checkout whose operator is measured in place of ours."""
    return await _measured(Load(plane, "attempts", count, {"task": {"module": "m", "image": "i:1"}}), sources)


async def limited(plane: ControlPlane, count: int, sources: Path | None) -> dict[str, Any]:
    """All attempts at once, of one PeragoTask that lets a hundred of them run."""
    namespace, spec = "attempts-limited", {"module": "m", "image": "i:1", "maxConcurrency": MOST_AT_ONCE}
    metadata = {"name": "t", "namespace": namespace}
    plane.kubectl("create", "namespace", namespace)
    plane.kubectl.apply([{"apiVersion": API, "kind": "PeragoTask", "metadata": metadata, "spec": spec}])
    return await _measured(Load(plane, namespace, count, {"taskRef": {"name": "t"}}), sources)


@dataclass(frozen=True)
class Load:
    """So many attempts with this spec, in a namespace of their own."""

    plane: ControlPlane
    namespace: str
    count: int
    spec: dict[str, Any]

    @property
    def path(self) -> str:
        """Where they are created."""
        return f"/apis/{API}/namespaces/{self.namespace}/peragoattempts"

    def attempts(self) -> Iterator[dict[str, Any]]:
        """What is created."""
        spec = {**self.spec, "input": {"params": {}}}
        for number in range(self.count):
            yield {"apiVersion": API, "kind": "PeragoAttempt", "metadata": {"name": f"a-{number}"}, "spec": spec}


async def _measured(load: Load, sources: Path | None) -> dict[str, Any]:
    plane, namespace = load.plane, load.namespace
    plane.kubectl.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}])
    collector = controlplane.controllers(plane, ["garbage-collector-controller"])
    with collector, _operator(plane, namespace, sources) as operator:
        writes, cpu = plane.writes(), operator.cpu_seconds()
        seconds = await _carried_out(load, operator)
        return {
            "n": load.count,
            "seconds": round(seconds, 1),
            "per_s": round(load.count / seconds, 2),
            "operator_cpu_s": round(operator.cpu_seconds() - cpu, 1),
            "operator_rss_mib": round(operator.peak_mib()),
            **by_client(plane.writes() - writes, load.count, {"operator": "perago-operator", "agent": "perago-agent"}),
        }


async def _carried_out(load: Load, operator: Process) -> float:
    """Create them all, and wait until they are complete; in how many seconds."""
    course = Course(load.count)
    async with Api(load.plane.kubeconfig) as api, _agents(load.plane) as agents:
        pods = api.following(f"/api/v1/namespaces/{load.namespace}/pods", agents.see_pod)
        async with pods, api.following(load.path, course.see), asyncio.timeout(LIMIT_SECONDS):
            began = time.monotonic()
            await api.create(load.path, load.attempts())
            while not course.over.is_set():
                operator.require()
                agents.raise_failures()
                with suppress(TimeoutError):
                    await asyncio.wait_for(course.over.wait(), LOOK_SECONDS)
            return time.monotonic() - began


@dataclass
class Course:
    """Attempts on their way; over once all are complete and hold nothing."""

    count: int
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _done: set[str] = field(default_factory=set)

    def see(self, _: str, attempt: dict[str, Any]) -> None:
        """An attempt has changed."""
        conditions = attempt.get("status", {}).get("conditions", ())
        complete = any(c["type"] == "Complete" and c["status"] == "True" for c in conditions)
        if complete and not attempt["metadata"].get("finalizers"):
            self._done.add(attempt["metadata"]["name"])
        if len(self._done) == self.count:
            self.over.set()


class Agents:
    """The agents of all pods that run."""

    def __init__(self, mounts: Mounts, sessions: Iterable[aiohttp.ClientSession]) -> None:
        self._mounts = mounts
        self._sessions = cycle(sessions)
        self._begun: set[str] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._failed: list[BaseException] = []

    def see_pod(self, kind: str, pod: dict[str, Any]) -> None:
        """Start the agent of a pod that runs."""
        leaving = kind == "DELETED" or "deletionTimestamp" in pod["metadata"]
        uid = pod["metadata"]["uid"]
        if leaving or pod["status"].get("phase") != "Running" or uid in self._begun:
            return
        self._begun.add(uid)
        agent = asyncio.create_task(self._run(_order(pod)))
        self._running.add(agent)
        agent.add_done_callback(self._ended)

    async def _run(self, order: Order) -> None:
        """What the agent's session reports of a task without a workspace that returns at once."""
        status = StatusWriter(AttemptApi(next(self._sessions), self._mounts, order), order.retry_seconds)
        ending = Ending(order, status)
        status.post(StatusReport(step="Executing"))
        ending.took("executing", 0.0)
        await ending.record(outcomes.completed({"result": {}}))
        await status.flush()

    def _ended(self, agent: "asyncio.Task[None]") -> None:
        self._running.discard(agent)
        if not agent.cancelled() and (error := agent.exception()) is not None:
            self._failed.append(error)

    def raise_failures(self) -> None:
        """Raises what an agent has raised."""
        if self._failed:
            raise ExceptionGroup("agents failed", [e for e in self._failed if isinstance(e, Exception)])


def _order(pod: dict[str, Any]) -> Order:
    agent = next(container for container in pod["spec"]["containers"] if container["name"] == AGENT_CONTAINER)
    variables = {variable["name"]: variable.get("value", "") for variable in agent["env"]}
    return Order.model_validate_json(variables["PERAGO_ORDER"])


@asynccontextmanager
async def _agents(plane: ControlPlane) -> AsyncIterator[Agents]:
    """The agents share a few sessions."""
    mounts = _mounts(plane)
    async with AsyncExitStack() as opened:
        sessions = [await opened.enter_async_context(open_session(mounts)) for _ in range(SESSIONS)]
        yield Agents(mounts, sessions)


def _mounts(plane: ControlPlane) -> Mounts:
    """A token and the cluster's authority as files, as in a pod."""
    access = kube_access.load(plane.kubeconfig)
    folder = plane.folder / "agent"
    folder.mkdir(exist_ok=True)
    (folder / "token").write_text((access.read_authorization() or "").removeprefix("Bearer "))
    (folder / "ca.crt").write_bytes(Path(access.files.ca or "").read_bytes())
    return Mounts(cluster=folder, api_server=access.server)


def _leads(metrics: str) -> bool:
    """Whether it leads. It is never ready: these attempts need neither Conductor nor lakeFS, and there is none."""
    try:
        with DIRECT.open(metrics, timeout=3) as answer:
            return b"perago_leader 1.0" in answer.read()
    except OSError:
        return False


@contextmanager
def _operator(plane: ControlPlane, namespace: str, sources: Path | None) -> Iterator[Process]:
    port, log, keys = processes.free_port(), plane.folder / f"operator-{namespace}.log", plane.folder / "keys"
    keys.mkdir(exist_ok=True)
    settings = {
        "KUBECONFIG": str(plane.kubeconfig),
        "PERAGO_CONDUCTOR_URL": NOWHERE,
        "PERAGO_RUNNER_IMAGE": "runner:1",
        "PERAGO_HTTP_HOST": processes.LOOPBACK,
        "PERAGO_HTTP_PORT": str(port),
        "PERAGO_NAMESPACES": namespace,
        "PERAGO_LEASE_NAMESPACE": namespace,
        "PERAGO_LAKEFS_KEYS": str(keys),
        "PERAGO_CONDUCTOR_KEYS": str(keys),
        "PERAGO_LOG_LEVEL": "WARNING",
        **UNLIMITED,
    }
    if sources is not None:
        settings["PYTHONPATH"] = os.pathsep.join(str(sources / part) for part in ("operator", "runner"))
    command = [sys.executable, "-m", "perago_operator"]
    with processes.child(command, log, env={**os.environ, **settings}) as process:
        metrics = f"http://{processes.LOOPBACK}:{port}/metrics"
        processes.wait_for_child(process, lambda: _leads(metrics), READY_SECONDS, log)
        yield Process(process, log)
