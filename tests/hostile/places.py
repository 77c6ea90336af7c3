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

from perago_dev.cluster.kind import Kind
from perago_dev.errors import CommandFailed
from perago_dev.host import commands, podman
from perago_dev.host.preflight import provider
from tests.e2e.repository import Repository
from tests.hostile.stage import NAMESPACES, Stage

Place = tuple[str, str | bytes]
PACKED = re.compile(r"H4sI[A-Za-z0-9+/]{20,}=*")
"""Base64 of what gzip has packed."""
LEFT_OUT = frozenset({"secrets"})
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
        cluster = stage.cluster(namespace)
        for pod in cluster.json("get", "pods")["items"]:
            name = pod["metadata"]["name"]
            for container in pod["status"].get("containerStatuses", []):
                for which in ("--previous=false", "--previous=true")[: 1 + min(container["restartCount"], 1)]:
                    done = cluster.ended("logs", name, "-c", container["name"], which)
                    yield f"the log of {namespace}/{name}/{container['name']}", done.stdout


def _objects(stage: Stage) -> Iterator[Place]:
    """Every object of the namespaces but Secrets, events among them; the policies; what the metrics page shows."""
    words = stage.cluster()("api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
    kinds = [word for word in words if word.partition(".")[0] not in LEFT_OUT]
    for namespace in NAMESPACES:
        for kind in kinds:
            done = stage.cluster(namespace).ended("get", kind, "-o", "json", "--show-managed-fields")
            for found in json.loads(done.stdout)["items"] if done.returncode == 0 else []:
                yield f"{kind} {namespace}/{found['metadata']['name']}", json.dumps(found)
    for kind in ("validatingadmissionpolicies", "customresourcedefinitions", "clusterroles", "nodes", "namespaces"):
        yield kind, stage.cluster()("get", kind, "-o", "json")
    for namespace in NAMESPACES:
        for pod in stage.cluster(namespace).list("pods", "app.kubernetes.io/name=perago"):
            name = pod["metadata"]["name"]
            path = f"/api/v1/namespaces/{namespace}/pods/{name}:8080/proxy/metrics"
            yield f"the metrics of {namespace}", stage.api.answer("GET", path).text


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
    engine = provider()
    env = podman.environment() if engine == "podman" else None
    for node in Kind(stage.env.bin_dir, engine, stage.env.state_dir, stage.env.name).nodes():
        words = [engine, "exec", node, "journalctl", "--no-pager", f"--lines={NODE_LOG}"]
        try:
            yield f"the journal of {node}", commands.output(words, env=env)
        except CommandFailed as failed:
            raise CommandFailed(f"the journal of {node} cannot be read: {failed}") from failed
