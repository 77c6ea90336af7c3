"""What the faults work on: the cluster, its nodes, the relay, and the journal of what was done."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from perago_dev.environment import Environment
from perago_dev.errors import CommandFailed
from perago_dev.host import commands, podman
from perago_dev.host.preflight import provider
from tests.kubectl import Kubectl, Object

NAMESPACE = "chaos"
OPERATOR = f"{NAMESPACE}-perago-operator"
"""The operator's Deployment and its Lease, in the release that is named like the namespace."""
SERVERS = ("conductor", "lakefs", "apiserver")
REQUEST = "--request-timeout=15s"
"""The API server itself fails at times."""


class Journal:
    """What was done when, on the screen and in a file, so that a violation can be understood."""

    def __init__(self, file: Path) -> None:
        self._file, self._lock, self._began = file, threading.Lock(), time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def __call__(self, text: str) -> None:
        """One line."""
        line = f"{time.strftime('%H:%M:%S', time.gmtime())} {self.seconds:7.1f} {text}"
        with self._lock, self._file.open("a") as file:
            file.write(line + "\n")
            print(line, flush=True)


@dataclass(frozen=True)
class Stage:
    """An environment with the chaos release."""

    env: Environment
    cluster: Kubectl
    journal: Journal
    workers: Sequence[str]
    routes: dict[str, list[str]] = field(default_factory=lambda: {name: [name] for name in SERVERS})
    """Server → the names of the routes through the relay that lead to it now, the latest last."""

    @property
    def control_plane(self) -> str:
        """The node with the API server, etcd, Conductor and lakeFS."""
        return f"{self.env.name}-control-plane"

    def worker(self, choice: int) -> str:
        """A node that runs attempts."""
        return self.workers[choice % len(self.workers)]

    def engine(self, *arguments: str, stdin: str | None = None) -> str:
        """What podman or docker prints."""
        engine = provider()
        env = podman.environment() if engine == "podman" else None
        return commands.output([engine, *arguments], env=env, stdin=stdin)

    def on_node(self, node: str, script: str) -> str:
        """What a shell script prints on a node."""
        return self.engine("exec", node, "sh", "-c", script)

    def relay(self, server: str, mode: str) -> None:
        """Let the connections to a server go like this from now on."""
        (relay_folder(self.env) / server).write_text(mode)

    def ask(self, *arguments: str) -> str:
        """kubectl, which gives up soon."""
        return self.cluster(REQUEST, *arguments)

    def json(self, *arguments: str) -> Object:
        """The same, read as JSON."""
        found: Object = self.cluster.json(REQUEST, *arguments)
        return found

    def leader(self) -> str:
        """The name of the pod that leads."""
        leases = self.json("get", "leases")["items"]
        holders = [str(one["spec"].get("holderIdentity") or "") for one in leases]
        return next((holder for holder in holders if holder), "")

    def pod(self, name: str) -> Object:
        """A pod of the namespace."""
        return self.json("get", "pod", name)

    def patiently(self, action: Callable[[], object], what: str, seconds: float = 240) -> None:
        """Do it again until it succeeds. Raises CommandFailed with what was wrong the last time."""
        end = time.monotonic() + seconds
        while True:
            try:
                action()
                return
            except CommandFailed as failed:
                if time.monotonic() > end:
                    raise
                self.journal(f"  again: {what}: {str(failed).splitlines()[-1][:150]}")
                time.sleep(3)


def relay_folder(env: Environment) -> Path:
    """The relay's files: a folder of this host that the control-plane node has too."""
    return env.state_dir / "data" / "relay"
