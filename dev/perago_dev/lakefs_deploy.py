"""The lakeFS of an environment: the server that is named in the variables, or the development server as a pod."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perago_dev import images, workloads
from perago_dev.kubectl import Kubectl
from perago_dev.source import DEV

NAME = "lakefs"
PORT = 8000
NODE_PORT = 30800
DOCKERFILE = DEV / "Dockerfile.lakefs"
HEALTH = "/api/v1/healthcheck"


@dataclass(frozen=True)
class Keys:
    """An access key of lakeFS and its secret."""

    access_key: str
    secret_key: str


def external(variables: Mapping[str, str] = os.environ) -> tuple[str, Keys] | None:
    """Endpoint and keys of a server that the variables name; None without an endpoint and both keys."""
    endpoint = variables.get("LAKEFS_ENDPOINT", "")
    keys = Keys(variables.get("LAKEFS_ACCESS_KEY_ID", ""), variables.get("LAKEFS_SECRET_ACCESS_KEY", ""))
    if not (endpoint and keys.access_key and keys.secret_key):
        return None
    return endpoint.rstrip("/").removesuffix("/api/v1"), keys


def own_keys(state: Path) -> Keys:
    """The keys of this environment's development server: made once, then kept in its state."""
    file = state / "lakefs-keys.json"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(json.dumps([f"AKIAPERAGO{secrets.token_hex(5).upper()}", secrets.token_urlsafe(30)]))
    return Keys(*json.loads(file.read_text()))


def image() -> str:
    """The development server's image, built when it is not there."""
    return images.build(DOCKERFILE, DEV, "lakefs-dev")


def deploy(kubectl: Kubectl, reference: str, node: str, keys: Keys) -> None:
    """Run the development server as a pod of `node`, its state on the node."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"{NAME}-keys", "namespace": workloads.NAMESPACE},
        "stringData": {"LAKEFS_ACCESS_KEY_ID": keys.access_key, "LAKEFS_SECRET_ACCESS_KEY": keys.secret_key},
    }
    deployment = workloads.deployment(NAME, pod_spec(reference, node))
    kubectl.apply([workloads.namespace(), secret, deployment, workloads.service(NAME, PORT, NODE_PORT)])


def pod_spec(reference: str, node: str) -> dict[str, Any]:
    """The pod: keys from the Secret, state on the node, so that a restart of the pod keeps it."""
    serve = ["python", "-m", "perago_dev.lakefs", "serve", "--host", "0.0.0.0", "--port", str(PORT), "--data", "/data"]
    container = {
        "name": NAME,
        "image": reference,
        "imagePullPolicy": "IfNotPresent",
        "command": serve,
        "envFrom": [{"secretRef": {"name": f"{NAME}-keys"}}],
        "ports": [{"containerPort": PORT}],
        "volumeMounts": [{"name": "state", "mountPath": "/data"}],
        "readinessProbe": {"httpGet": {"path": HEALTH, "port": PORT}, "periodSeconds": 1, "failureThreshold": 300},
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    return {
        **workloads.pinned_to(node),
        "containers": [container],
        "volumes": [workloads.state_folder(NAME)],
    }
