"""etcd and kube-apiserver alone, on loopback: enough for tests of CRDs, CEL rules, admission and watches.

There are no controllers, nodes or pods, so an object stays as it was written.
"""

import base64
import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perago_dev.cluster import binaries
from perago_dev.cluster.kubectl import Kubectl
from perago_dev.host import commands, processes

READY_SECONDS = 240.0
"""It is ready after a few seconds, and after more than a minute where images are built beside it on two cores."""
_ISSUER = "https://kubernetes.default.svc"


@contextmanager
def local(state_dir: Path, options: Sequence[str] = ()) -> Iterator[Path]:
    """A running API server with its state in `state_dir`; yields the path of a kubeconfig with all rights."""
    programs = binaries.of_this_host()
    state_dir.mkdir(parents=True, exist_ok=True)
    clients, peers, secure = (processes.free_port() for _ in range(3))
    with processes.child(_etcd(programs, state_dir, clients, peers), state_dir / "etcd.log"):
        _write_keys(state_dir)
        log = state_dir / "kube-apiserver.log"
        with processes.child([*_api_server(programs, state_dir, clients, secure), *options], log) as process:
            kubeconfig = state_dir / "kubeconfig"
            kubectl = Kubectl(programs / "kubectl", kubeconfig)
            processes.wait_for_child(process, lambda: _certificate(state_dir).exists(), READY_SECONDS, log)
            kubeconfig.write_text(json.dumps(_kubeconfig(state_dir, secure)))
            processes.wait_for_child(process, kubectl.answers, READY_SECONDS, log)
            yield kubeconfig


def _etcd(programs: Path, state: Path, clients: int, peers: int) -> list[str]:
    here, there = f"http://{processes.LOOPBACK}:{clients}", f"http://{processes.LOOPBACK}:{peers}"
    return [
        *(str(programs / "etcd"), "--data-dir", str(state / "etcd"), "--unsafe-no-fsync", "--log-level=warn"),
        *("--listen-client-urls", here, "--advertise-client-urls", here),
        *("--listen-peer-urls", there, "--initial-advertise-peer-urls", there),
        *("--initial-cluster", f"default={there}"),
    ]


def _write_keys(state: Path) -> None:
    """The key that signs service account tokens, and the token of the one user."""
    key = state / "service-accounts.key"
    if not key.exists():
        commands.output(["openssl", "genrsa", "-out", str(key), "2048"])
    (state / "token").write_text(secrets.token_hex(16))
    (state / "token").chmod(0o600)
    (state / "tokens.csv").write_text(f"{(state / 'token').read_text()},tester,tester,system:masters\n")
    (state / "tokens.csv").chmod(0o600)


def _api_server(programs: Path, state: Path, etcd: int, port: int) -> list[str]:
    return [
        *(str(programs / "kube-apiserver"), f"--etcd-servers=http://{processes.LOOPBACK}:{etcd}"),
        *(f"--bind-address={processes.LOOPBACK}", f"--secure-port={port}", f"--cert-dir={state / 'certificates'}"),
        *(
            f"--token-auth-file={state / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
        ),
        *(f"--service-account-key-file={state / 'service-accounts.key'}", f"--service-account-issuer={_ISSUER}"),
        *(f"--service-account-signing-key-file={state / 'service-accounts.key'}", "--endpoint-reconciler-type=none"),
        "--disable-admission-plugins=ServiceAccount",
    ]


def _certificate(state: Path) -> Path:
    return state / "certificates" / "apiserver.crt"


def _kubeconfig(state: Path, port: int) -> dict[str, Any]:
    authority = base64.b64encode(_certificate(state).read_bytes()).decode()
    cluster = {"server": f"https://{processes.LOOPBACK}:{port}", "certificate-authority-data": authority}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": cluster}],
        "users": [{"name": "tester", "user": {"token": (state / "token").read_text()}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "tester"}}],
        "current-context": "local",
    }
