"""Builds the image of kind's nodes on a machine that cannot pull the public one.

It contains a Debian tree, kind's own files, the programs of `binaries`, and an archive of the control-plane images. It
is kept in podman's storage under the digest of its inputs. This module does not know about clusters.
"""

import shutil
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from perago_dev.cluster import oci
from perago_dev.cluster.binaries import KIND_FILES, kubernetes_version
from perago_dev.errors import EnvironmentProblem
from perago_dev.host import cache, commands, debian, podman
from perago_dev.host.locks import exclusive
from perago_dev.host.mounts import unmount_below
from perago_dev.host.progress import step
from perago_dev.images import base_image
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
RECIPE = "2"
"""Increase this when the steps below change without a change in the files that they use."""
CONTAINERD = "etc/containerd/config.toml"
AT_ROOT = ("coredns", "pause")
"""Programs that their images have in the root folder; the others are on the search path."""


def references(binaries: Path) -> list[str]:
    """The images that the node asks for: kubeadm's, for the version it was built from, and containerd's for pods."""
    listed = commands.output(
        [str(binaries / "kubeadm"), "config", "images", "list", "--kubernetes-version", kubernetes_version()]
    )
    settings = tomllib.loads((binaries / KIND_FILES / CONTAINERD).read_text())
    pods = str(settings["plugins"]["io.containerd.grpc.v1.cri"]["sandbox_image"])
    return list(dict.fromkeys([*listed.split(), pods]))


def programs(binaries: Path, references: Sequence[str]) -> list[oci.Program]:
    """What each of the images holds. Raises EnvironmentProblem for an image whose program is not built."""
    return [_program(binaries, reference) for reference in references]


def _program(binaries: Path, reference: str) -> oci.Program:
    name = reference.rsplit("/", 1)[-1].split(":")[0]
    if not (binaries / name).exists():
        raise EnvironmentProblem(
            f"Kubernetes {kubernetes_version()} needs the image {reference}, and no program {name!r} is built for it: "
            f"add it to {KIND_SOURCE / 'go.mod'} and to perago_dev.cluster.binaries"
        )
    path, entry = (name, f"/{name}") if name in AT_ROOT else (f"usr/local/bin/{name}", name)
    return oci.Program(reference, binaries / name, path, entry, nft=name == "kube-proxy")


def debian_tree() -> Path:
    """The node's Debian, without any program that is compiled here, installed if it is not in the cache."""
    return cache.entry("node-tree", cache.key(debian.PACKAGES_OF, *PACKAGES), _bootstrap)


def _bootstrap(folder: Path) -> None:
    with step("installing the node's Debian packages", "about 1 minute"):
        debian.bootstrap(folder, PACKAGES, cache.root() / "logs" / "node-tree.log")


def is_built(programs: str) -> bool:
    """podman has the node image with the programs of this digest."""
    return podman.has_image(f"{REPOSITORY}:{_digest(programs)}")


def _digest(programs: str) -> str:
    return cache.key(RECIPE, debian.PACKAGES_OF, programs, cache.tree_key(NODE_FILES, [NODE_FILES]), ",".join(PACKAGES))


def cached(binaries: Path, tree: Callable[[], Path] = debian_tree) -> str:
    """The reference of the node image with these programs on `tree`, which is built if podman does not have it."""
    digest = _digest(binaries.name)
    reference = f"{REPOSITORY}:{digest}"
    with exclusive(cache.root() / "locks" / f"node-{digest}", "the node image"):
        if not podman.has_image(reference):
            with step("building the node image", "half a minute"), _workshop() as root:
                _fill(root, tree(), binaries, cache.root() / "logs" / "node-image.log")
                base_image.import_tree(root, reference, CHANGES)
    return reference


@contextmanager
def _workshop() -> Iterator[Path]:
    """An empty folder on the cache's disk, removed afterwards, as is what an interrupted run left in its place."""
    folder = cache.root() / "unfinished" / "node"
    _discard(folder)
    folder.mkdir(parents=True)
    yield folder
    _discard(folder)


def _discard(folder: Path) -> None:
    if folder.exists():
        unmount_below(folder)
        shutil.rmtree(folder)


def _fill(root: Path, tree: Path, binaries: Path, log: Path) -> None:
    commands.run(["cp", "-a", f"{tree}/.", str(root)], log=log)
    commands.run(["cp", "-r", "--no-preserve=mode", f"{binaries / KIND_FILES}/.", str(root)], log=log)
    _install_programs(root, binaries)
    _install_units(root)
    (root / "kind" / "version").write_text(kubernetes_version())
    oci.write_archive(programs(binaries, references(binaries)), root, root / "kind" / "images.tar")
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
