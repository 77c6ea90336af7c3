"""Workflows of one step each, by Argo Workflows' own controller: what people would otherwise run such tasks with.

The pods are KWOK's, so that nobody waits in them. What Argo's helper in the pod reports at its end, one
WorkflowTaskResult named after the node of the workflow, is made by the bench. The controller is the only one that runs
here without its own leader election, which its manual allows; Argo leaves its pods, and no pod is deleted.
"""

import asyncio
import os
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from bench.scale_api import Api
from bench.scale_process import Process, by_client
from perago_dev.host import processes
from perago_dev.servers import argo
from perago_dev.servers.controlplane import ControlPlane

NAMESPACE = "argo"
GROUP = "argoproj.io/v1alpha1"
COLLECTION = f"/apis/{GROUP}/namespaces/{NAMESPACE}"
WORKFLOWS, RESULTS = f"{COLLECTION}/workflows", f"{COLLECTION}/workflowtaskresults"
NODE = "workflows.argoproj.io/node-id"
WORKFLOW = "workflows.argoproj.io/workflow"
REPORTED = "workflows.argoproj.io/report-outputs-completed"
ACCOUNT = "default"
WORKERS, QPS, BURST = 32, 1000, 2000
"""Its manual's settings for scale: more workers, and no throttling."""
DONE = ("Succeeded", "Failed", "Error")
FIXED_PORT = 6060
"""Of its probe, at every address of the machine, unless somebody has the port already."""
LIMIT_SECONDS = 1800.0


async def workflows(plane: ControlPlane, count: int) -> dict[str, Any]:
    """Create so many Workflows and wait until all have succeeded. Raises RuntimeError if one has not."""
    _prepare(plane)
    with _controller(plane) as controller:
        async with Api(plane.kubeconfig) as api:
            await _carried_out(api, controller, ["ready"])
            writes, cpu, began = plane.writes(), controller.cpu_seconds(), time.monotonic()
            await _carried_out(api, controller, [f"w-{number}" for number in range(count)])
            seconds = time.monotonic() - began
        return {
            "n": count,
            "seconds": round(seconds, 1),
            "per_s": round(count / seconds, 2),
            "controller_cpu_s": round(controller.cpu_seconds() - cpu, 1),
            "controller_rss_mib": round(controller.peak_mib()),
            **by_client(plane.writes() - writes, count, {"controller": argo.PROGRAM}),
        }


async def _carried_out(api: Api, controller: Process, names: list[str]) -> None:
    """Create Workflows of these names, and wait until all are over."""
    course = Course(api, names)
    pods = api.following(f"/api/v1/namespaces/{NAMESPACE}/pods", course.see_pod)
    async with pods, api.following(WORKFLOWS, course.see_workflow), asyncio.timeout(LIMIT_SECONDS):
        await api.create(WORKFLOWS, map(_workflow, names))
        while not course.over.is_set():
            controller.require()
            course.raise_failures()
            with suppress(TimeoutError):
                await asyncio.wait_for(course.over.wait(), 1.0)
    course.raise_failures()


class Course:
    """Workflows on their way, and the helper of each pod that has ended."""

    def __init__(self, api: Api, names: Iterable[str]) -> None:
        self.over = asyncio.Event()
        self._api = api
        self._left = set(names)
        self._failed: list[str] = []
        self._reported: set[str] = set()
        self._reports: set[asyncio.Task[None]] = set()

    def see_workflow(self, _: str, workflow: dict[str, Any]) -> None:
        """A workflow has changed."""
        name, phase = workflow["metadata"]["name"], workflow.get("status", {}).get("phase")
        if phase not in DONE:
            return
        if phase != DONE[0]:
            self._failed.append(f"workflow {name}: {phase}: {workflow['status'].get('message')}")
        self._left.discard(name)
        if not self._left:
            self.over.set()

    def see_pod(self, _: str, pod: dict[str, Any]) -> None:
        """Report for the helper of a pod that has ended."""
        metadata = pod["metadata"]
        if pod["status"].get("phase") != "Succeeded" or metadata["name"] in self._reported:
            return
        self._reported.add(metadata["name"])
        result = _result(metadata["annotations"][NODE], metadata["labels"][WORKFLOW])
        report = asyncio.create_task(self._api.create(RESULTS, [result]))
        self._reports.add(report)
        report.add_done_callback(self._reported_one)

    def _reported_one(self, report: "asyncio.Task[None]") -> None:
        self._reports.discard(report)
        if not report.cancelled() and (error := report.exception()) is not None:
            self._failed.append(str(error))

    def raise_failures(self) -> None:
        """Raises RuntimeError when a workflow or a report has failed."""
        if self._failed:
            raise RuntimeError("; ".join(self._failed[:3]))


def _workflow(name: str) -> dict[str, Any]:
    template = {"name": "main", "container": {"image": "i:1", "command": ["x"]}}
    return {
        "apiVersion": GROUP,
        "kind": "Workflow",
        "metadata": {"name": name},
        "spec": {"entrypoint": "main", "serviceAccountName": ACCOUNT, "templates": [template]},
    }


def _result(node: str, workflow: str) -> dict[str, Any]:
    return {
        "apiVersion": GROUP,
        "kind": "WorkflowTaskResult",
        "metadata": {"name": node, "labels": {WORKFLOW: workflow, REPORTED: "true"}},
    }


def _prepare(plane: ControlPlane) -> None:
    """Its CRDs, and what its installation has in its namespace; without metrics, which would be served to everybody."""
    plane.kubectl("apply", "--server-side", "-f", str(argo.cached() / "crds.yaml"))
    plane.kubectl("wait", "--for=condition=Established", "--timeout=240s", "crd", "--all")
    off = '{"enabled": false}'
    configuration = {"metricsConfig": off, "telemetryConfig": off}
    token = {"kubernetes.io/service-account.name": ACCOUNT}
    plane.kubectl.apply(
        [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            _own("ConfigMap", "workflow-controller-configmap") | {"data": configuration},
            _own("ServiceAccount", ACCOUNT),
            _own("Secret", f"{ACCOUNT}.service-account-token", token) | {"type": "kubernetes.io/service-account-token"},
        ]
    )


def _own(kind: str, name: str, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE, "annotations": annotations or {}}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata}


@contextmanager
def _controller(plane: ControlPlane) -> Iterator[Process]:
    log = plane.folder / "argo.log"
    settings = {
        "--kubeconfig": plane.kubeconfig,
        "--namespace": NAMESPACE,
        "--managed-namespace": NAMESPACE,
        "--executor-image": "argoexec:1",
        "--qps": QPS,
        "--burst": BURST,
        "--workflow-workers": WORKERS,
        "--pod-cleanup-workers": WORKERS,
        "--loglevel": "error",
    }
    options = [text for option, value in settings.items() for text in (option, str(value))]
    command = [str(argo.cached() / argo.PROGRAM), *options, "--namespaced"]
    environment = {**os.environ, "LEADER_ELECTION_DISABLE": "true"}
    with _closed(FIXED_PORT), processes.child(command, log, env=environment) as process:
        yield Process(process, log)


@contextmanager
def _closed(port: int) -> Iterator[None]:
    """Nobody can listen on the port for other machines meanwhile: it is taken on loopback."""
    try:
        taken = socket.create_server((processes.LOOPBACK, port))
    except OSError:  # somebody has it, which does as well
        yield
        return
    with taken:
        yield
