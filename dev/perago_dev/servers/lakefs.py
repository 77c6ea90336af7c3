"""lakeFS on local disk: a pod of the environment, a child on loopback for tests, or an existing server."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perago_dev.cluster.kubectl import Kubectl
from perago_dev.errors import EnvironmentProblem
from perago_dev.host import processes
from perago_dev.servers import lakefs_programs, workloads

NAME = "lakefs"
PORT = 8000
NODE_PORT = 30800
HEALTH = "/api/v1/healthcheck"
READY_SECONDS = 240.0
CONFIGURATION = "config.yaml"
VARIABLES = ("LAKEFS_ENDPOINT", "LAKEFS_ACCESS_KEY_ID", "LAKEFS_SECRET_ACCESS_KEY")
STORAGE_VARIABLE = "LAKEFS_STORAGE_NAMESPACE"
SILENT: Mapping[str, Any] = {
    "stats": {"enabled": False},
    "email_subscription": {"enabled": False},
    "security": {"check_latest_version": False, "audit_check_url": ""},
}
"""Keeps a server from contacting its vendor about usage, the first user, new versions and security audits."""


@dataclass(frozen=True)
class Keys:
    """An access key of lakeFS and its secret."""

    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True)
class Server:
    """A lakeFS server to talk to: `endpoint` has no path (clients add `/api/v1`)."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)


def external(variables: Mapping[str, str] = os.environ) -> Server | None:
    """The server that `LAKEFS_ENDPOINT` names, if any. Raises EnvironmentProblem if its keys are missing."""
    endpoint, *keys = (variables.get(name, "") for name in VARIABLES)
    if not endpoint:
        return None
    if not all(keys):
        raise EnvironmentProblem(f"LAKEFS_ENDPOINT is set to {endpoint}: set {VARIABLES[1]} and {VARIABLES[2]} as well")
    return Server(endpoint.rstrip("/").removesuffix("/api/v1"), *keys)


def storage_namespace(repository: str, variables: Mapping[str, str] = os.environ) -> str:
    """Where a new repository stores its objects: below `LAKEFS_STORAGE_NAMESPACE`, or in the local store by default."""
    prefix = variables.get(STORAGE_VARIABLE) or "local://"
    return f"{prefix}{repository}" if prefix.endswith("/") else f"{prefix}/{repository}"


def own_keys(state: Path) -> Keys:
    """The keys of a server with its state in this folder: generated once, then kept beside it."""
    file = state / "lakefs-keys.json"
    if not file.exists():
        state.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(json.dumps([f"AKIAPERAGO{secrets.token_hex(5).upper()}", secrets.token_urlsafe(30)]))
    return Keys(*json.loads(file.read_text()))


def local_blocks(state: str, keys: Keys) -> Mapping[str, Any]:
    """A block store on the disk, below `state`."""
    signing = {"secret_key": keys.secret_key}
    return {"type": "local", "local": {"path": f"{state}/objects"}, "signing": signing}


def configuration(state: str, address: str, keys: Keys, blocks: Mapping[str, Any] | None = None) -> str:
    """The configuration file, as JSON, which is YAML: all but the blocks, where they are given, is below `state`."""
    settings = {
        "listen_address": address,
        "database": {"type": "local", "local": {"path": f"{state}/metadata"}},
        "blockstore": blocks or local_blocks(state, keys),
        "committed": {"local_cache": {"dir": f"{state}/cache"}},
        "auth": {"encrypt": {"secret_key": keys.secret_key}},
        "installation": {
            "user_name": "perago",
            "access_key_id": keys.access_key,
            "secret_access_key": keys.secret_key,
        },
        **SILENT,
    }
    return json.dumps(settings, indent=2)


@contextmanager
def local_server(folder: Path, blocks: Mapping[str, Any] | None = None) -> Iterator[Server]:
    """A server on a free port of loopback, with its state and its log in `folder`; its blocks may be elsewhere.

    A later server on the same folder has the same keys and repositories.
    """
    keys, port = own_keys(folder), processes.free_port()
    file, log = folder / CONFIGURATION, folder / "lakefs.log"
    file.touch(mode=0o600)
    file.write_text(configuration(str(folder), f"{processes.LOOPBACK}:{port}", keys, blocks))
    endpoint = f"http://{processes.LOOPBACK}:{port}"
    command = [str(lakefs_programs.cached() / "lakefs"), "run", "--config", str(file)]
    with processes.child(command, log, cwd=folder, env=_without_settings(os.environ)) as process:
        processes.wait_for_child(process, lambda: processes.answers(endpoint + HEALTH), READY_SECONDS, log)
        yield Server(endpoint, keys.access_key, keys.secret_key)


def _without_settings(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables without those that take precedence over lakeFS's configuration file."""
    return {name: value for name, value in variables.items() if not name.startswith("LAKEFS_")}


def deploy(kubectl: Kubectl, data: Path, image: str, node: str, keys: Keys) -> None:
    """Run the server as a pod on `node`, which has `data`, from `image`, whose content is not used."""
    programs = lakefs_programs.cached()
    _place(programs / "lakefs", data / "programs" / programs.name)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": NAME, "namespace": workloads.NAMESPACE},
        "stringData": {CONFIGURATION: configuration("/data", f"0.0.0.0:{PORT}", keys)},
    }
    deployment = workloads.deployment(NAME, pod_spec(programs.name, image, node))
    kubectl.apply([workloads.namespace(), secret, deployment, workloads.service(NAME, PORT, NODE_PORT)])


def _place(program: Path, folder: Path) -> None:
    """Copy the program into a folder that the node shares, because the node exists before the program is built."""
    if not (folder / program.name).exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{program.name}.unfinished"
        shutil.copy2(program, unfinished)
        unfinished.rename(folder / program.name)


def pod_spec(build: str, image: str, node: str) -> dict[str, Any]:
    """The pod, with program and state on the node to survive a restart, and keys from the Secret."""
    mounts = [
        {"name": "programs", "mountPath": "/programs", "readOnly": True},
        {"name": "configuration", "mountPath": "/etc/lakefs", "readOnly": True},
        {"name": "state", "mountPath": "/data"},
    ]
    container = {
        "name": NAME,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/programs/lakefs", "run", "--config", f"/etc/lakefs/{CONFIGURATION}"],
        "env": [{"name": "HOME", "value": "/data"}],
        "ports": [{"containerPort": PORT}],
        "volumeMounts": mounts,
        "readinessProbe": {"httpGet": {"path": HEALTH, "port": PORT}, "periodSeconds": 1, "failureThreshold": 300},
        "resources": {"requests": {"cpu": "50m", "memory": "192Mi"}},
    }
    return {
        **workloads.pinned_to(node),
        "containers": [container],
        "volumes": [
            workloads.host_folder("programs", f"{workloads.NODE_STATE}/programs/{build}"),
            workloads.state_folder(NAME),
            {"name": "configuration", "secret": {"secretName": NAME}},
        ],
    }
