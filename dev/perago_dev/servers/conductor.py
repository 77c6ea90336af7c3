"""Conductor OSS on SQLite: a pod of the environment, a child on loopback for tests, or one that exists already."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perago_dev.cluster.kubectl import Kubectl
from perago_dev.cluster.spec import Mount
from perago_dev.host import processes
from perago_dev.servers import conductor_files, workloads
from perago_dev.servers.conductor_files import Files

NAME = "conductor"
PORT = 8080
NODE_PORT = 30808
READY_SECONDS = 180.0


@contextmanager
def local_server(state_dir: Path, port: int = 0) -> Iterator[str]:
    """A server on loopback with its state and its temporary files in `state_dir`; yields its URL, ending in `/api`."""
    chosen = port or processes.free_port()
    temporary = state_dir / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    log = state_dir / "conductor.log"
    command = conductor_files.cached().command(processes.LOOPBACK, chosen, temporary)
    url = f"http://{processes.LOOPBACK}:{chosen}/api"
    with processes.child(command, log, cwd=state_dir) as process:
        processes.wait_for_child(process, lambda: processes.answers(health_url(url)), READY_SECONDS, log)
        yield url


def external(variables: Mapping[str, str] = os.environ) -> str | None:
    """The URL, ending in `/api`, of a server that `CONDUCTOR_SERVER_URL` names; None when it is not set."""
    url = variables.get("CONDUCTOR_SERVER_URL", "").rstrip("/")
    return (url if url.endswith("/api") else f"{url}/api") if url else None


def health_url(url: str) -> str:
    """The address at which the server with this URL, which ends in `/api`, reports whether it is ready."""
    return f"{url.removesuffix('/api')}/health"


def node_mounts(files: Files) -> list[Mount]:
    """The folders of this host that the control-plane node needs for `pod_spec`, besides the environment's data."""
    return [Mount(folder, str(folder)) for folder in (files.jdk, files.server, files.classes)]


def deploy(kubectl: Kubectl, files: Files, image: str, node: str) -> None:
    """Run the server as a pod on `node` from `image`, which needs to contain only a C library."""
    deployment = workloads.deployment(NAME, pod_spec(files, image, node))
    kubectl.apply([workloads.namespace(), deployment, workloads.service(NAME, PORT, NODE_PORT)])


def pod_spec(files: Files, image: str, node: str) -> dict[str, Any]:
    """The pod, with programs mounted read-only from the node, and its state on the node to survive a restart."""
    folders = {"jdk": files.jdk, "server": files.server, "classes": files.classes}
    mounts = [{"name": name, "mountPath": str(path), "readOnly": True} for name, path in folders.items()]
    container = {
        "name": NAME,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": files.command("0.0.0.0", PORT, Path("/tmp")),
        "workingDir": "/data",
        "ports": [{"containerPort": PORT}],
        "volumeMounts": [*mounts, {"name": "state", "mountPath": "/data"}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": PORT}, "periodSeconds": 1, "failureThreshold": 300},
        "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}},
    }
    return {
        **workloads.pinned_to(node),
        "containers": [container],
        "volumes": [
            *(workloads.host_folder(name, str(path)) for name, path in folders.items()),
            workloads.state_folder(NAME),
        ],
    }
