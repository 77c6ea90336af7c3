"""The servers that contract tests talk to: the ones that the variables name, else servers of this session."""

import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from perago_dev import environment
from perago_dev.cluster import binaries
from perago_dev.servers import apiserver, minio
from perago_dev.servers import lakefs as dev
from tests.faults.proxy import Proxy, proxied
from tests.kubectl import Kubectl

CRDS = Path(__file__).resolve().parents[2] / "crds"


@pytest.fixture(scope="session", autouse=True)
def given_servers_only() -> None:
    """Addresses that `perago_dev env` put into this shell are those of an environment, not given ones."""
    environment.forget_own_servers(os.environ)


@pytest.fixture(scope="session")
def lakefs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dev.Server]:
    """The lakeFS that `LAKEFS_ENDPOINT` names, else one on loopback."""
    given = dev.external()
    source = nullcontext(given) if given else dev.local_server(tmp_path_factory.mktemp("lakefs"))
    with source as server:
        yield server


@dataclass(frozen=True)
class SigningServer:
    """A lakeFS that signs URLs of a block store; they lead through `store`, a proxy in front of it."""

    server: dev.Server
    store: Proxy
    log: Path
    """Of the block store."""


@pytest.fixture(scope="session")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningServer]:
    """lakeFS on MinIO, both on loopback."""
    folder = tmp_path_factory.mktemp("signing")
    with (
        minio.local_store(folder / "minio") as store,
        proxied(store.endpoint, keeps_host=True) as proxy,
        dev.local_server(folder / "lakefs", minio.blocks(store, pre_signed_endpoint=proxy.url)) as server,
    ):
        yield SigningServer(server, proxy, folder / "minio" / "minio.log")


@pytest.fixture(scope="session")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """kubectl for an API server that knows our kinds: etcd and kube-apiserver alone, on loopback."""
    with apiserver.local(tmp_path_factory.mktemp("apiserver")) as kubeconfig:
        kubectl = Kubectl(binaries.of_this_host() / "kubectl", kubeconfig)
        kubectl("apply", "--server-side", "-f", str(CRDS))
        kubectl("wait", "--for=condition=Established", "--timeout=240s", "crd", "--all")
        yield kubectl


@pytest.fixture(scope="session")
def kubeconfig(kubectl: Kubectl) -> Path:
    """The kubeconfig of that server, with all rights."""
    return kubectl.kubeconfig
