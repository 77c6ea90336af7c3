"""The cluster as the demo uses it: what a person would do with kubectl, in one namespace."""

from dataclasses import dataclass
from typing import Any

from perago_dev.environment import Environment
from perago_dev.kubectl import Kubectl

Object = dict[str, Any]

NAMESPACE = "perago-demo"
MANAGED = "perago.dev/managed-by=perago"
WORKFLOW_LABEL = "perago.dev/workflow"
LOG_LINES = "30"


@dataclass(frozen=True)
class Cluster:
    """kubectl in the demo's namespace."""

    kubectl: Kubectl

    @classmethod
    def of(cls, env: Environment) -> "Cluster":
        """The environment's cluster."""
        return cls(Kubectl(env.bin_dir / "kubectl", env.kubeconfig))

    def apply(self, *objects: Object) -> None:
        """Apply objects to the namespace."""
        self.kubectl.apply([{**one, "metadata": {**one["metadata"], "namespace": NAMESPACE}} for one in objects])

    def attempts(self, workflow: str | None = None) -> list[Object]:
        """The attempts of a workflow, or all of the namespace."""
        selector = () if workflow is None else ("-l", f"{WORKFLOW_LABEL}={workflow}")
        found: list[Object] = self.kubectl.json("-n", NAMESPACE, "get", "peragoattempts", *selector)["items"]
        return found

    def attempt(self, name: str) -> Object:
        """One attempt. Raises CommandFailed if it does not exist."""
        found: Object = self.kubectl.json("-n", NAMESPACE, "get", "peragoattempt", name)
        return found

    def listing(self) -> str:
        """What `kubectl get peragoattempts` prints."""
        return self.kubectl("-n", NAMESPACE, "get", "peragoattempts")

    def remove(self, name: str) -> None:
        """Delete an attempt and wait until it is gone, finalizer and all."""
        self.kubectl("-n", NAMESPACE, "delete", "peragoattempt", name, "--ignore-not-found", "--timeout=60s")

    def pods(self) -> list[Object]:
        """Pods of attempts."""
        found: list[Object] = self.kubectl.json("-n", NAMESPACE, "get", "pods", "-l", MANAGED)["items"]
        return found

    def troubles(self) -> str:
        """What a person would look at when an attempt does not make progress: events, then pods."""
        events = self.kubectl("-n", NAMESPACE, "get", "events", "--sort-by=.lastTimestamp")
        pods = self.kubectl("-n", NAMESPACE, "get", "pods", "-o", "wide")
        return f"{events[-4000:]}\n{pods}"
