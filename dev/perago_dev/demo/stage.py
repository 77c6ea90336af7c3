"""The clients of one environment that the demo's steps use, and the handling of its operator."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perago_dev import release
from perago_dev.cluster.kubectl import Kubectl
from perago_dev.demo import checks
from perago_dev.demo.cluster import Cluster
from perago_dev.demo.following import Follower
from perago_dev.demo.workspace import Workspace
from perago_dev.environment import Environment
from perago_dev.servers.conductor_client import ConductorServer

OPERATOR = f"app.kubernetes.io/instance={release.RELEASE},app.kubernetes.io/name=perago-operator"


@dataclass(frozen=True)
class Operator:
    """The operator's Deployment, as an administrator handles it."""

    kubectl: Kubectl

    def pod(self) -> str:
        """The name of its pod; after an upgrade, of the one that is not being deleted."""
        pods = self.kubectl.json("-n", release.SYSTEM_NAMESPACE, "get", "pods", "-l", OPERATOR)["items"]
        return next(str(pod["metadata"]["name"]) for pod in pods if "deletionTimestamp" not in pod["metadata"])

    def log(self, pod: str) -> str:
        """Everything that this pod of it has logged."""
        return self._run("logs", pod)

    def delete_pod(self) -> None:
        """Delete its pod and return when that is gone; the Deployment creates another."""
        self._run("delete", "pod", self.pod(), "--timeout=60s")

    @contextmanager
    def away(self) -> Iterator[None]:
        """Run the block while there is no operator."""
        pod = self.pod()
        self._scale(0)
        try:
            self._run("wait", "--for=delete", f"pod/{pod}", "--timeout=60s")
            yield
        finally:
            self._scale(1)

    def _scale(self, replicas: int) -> None:
        self._run("scale", "deployment", "-l", OPERATOR, f"--replicas={replicas}")

    def _run(self, *words: str) -> str:
        return self.kubectl("-n", release.SYSTEM_NAMESPACE, *words)


@dataclass(frozen=True)
class Stage:
    """What the demo's steps use."""

    env: Environment
    cluster: Cluster
    operator: Operator
    follower: Follower
    conductor: ConductorServer
    workspace: Workspace
    logs: Path
    """The folder for the logs of pods that no longer exist at the end."""
    earlier: frozenset[str]
    """The uids of attempts from earlier runs of the demo."""

    @classmethod
    def of(cls, env: Environment, workspace: Workspace) -> "Stage":
        """The clients of this environment, with an empty folder for logs."""
        cluster = Cluster.of(env)
        logs = env.state_dir / "logs" / "demo"
        logs.mkdir(parents=True, exist_ok=True)
        for old in logs.iterdir():
            old.unlink()
        conductor = ConductorServer(env.conductor_url)
        earlier = frozenset(str(attempt["metadata"]["uid"]) for attempt in cluster.attempts())
        return cls(env, cluster, Operator(cluster.kubectl), Follower(cluster), conductor, workspace, logs, earlier)

    def keep_operator_log(self) -> None:
        """Save what the operator's pod has logged so far."""
        name = self.operator.pod()
        (self.logs / f"{name}.log").write_text(self.operator.log(name))

    def texts(self) -> dict[str, str]:
        """Everything that a person can read about what happened: place → text. Raises CheckFailed for an empty log."""
        self.keep_operator_log()
        silent = [file.name for file in self.logs.iterdir() if not file.stat().st_size]
        checks.require(not silent, f"nothing was logged: {', '.join(silent)}")
        attempts = [attempt for attempt in self.cluster.attempts() if attempt["metadata"]["uid"] not in self.earlier]
        logs = {f"the log {file.name}": file.read_text(errors="replace") for file in self.logs.iterdir()}
        tasks = [attempt["spec"]["conductor"]["taskId"] for attempt in attempts if "conductor" in attempt["spec"]]
        shipped = {f"Conductor's log of task {task}": self.conductor.log(task) for task in tasks}
        objects = {f"attempt {attempt['metadata']['name']}": json.dumps(attempt) for attempt in attempts}
        return {**logs, **shipped, **objects, "an event": self.cluster.events()}
