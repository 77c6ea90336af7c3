"""A real API server with the committed CRDs: etcd and kube-apiserver alone."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from perago_dev.cluster import binaries
from perago_dev.host.preflight import provider
from perago_dev.servers import apiserver

CRDS = Path(__file__).resolve().parents[3] / "crds"


@dataclass(frozen=True)
class Server:
    """kubectl against the API server; objects are given as dicts."""

    kubectl: Path
    kubeconfig: Path

    def run(self, *words: str, given: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        """Run `kubectl words…`, however it ends."""
        command = [str(self.kubectl), f"--kubeconfig={self.kubeconfig}", *words]
        text = None if given is None else json.dumps(given)
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)

    def prints(self, *words: str) -> str:
        """What `kubectl words…` prints; it must succeed."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create(self, obj: dict[str, Any]) -> None:
        """Create an object; it must succeed."""
        done = self.run("create", "-f", "-", given=obj)
        assert done.returncode == 0, done.stderr

    def refusal(self, obj: dict[str, Any]) -> str:
        """What people read whose object is refused; it must be."""
        done = self.run("create", "-f", "-", given=obj)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def patch(self, name: str, patch: dict[str, Any]) -> str:
        """Merge a patch into an attempt, its status through the subresource; returns the refusal, or ''."""
        part = ["--subresource=status"] if "status" in patch else []
        done = self.run("patch", "peragoattempt", name, "--type=merge", *part, "-p", json.dumps(patch))
        return done.stderr if done.returncode else ""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server, with both CRDs established."""
    with apiserver.local(tmp_path_factory.mktemp("crds")) as kubeconfig:
        found = Server(binaries.cached(with_node=provider() == "podman") / "kubectl", kubeconfig)
        found.prints("apply", "--server-side", "-f", str(CRDS))
        found.prints("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        yield found
