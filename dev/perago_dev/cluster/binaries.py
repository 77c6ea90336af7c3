"""Builds the programs of the cluster from pinned Go modules: one module for all, one cached folder for all.

The pins are `dev/kind/go.mod` and `go.sum`. It does not know about nodes or containers.
"""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from perago_dev.errors import EnvironmentProblem
from perago_dev.host import cache, commands, toolchain
from perago_dev.host.preflight import provider
from perago_dev.host.progress import step
from perago_dev.source import KIND_SOURCE

KUBERNETES = "k8s.io/kubernetes"
ETCD = "go.etcd.io/etcd/server/v3"
HELM = "helm.sh/helm/v3/cmd/helm"
TOOLS = (
    "sigs.k8s.io/kind",
    HELM,
    f"{KUBERNETES}/cmd/kubectl",
    f"{KUBERNETES}/cmd/kube-apiserver",
)
"""What the host itself runs with any kind of nodes; `kube-apiserver`, with etcd, is for tests of the CRDs."""
NODE = (
    *(f"{KUBERNETES}/cmd/{name}" for name in ("kubeadm", "kubelet", "kube-controller-manager")),
    *(f"{KUBERNETES}/cmd/{name}" for name in ("kube-scheduler", "kube-proxy")),
    *("./coredns", "./pause"),
)
"""What a node image contains besides the API server and etcd."""
KIND_FILES = "kind-files"
"""The folder of the result with kind's own entry point, units and configuration, taken from its module."""


def kubernetes_version() -> str:
    """The pinned version of Kubernetes, e.g. `v1.34.4`."""
    match = re.search(rf"{KUBERNETES} (v\S+)", (KIND_SOURCE / "go.mod").read_text())
    if match is None:
        raise EnvironmentProblem(f"{KIND_SOURCE / 'go.mod'} does not pin {KUBERNETES}")
    return match[1]


def linker_flags(version: str) -> str:
    """The linker flags that stamp the version, so that kubeadm and the API server report what they are."""
    major, minor, _ = version.removeprefix("v").split(".")
    stamp = {
        "k8s.io/component-base/version.gitVersion": version,
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        "k8s.io/component-base/version.gitTreeState": "clean",
        "k8s.io/component-base/version.gitCommit": "0" * 40,
        "k8s.io/component-base/version.buildDate": "2026-01-01T00:00:00Z",
        "k8s.io/client-go/pkg/version.gitVersion": version,
        "k8s.io/client-go/pkg/version.gitMajor": major,
        "k8s.io/client-go/pkg/version.gitMinor": minor,
    }
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in stamp.items())])


def of_this_host() -> Path:
    """The folder with all programs that an environment on this host may need, built if necessary."""
    return cached(with_node=provider() == "podman")


def cached(*, with_node: bool) -> Path:
    """The folder with the programs, and those of a node if `with_node`, built if necessary."""
    packages = _packages(with_node)
    return cache.entry("binaries", digest(with_node=with_node), lambda folder: _build(packages, folder))


def helm() -> Path:
    """The pinned helm: the one among an environment's programs if they are here, else built alone."""
    folders = (cache.root() / "binaries" / digest(with_node=with_node) for with_node in (True, False))
    built = next((folder for folder in folders if folder.exists()), None)
    return (built or cache.entry("helm", digest(with_node=False), _build_helm)) / "helm"


def _build_helm(folder: Path) -> None:
    with step("building helm from source", "a few minutes the first time"):
        toolchain.build(folder, KIND_SOURCE, [HELM], "-s -w", "helm")


def digest(*, with_node: bool) -> str:
    """Of what determines the programs: the name of their folder, known before they are built."""
    sources = [file for file in cache.files_below(KIND_SOURCE) if file.suffix in (".go", ".mod", ".sum")]
    return cache.key(cache.tree_key(KIND_SOURCE, sources), linker_flags(kubernetes_version()), *_packages(with_node))


def _packages(with_node: bool) -> tuple[str, ...]:
    return TOOLS + (NODE if with_node else ())


def _build(packages: Sequence[str], folder: Path) -> None:
    log = cache.root() / "logs" / "binaries.log"
    go, flags = toolchain.go_program(), linker_flags(kubernetes_version())
    with step(f"building {len(packages) + 1} programs from source", "about 7 minutes the first time, on 2 cores"):
        build = [go, "build", "-trimpath", "-ldflags", flags, "-o", f"{folder}{os.sep}", *packages]
        commands.run(build, log=log, env=toolchain.BUILD_ENVIRONMENT, cwd=KIND_SOURCE)
        # etcd's main package is the root of its module: the program would be called "v3".
        build = [go, "build", "-trimpath", "-ldflags", "-s -w", "-o", str(folder / "etcd"), ETCD]
        commands.run(build, log=log, env=toolchain.BUILD_ENVIRONMENT, cwd=KIND_SOURCE)
        shutil.copytree(_module_folder(go, "sigs.k8s.io/kind") / "images/base/files", folder / KIND_FILES)
        commands.run(["chmod", "-R", "u+w", str(folder / KIND_FILES)], log=log)


def _module_folder(go: str, module: str) -> Path:
    command = [go, "-C", str(KIND_SOURCE), "list", "-m", "-f", "{{.Dir}}", module]
    return Path(commands.output(command, env={"GOWORK": "off"}).strip())
