"""The cluster as the demo uses it: what a person would do with kubectl, in one namespace."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perago_dev.cluster.kubectl import Kubectl
from perago_dev.environment import Environment
from perago_dev.host import processes
from perago_dev.objects import Object

NAMESPACE = "perago-demo"
MANAGED = "perago.dev/managed-by=perago"
WORKFLOW_LABEL = "perago.dev/workflow"
TASK_CONTAINER = "task"
LOG_SECONDS = 30.0
"""How long after a pod's end its log may take to end."""


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
        self.kubectl.apply([{**item, "metadata": {**item["metadata"], "namespace": NAMESPACE}} for item in objects])

    def attempts(self, workflow: str | None = None) -> list[Object]:
        """The attempts of a workflow, or all of the namespace."""
        selector = () if workflow is None else ("-l", f"{WORKFLOW_LABEL}={workflow}")
        attempts: list[Object] = self.kubectl.json("-n", NAMESPACE, "get", "peragoattempts", *selector)["items"]
        return attempts

    def attempt(self, name: str) -> Object:
        """One attempt. Raises CommandFailed if it does not exist."""
        attempt: Object = self.kubectl.json("-n", NAMESPACE, "get", "peragoattempt", name)
        return attempt

    def listing(self) -> str:
        """What `kubectl get peragoattempts` prints."""
        return self._run("get", "peragoattempts")

    def remove(self, name: str) -> None:
        """Delete an attempt and wait until it is gone, finalizer and all."""
        self._run("delete", "peragoattempt", name, "--ignore-not-found", "--timeout=60s")

    def pods(self) -> list[Object]:
        """Pods of attempts."""
        pods: list[Object] = self.kubectl.json("-n", NAMESPACE, "get", "pods", "-l", MANAGED)["items"]
        return pods

    def execute(self, pod: str, *command: str, stdin: str | None = None) -> str:
        """Run a command in the container of the task; returns its standard output."""
        return self._run("exec", "--stdin", pod, "-c", TASK_CONTAINER, "--", *command, stdin=stdin)

    def kill(self, pod: str) -> None:
        """End a pod's processes without a grace period, and do not wait for it."""
        self._run("delete", "pod", pod, "--grace-period=0", "--force", "--wait=false")

    def start_server(self, *objects: Object) -> None:
        """Apply a pod with what belongs to it, and wait until the pod is ready."""
        self.apply(*objects)
        pod = next(manifest["metadata"]["name"] for manifest in objects if manifest["kind"] == "Pod")
        self._run("wait", "--for=condition=Ready", f"pod/{pod}", "--timeout=60s")

    def remove_server(self, *objects: Object) -> None:
        """Delete what `start_server` applied."""
        names = [f"{manifest['kind']}/{manifest['metadata']['name']}" for manifest in objects]
        self._run("delete", *names, "--ignore-not-found", "--wait=false", "--grace-period=0", "--force")

    @contextmanager
    def recorded(self, pod: str, folder: Path) -> Iterator[None]:
        """Save everything that the pod's containers log. At the end of the block, wait for the pod to end."""
        command = self.kubectl.command("-n", NAMESPACE, "logs", "--follow", "--all-containers", "--prefix", pod)
        with processes.child(command, folder / f"{pod}.log") as process:
            yield
            processes.wait_until(lambda: process.poll() is not None, LOG_SECONDS, f"the end of the log of pod {pod}")

    def events(self) -> str:
        """All events of the namespace."""
        return self._run("get", "events", "-o", "json")

    def troubles(self) -> str:
        """What a person would look at when an attempt does not make progress: events, then pods."""
        events = self._run("get", "events", "--sort-by=.lastTimestamp")
        pods = self._run("get", "pods", "-o", "wide")
        return f"{events[-4000:]}\n{pods}"

    def _run(self, *words: str, stdin: str | None = None) -> str:
        return self.kubectl("-n", NAMESPACE, *words, stdin=stdin)
