"""Makes the image that kind's nodes run from, on a machine that cannot pull the public one.

A Debian tree, kind's own files, the programs of `binaries`, and an archive of the control-plane images. The result
lies in podman's storage under the digest of what determines it. It knows nothing of clusters.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perago_dev import base_image, cache, commands, debian, podman
from perago_dev.cluster import oci
from perago_dev.cluster.binaries import KIND_FILES, kubernetes_version
from perago_dev.locks import exclusive
from perago_dev.mounts import unmount_below
from perago_dev.progress import step
from perago_dev.source import KIND_SOURCE

REPOSITORY = "localhost/perago/node"
PACKAGES = (
    *("systemd", "conntrack", "iptables", "nftables", "iproute2", "ethtool", "mount", "kmod", "libseccomp2", "pigz"),
    *("jq", "procps", "netbase", "ca-certificates", "curl", "containerd", "runc", "containernetworking-plugins"),
)
CNI_PLUGINS = ("host-local", "loopback", "ptp", "portmap", "bridge")
NODE_FILES = KIND_SOURCE / "node"
CHANGES = (
    *("ENV container=docker", "STOPSIGNAL SIGRTMIN+3"),
    'ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]',
)
RECIPE = "1"
"""Raise it when the steps below change without a change in the files they use."""


def programs(binaries: Path, version: str) -> list[oci.Program]:
    """The images that kubeadm asks for, by the references it uses."""
    control_plane = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
    found = [
        oci.Program(f"registry.k8s.io/{name}:{version}", binaries / name, f"usr/local/bin/{name}", name)
        for name in control_plane
    ]
    found[-1] = oci.Program(found[-1].reference, found[-1].binary, found[-1].path, "kube-proxy", nft=True)
    return [
        *found,
        oci.Program("registry.k8s.io/etcd:3.6.5-0", binaries / "etcd", "usr/local/bin/etcd", "etcd"),
        oci.Program("registry.k8s.io/coredns/coredns:v1.12.1", binaries / "coredns", "coredns", "/coredns"),
        oci.Program("registry.k8s.io/pause:3.10", binaries / "pause", "pause", "/pause"),
    ]


def cached(binaries: Path) -> str:
    """The reference of the node image made of these programs, built when podman does not hold it."""
    digest = cache.key(RECIPE, binaries.name, cache.tree_key(NODE_FILES, [NODE_FILES]), ",".join(PACKAGES))
    reference = f"{REPOSITORY}:{digest}"
    with exclusive(cache.root() / "locks" / f"node-{digest}", "the node image"):
        if not podman.has_image(reference):
            with step("building the node image", "about 1 minute"), _workshop() as root:
                _fill(root, binaries, cache.root() / "logs" / "node-image.log")
                base_image.import_tree(root, reference, CHANGES)
    return reference


@contextmanager
def _workshop() -> Iterator[Path]:
    """An empty folder on the cache's disk that is gone afterwards, also what an interrupted run left in its place."""
    folder = cache.root() / "unfinished" / "node"
    _discard(folder)
    folder.mkdir(parents=True)
    yield folder
    _discard(folder)


def _discard(folder: Path) -> None:
    if folder.exists():
        unmount_below(folder)
        shutil.rmtree(folder)


def _fill(root: Path, binaries: Path, log: Path) -> None:
    debian.bootstrap(root, PACKAGES, log)
    commands.run(["cp", "-r", "--no-preserve=mode", f"{binaries / KIND_FILES}/.", str(root)], log=log)
    _install_programs(root, binaries)
    _install_units(root)
    (root / "kind" / "version").write_text(kubernetes_version())
    oci.write_archive(programs(binaries, kubernetes_version()), root, root / "kind" / "images.tar")
    commands.run(["chroot", str(root), "/bin/sh", "-s"], log=log, stdin=(NODE_FILES / "finish").read_bytes())


def _install_programs(root: Path, binaries: Path) -> None:
    for folder in ("opt/cni/bin", "etc/kubernetes/manifests", "kind/manifests"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name in ("kubeadm", "kubelet", "kubectl"):
        shutil.copy2(binaries / name, root / "usr/bin" / name)
    shutil.copy2(NODE_FILES / "crictl", root / "usr/local/bin/crictl")
    for name in CNI_PLUGINS:
        shutil.copy2(root / "usr/lib/cni" / name, root / "opt/cni/bin" / name)
    for name in ("containerd", "ctr"):
        (root / "usr/local/bin" / name).symlink_to(f"/usr/bin/{name}")
    for program in [*(root / "usr/local/bin").iterdir(), *(root / "kind/bin").iterdir()]:
        if not program.is_symlink():
            program.chmod(0o755)


def _install_units(root: Path) -> None:
    (root / "lib/systemd/system/containerd.service").unlink()  # kind's own is in /etc
    shutil.copy2(NODE_FILES / "kind-images.service", root / "etc/systemd/system/kind-images.service")
    shutil.copy2(NODE_FILES / "20-images.conf", root / "etc/systemd/system/kubelet.service.d/20-images.conf")
    shutil.copy2(NODE_FILES / "default-storage.yaml", root / "kind/manifests/default-storage.yaml")
