"""Conductor OSS from its Maven artifact, on SQLite: as a pod of the environment, or as a child on loopback."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perago_dev import cache, commands, java, servers, workloads
from perago_dev.cluster.spec import Mount
from perago_dev.kubectl import Kubectl
from perago_dev.progress import step

VERSION = "3.32.3"
ARTIFACT = f"org.conductoross:conductor-server:{VERSION}:jar:boot"
JAR_NAME = "conductor-server.jar"
NAME = "conductor"
PORT = 8080
NODE_PORT = 30808
READY_SECONDS = 180.0

JVM_OPTIONS = ("-Xms128m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
"""Bounded, and quick to start: it serves one person or one test run."""
SERVER_OPTIONS = ("--conductor.scheduler.enabled=false", "--conductor.integrations.ai.enabled=false")

NODE_JAR = "/opt/perago-dev/conductor"
NODE_JDK = "/opt/perago-dev/jdk"
NODE_STATE = "/var/lib/perago-dev"
"""Where the control-plane node sees the jar's folder, the JDK and the environment's data."""


def jar() -> Path:
    """The server's jar, downloaded with Maven into the cache when it is not there."""
    return cache.entry("conductor", cache.key(ARTIFACT), _download) / JAR_NAME


def _download(folder: Path) -> None:
    log = cache.root() / "logs" / "conductor-jar.log"
    get = [*("mvn", "--batch-mode", "--no-transfer-progress"), "dependency:copy", "-Dmdep.overWriteReleases=true"]
    with step(f"downloading Conductor {VERSION}", "458 MB"):
        commands.run([*get, f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"], log=log, cwd=folder)
        next(folder.glob("*.jar")).rename(folder / JAR_NAME)


def command(jdk: str, jar_file: str, port: int, host: str) -> list[str]:
    """The command line of a server whose state is its working directory."""
    address = [f"--server.port={port}", f"--server.address={host}"]
    return [f"{jdk}/bin/java", *JVM_OPTIONS, "-jar", jar_file, *address, *SERVER_OPTIONS]


@contextmanager
def local_server(state_dir: Path, port: int = 0) -> Iterator[str]:
    """A server on loopback with its state in `state_dir`; gives its URL, which ends in `/api`."""
    chosen = port or servers.free_port()
    state_dir.mkdir(parents=True, exist_ok=True)
    log = state_dir / "conductor.log"
    line = command(str(java.home()), str(jar()), chosen, servers.LOOPBACK)
    with servers.child(line, log, cwd=state_dir) as process:
        health = f"http://{servers.LOOPBACK}:{chosen}/health"
        servers.wait_for_child(process, lambda: servers.answers(health), READY_SECONDS, log)
        yield f"http://{servers.LOOPBACK}:{chosen}/api"


def pod_spec(image: str, node: str) -> dict[str, Any]:
    """The pod: jar and JDK from the node, read-only; state on the node, so that a restart of the pod keeps it."""
    mounts = {
        "jar": ("/opt/conductor", NODE_JAR),
        "jdk": ("/opt/jdk", NODE_JDK),
        "state": ("/data", f"{NODE_STATE}/{NAME}"),
    }
    container = {
        "name": NAME,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": command("/opt/jdk", f"/opt/conductor/{JAR_NAME}", PORT, "0.0.0.0"),
        "workingDir": "/data",
        "ports": [{"containerPort": PORT}],
        "volumeMounts": [{"name": name, "mountPath": inside} for name, (inside, _) in mounts.items()],
        "readinessProbe": {"httpGet": {"path": "/health", "port": PORT}, "periodSeconds": 1, "failureThreshold": 300},
        "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}},
    }
    return {
        **workloads.pinned_to(node),
        "containers": [container],
        "volumes": [
            {"name": name, "hostPath": {"path": host, "type": "DirectoryOrCreate"}}
            for name, (_, host) in mounts.items()
        ],
    }


def node_mounts(jdk: Path, jar_file: Path) -> list[Mount]:
    """What the control-plane node has to see of this host for `pod_spec`, besides the environment's data."""
    return [Mount(jar_file.parent, NODE_JAR), Mount(jdk, NODE_JDK)]


def health_url(url: str) -> str:
    """Where the server with this URL, which ends in `/api`, tells whether it is ready."""
    return f"{url.removesuffix('/api')}/health"


def deploy(kubectl: Kubectl, image: str, node: str) -> None:
    """Run the server as a pod of `node` from `image`, which needs nothing but a C library."""
    deployment = workloads.deployment(NAME, pod_spec(image, node))
    kubectl.apply([workloads.namespace(), deployment, workloads.service(NAME, PORT, NODE_PORT)])


def external(variables: Mapping[str, str] = os.environ) -> str | None:
    """The URL, ending in `/api`, of a server that `CONDUCTOR_SERVER_URL` names; None when it is not set."""
    url = variables.get("CONDUCTOR_SERVER_URL", "").rstrip("/")
    return (url if url.endswith("/api") else f"{url}/api") if url else None
