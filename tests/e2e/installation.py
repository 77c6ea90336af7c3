"""The chart in a running environment, as the end-to-end tests and the benchmarks need it.

Two releases, each for a namespace of its own: one with its operator in the cluster and with a node cache, and one
without (its operator is a process of the test's, which can be killed at an exact moment). Neither sees the other's
attempts, nor the demo's.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lakefs.client import Client

from perago_dev import environment
from perago_dev.environment import Environment
from perago_dev.images import dockerfiles
from perago_dev.release import helm, namespace_of, secrets
from tests.e2e import node_cache
from tests.e2e.definitions import ConductorServer
from tests.e2e.flow import Flow
from tests.e2e.repository import Repository
from tests.kubectl import Kubectl

INSIDE = "e2e"
OWN = "e2e-own"
PATIENCE = {"PERAGO_RETRIED_PATIENCE_SECONDS": "20", "PERAGO_RETRY_SECONDS": "20"}
"""Settings of the operator in the cluster: long enough for a busy machine, and short where a test waits for the end."""
TASKS = Path(__file__).with_name("tasks")


@dataclass(frozen=True)
class Installation:
    """The environment with both releases and the test tasks' image."""

    env: Environment
    image: str

    def variables(self) -> dict[str, str]:
        """The process environment of programs that talk to the environment."""
        return {**os.environ, **self.env.variables()}

    def cluster(self, namespace: str) -> Kubectl:
        """kubectl for a namespace."""
        return Kubectl(self.env.bin_dir / "kubectl", self.env.kubeconfig, namespace)

    def flow(self, prefix: str, namespace: str = INSIDE) -> Flow:
        """Workflows whose attempts run in the namespace; their task types begin with the prefix."""
        return Flow(self.cluster(namespace), ConductorServer(self.env.conductor_url), self.image, prefix=prefix)

    def repository(self, name: str, files: Mapping[str, bytes] | None = None) -> Repository:
        """A new repository of this name, with these files or three small ones."""
        keys = {"username": self.env.lakefs_access_key, "password": self.env.lakefs_secret_key}
        return Repository.made(Client(host=self.env.lakefs_endpoint, **keys), name, files)

    def operator_pod(self) -> str:
        """Name of the operator's pod in the cluster."""
        selector = f"app.kubernetes.io/name=perago-operator,app.kubernetes.io/instance={INSIDE}"
        return str(self.cluster(INSIDE).list("pods", selector)[0]["metadata"]["name"])


def installed(name: str) -> Installation:
    """The environment `name`, in which `install` was called. Raises NotUp when it is not up."""
    env = environment.load(name)
    image = dockerfiles.build(TASKS / "Dockerfile", TASKS, "e2e-tasks", {"RUNNER_IMAGE": env.runner_image})
    dockerfiles.load(env, image)
    return Installation(env, image)


def install(name: str) -> None:
    """Both releases in the environment `name`, brought up to date, with what earlier runs left in them removed.

    Raises NotUp when the environment is not up.
    """
    installation = installed(name)
    node_cache.prepare(installation.cluster(node_cache.PREPARING), installation.image)
    # the operator that is a process of this host is an administrator of the cluster, and no service account
    admin = {"admissionPolicies.enabled": "false"}
    for namespace, replicas, more in ((INSIDE, 1, node_cache.VALUES), (OWN, 0, admin)):
        cluster = installation.cluster(namespace)
        cluster.apply([namespace_of(namespace), *secrets(installation.env, namespace)])
        values = {"replicas": str(replicas), "resources.requests.cpu": "10m", "logLevel": "DEBUG", **more}
        helm(installation.env, namespace, namespace, values, PATIENCE)
        cluster("delete", "peragotasks", "--all")
    installation.cluster(INSIDE).apply(node_cache.claim(INSIDE))
    installation.cluster(INSIDE)("delete", "peragoattempts", "--all", "--timeout=100s")
