"""All that a run has left, place by place, as text: what people, tools and other tenants may read.

Secrets themselves are left out: they are where the keys belong.
"""

import base64
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lakefs

from tests.e2e.repository import Repository
from tests.hostile import nodes
from tests.hostile.api import core
from tests.hostile.sites import NAMESPACES
from tests.hostile.stage import Stage

Place = tuple[str, str | bytes]
PACKED = re.compile(r"H4sI[A-Za-z0-9+/]{20,}=*")
"""Base64 of what gzip has packed."""
LEFT_OUT = frozenset({"secrets"})
CLUSTER_WIDE = (
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/api/v1/nodes",
    "/api/v1/namespaces",
)
SERVERS = "perago-dev"
"""The namespace of Conductor and lakeFS."""
NODE_LOG = 20_000
"""Lines of a node's journal."""


def places(stage: Stage, logs: Path) -> Iterator[Place]:
    """Every place, and for what is packed in one, the same unpacked."""
    for where in (
        _logs(logs),
        _container_logs(stage),
        _objects(stage),
        _conductor(stage),
        _lakefs(stage),
        _nodes(stage),
    ):
        for place, text in where:
            yield place, text
            if isinstance(text, str):
                yield from ((f"{place}, unpacked", inner) for inner in unpacked(text))


def unpacked(text: str) -> Iterator[bytes]:
    """What is packed in a text."""
    for found in PACKED.findall(text):
        try:
            yield zlib.decompress(base64.b64decode(found), wbits=31)
        except (ValueError, zlib.error):
            continue  # it only begins like something packed


def _logs(folder: Path) -> Iterator[Place]:
    """What was followed while pods ran, of containers that may be gone by now."""
    yield from ((f"the log {file.stem}", file.read_bytes()) for file in sorted(folder.glob("*.log")))


def _container_logs(stage: Stage) -> Iterator[Place]:
    """Logs of the containers that are there, and of those that they have replaced."""
    for namespace in (*NAMESPACES, SERVERS):
        for pod in stage.api.read(core(namespace, "pods"))["items"]:
            for container in pod["status"].get("containerStatuses", []):
                path = core(namespace, "pods", pod["metadata"]["name"], "log")
                for previous in ("false", "true")[: 1 + min(container["restartCount"], 1)]:
                    place = f"the log of {namespace}/{pod['metadata']['name']}/{container['name']}"
                    yield place, stage.api.text(path, container=container["name"], previous=previous)


def _objects(stage: Stage) -> Iterator[Place]:
    """Every object of the namespaces but Secrets, events among them; the policies; what the metrics page shows."""
    kinds = [(root, name) for root, name in stage.api.namespaced() if name not in LEFT_OUT]
    for namespace in NAMESPACES:
        for root, kind in kinds:
            for found in stage.api.read(f"{root}/namespaces/{namespace}/{kind}")["items"]:
                yield f"{kind} {namespace}/{found['metadata']['name']}", json.dumps(found)
    for path in CLUSTER_WIDE:
        yield path, stage.api.text(path)
    for namespace in NAMESPACES:
        pods = stage.api.read(core(namespace, "pods"), labelSelector="app.kubernetes.io/name=perago")["items"]
        for pod in pods:
            path = core(namespace, "pods", f"{pod['metadata']['name']}:8080", "proxy/metrics")
            yield f"the metrics of {namespace}", stage.api.text(path)


def _conductor(stage: Stage) -> Iterator[Place]:
    """Definitions, and each workflow of this run with its tasks' payloads and logs."""
    for path in ("/metadata/taskdefs", "/metadata/workflow"):
        yield f"Conductor's {path}", stage.conductor.call("GET", path).text
    for identity in stage.workflows:
        workflow = stage.conductor.workflow(identity)
        yield f"workflow {identity}", json.dumps(workflow)
        for task in workflow["tasks"]:
            yield f"the log of task {task['taskId']}", stage.conductor.log(task["taskId"])


def _lakefs(stage: Stage) -> Iterator[Place]:
    """Commits with their metadata, and files, on all branches of the run's repositories."""
    for repository in stage.repositories:
        yield from _repository(repository)


def _repository(repository: Repository) -> Iterator[Place]:
    found = lakefs.Repository(repository.name, client=repository.client)
    for branch in found.branches():
        for commit in branch.log():
            shown: dict[str, Any] = {"message": commit.message, "metadata": commit.metadata, "by": commit.committer}
            yield f"commit {commit.id} of {repository.name}", json.dumps(shown)
        for path, data in repository.files(branch.id).items():
            yield f"{path!r} on {branch.id} of {repository.name}", data


def _nodes(stage: Stage) -> Iterator[Place]:
    """Journals of the nodes: the kubelet and the runtime write there."""
    for node in nodes.nodes(stage):
        yield f"the journal of {node}", nodes.output(node, "journalctl", "--no-pager", f"--lines={NODE_LOG}")
