"""A control plane on loopback: etcd, API server, scheduler, and KWOK in the place of kubelets.

The API server writes down who has changed what, so that writes can be counted by client.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perago_dev.cluster import binaries
from perago_dev.cluster.kubectl import Kubectl
from perago_dev.host import processes
from perago_dev.servers import apiserver, kwok

UNTHROTTLED = ("--kube-api-qps=1000", "--kube-api-burst=2000")
"""Stock clients of the control plane hold themselves back to 20 to 50 requests a second."""
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [
        {"level": "None", "verbs": ["get", "list", "watch"]},
        {"level": "None", "resources": [{"group": "coordination.k8s.io"}]},
        {"level": "Metadata"},
    ],
}


@dataclass(frozen=True)
class ControlPlane:
    """What is running, and where its files are."""

    folder: Path
    kubectl: Kubectl

    @property
    def kubeconfig(self) -> Path:
        """With all rights."""
        return self.kubectl.kubeconfig

    def writes(self) -> Counter[tuple[str, str]]:
        """How often each client has written so far: by the first word of its user agent, and by verb and resource."""
        counted: Counter[tuple[str, str]] = Counter()
        for line in _audit_log(self.folder).read_text().splitlines():
            event = json.loads(line)
            about = event.get("objectRef", {})
            kind = "/".join(filter(None, (about.get("resource"), about.get("subresource"))))
            counted[event.get("userAgent", "").split("/")[0], f"{event['verb']} {kind}"] += 1
        return counted


@contextmanager
def local(folder: Path, *, nodes: int) -> Iterator[ControlPlane]:
    """A control plane with so many nodes; no controller runs."""
    folder.mkdir(parents=True, exist_ok=True)
    policy = folder / "audit-policy.json"
    policy.write_text(json.dumps(AUDIT_POLICY))
    audit = (f"--audit-policy-file={policy}", f"--audit-log-path={_audit_log(folder)}")
    with apiserver.local(folder, audit) as kubeconfig:
        kubectl = Kubectl(binaries.of_this_host() / "kubectl", kubeconfig)
        with _program("kube-scheduler", folder, kubeconfig, UNTHROTTLED), kwok.nodes(kubectl, folder, nodes):
            yield ControlPlane(folder, kubectl)


@contextmanager
def controllers(plane: ControlPlane, names: Sequence[str], options: Sequence[str] = ()) -> Iterator[None]:
    """The controller manager with these controllers."""
    key = f"--service-account-private-key-file={plane.folder / 'service-accounts.key'}"
    own = (f"--controllers={','.join(names)}", key, *options)
    with _program("kube-controller-manager", plane.folder, plane.kubeconfig, own):
        yield


@contextmanager
def _program(name: str, folder: Path, kubeconfig: Path, options: Sequence[str]) -> Iterator[None]:
    port, log = processes.free_port(), folder / f"{name}.log"
    common = ("--kubeconfig", str(kubeconfig), "--leader-elect=false", f"--bind-address={processes.LOOPBACK}")
    command = [str(binaries.of_this_host() / name), *common, f"--secure-port={port}", *options]
    with processes.child(command, log) as process:
        address = (processes.LOOPBACK, port)
        processes.wait_for_child(process, lambda: processes.listens(address), apiserver.READY_SECONDS, log)
        yield


def _audit_log(folder: Path) -> Path:
    return folder / "audit.log"
