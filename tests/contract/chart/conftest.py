"""Helm and a real API server for the chart: what it renders, and what it allows once it is installed."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from perago_dev.cluster import binaries
from perago_dev.servers import apiserver
from tests.kubectl import Kubectl

from .api import Api

Object = dict[str, Any]
IN_ONE = "/apis/perago.dev/v1alpha1/namespaces/one"
PLURALS = {"pa": "peragoattempts", "pt": "peragotasks"}
CHART = Path(__file__).resolve().parents[3] / "charts" / "perago"
KUBE_VERSION = binaries.kubernetes_version()


@dataclass(frozen=True)
class Helm:
    """helm with the repository's chart."""

    program: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `helm words…`, however it ends."""
        return subprocess.run([str(self.program), *words], capture_output=True, text=True, timeout=120)

    def template(self, *settings: str) -> list[Object]:
        """The objects of release `perago` in namespace `system` with these `name=value` settings."""
        head = ("template", "perago", str(CHART), "--namespace", "system", "--kube-version", KUBE_VERSION)
        done = self.run(*head, *(word for setting in settings for word in ("--set-json", setting)))
        assert done.returncode == 0, done.stderr
        return [one for one in yaml.safe_load_all(done.stdout) if one]


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder with helm and kubectl."""
    return binaries.of_this_host()


@pytest.fixture(scope="session")
def helm(programs: Path) -> Helm:
    """helm as the environment has it."""
    return Helm(programs / "helm")


@dataclass(frozen=True)
class Installed:
    """An API server with the chart installed; nothing runs its pods."""

    helm: Helm
    kubectl: Kubectl

    def install(self, release: str, *settings: str, dry_run: bool = False) -> subprocess.CompletedProcess[str]:
        """Install a release in namespace `system` with these `name=value` settings, however it ends."""
        head = ("install", release, str(CHART), "--namespace", "system", f"--kubeconfig={self.kubectl.kubeconfig}")
        words = ("--dry-run=server",) if dry_run else ()
        return self.helm.run(*head, *words, *(word for setting in settings for word in ("--set-json", setting)))

    @cached_property
    def api(self) -> Api:
        """The API server without kubectl."""
        return Api(self.kubectl.kubeconfig)

    def may(self, account: str, namespace: str, verb: str, resource: str) -> bool:
        """See `Api`."""
        return self.api.may(account, namespace, verb, resource)

    def made(self, name: str, *, account: str = "", **spec: Any) -> str:
        """Create an attempt in `one`, as this account or as an administrator; returns the refusal, or ''."""
        given = {"taskRef": {"name": "t"}, "input": {"params": {}}, **spec}
        attempt = {
            "apiVersion": "perago.dev/v1alpha1",
            "kind": "PeragoAttempt",
            "metadata": {"name": name, "namespace": "one"},
            "spec": {key: value for key, value in given.items() if value is not None},
        }
        return _refusal(self.api.create(f"{IN_ONE}/peragoattempts", attempt, account=account))

    def patched(self, name: str, status: Object, *, account: str = "", token: str = "", kind: str = "pa") -> str:
        """Patch a status in `one`, as this account or with this token; returns the refusal, or ''."""
        path = f"{IN_ONE}/{PLURALS[kind]}/{name}/status"
        return _refusal(self.api.merge(path, {"status": status}, account=account, token=token))

    def token_of(self, pod: str) -> str:
        """A token of the runner's account that is bound to a pod of this name, which is made for it."""
        account, container = "perago-runner", {"name": "agent", "image": "x"}
        spec = {"serviceAccountName": account, "containers": [container]}
        self.kubectl.create(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod, "namespace": "one"}, "spec": spec}
        )
        bound = ("--bound-object-kind=Pod", f"--bound-object-name={pod}")
        return self.kubectl("create", "token", account, "-n", "one", *bound).strip()


def _refusal(answer: httpx.Response) -> str:
    return str(answer.json()["message"]) if answer.is_error else ""


def _installed(helm: Helm, programs: Path, kubeconfig: Path, *settings: str) -> Installed:
    kubectl = Kubectl(programs / "kubectl", kubeconfig)
    for namespace in ("system", "one", "two", "other"):
        kubectl("create", "namespace", namespace)
    installed = Installed(helm, kubectl)
    done = installed.install("perago", *settings)
    assert done.returncode == 0, done.stderr
    return installed


@pytest.fixture(scope="module")
def cluster_wide(helm: Helm, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Installed for all namespaces, attempts in `one`."""
    with apiserver.local(tmp_path_factory.mktemp("apiserver")) as kubeconfig:
        yield _installed(helm, programs, kubeconfig, 'namespaces=["one"]')


BOUNDED = 'attempts={"ownCode":false,"ceiling":{"memory":"1Gi","storage":"2Gi"},"labels":[]}'
"""Values that let attempts say little."""


@pytest.fixture(scope="module")
def namespaced(helm: Helm, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Installed for `one` and `two` only, with bounds for attempts."""
    with apiserver.local(tmp_path_factory.mktemp("apiserver")) as kubeconfig:
        yield _installed(helm, programs, kubeconfig, 'namespaces=["one","two"]', "clusterWide=false", BOUNDED)
