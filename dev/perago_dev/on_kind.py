"""An environment on a kind cluster of its own: the steps in order, and which of them run in parallel."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perago_dev import state
from perago_dev.cluster import binaries, node_image
from perago_dev.cluster.kind import Kind
from perago_dev.cluster.spec import Mount, Spec
from perago_dev.environment import Environment
from perago_dev.host import cache, preflight, sysctls
from perago_dev.host.progress import step
from perago_dev.host.together import Together
from perago_dev.images import image_store, product
from perago_dev.images.product import Images
from perago_dev.servers import addresses, conductor, conductor_files, lakefs, lakefs_programs, workloads
from perago_dev.servers.conductor_files import Files

NODE_PORTS = (conductor.NODE_PORT, lakefs.NODE_PORT)
DNS_SECONDS = 120


@dataclass(frozen=True)
class Parts:
    """What is fetched and built before the cluster exists; calling one waits for it. No Conductor: it was given."""

    programs: Callable[[], Path]
    base_image: Callable[[], str]
    images: Callable[[], Images]
    conductor: Callable[[], Files | None]


def environment_of(name: str, workers: int, folder: Path, group: Together) -> Environment:
    """The environment, completed from whatever an interrupted run left. Raises EnvironmentProblem."""
    engine, parts = preflight.provider(), _started(group)
    node = node_reference(group, parts) if engine == "podman" else ""
    kind, mounts = Kind(parts.programs(), engine, folder, name), _mounts(folder, parts.conductor())
    with _cluster(kind, Spec(name, engine, node, workers, mounts, folder / "images", NODE_PORTS), folder):
        group.start(lambda: kind.prepare([parts.base_image()]))
        prepared = group.start(lambda: kind.prepare(parts.images().references()))
    servers = group.start(lambda: _servers(kind, folder, parts))
    prepared()
    loaded = product.load(kind, parts.images())
    with step("waiting for Conductor and lakeFS", "20 seconds"):
        addresses.wait_for(servers())
    kind.kubectl.rolled_out("kube-system", "coredns", DNS_SECONDS)
    state.finish(folder, {"cluster": "kind", "workers": workers})
    return addresses.environment(name, folder, parts.programs(), servers(), loaded)


def _started(group: Together) -> Parts:
    own_lakefs = lakefs.external() is None
    parts = Parts(
        programs=group.start(binaries.of_this_host),
        base_image=group.start(image_store.base),
        images=group.start(product.build),
        conductor=group.start(lambda: None if conductor.external() else conductor_files.cached()),
    )
    if own_lakefs:
        group.start(lakefs_programs.cached)
    return parts


def node_reference(group: Together, parts: Parts) -> str:
    """The node image; if podman does not have it, its Debian is installed while the programs are compiled."""
    built = node_image.is_built(binaries.digest(with_node=True))
    tree = node_image.debian_tree if built else group.start(node_image.debian_tree)
    return node_image.cached(parts.programs(), tree)


def _mounts(folder: Path, files: Files | None) -> list[Mount]:
    data = Mount(folder / "data", workloads.NODE_STATE, read_only=False)
    return [data, *(conductor.node_mounts(files) if files else [])]


@contextmanager
def _cluster(kind: Kind, spec: Spec, folder: Path) -> Iterator[None]:
    """Create the cluster after the block, unless an interrupted `up` left a complete one with the same specification.

    The block starts what may run in the meantime. What belonged to an earlier cluster has been removed before it.
    """
    fingerprint = cache.key(repr(spec))
    mark = folder / "cluster-made"
    whole = mark.exists() and mark.read_text() == fingerprint and kind.kubectl.answers()
    if not whole:
        mark.unlink(missing_ok=True)
        _clear(kind, folder)
    yield
    if not whole:
        with step("creating the cluster", "half a minute"):
            sysctls.record()
            kind.create(spec)
        mark.write_text(fingerprint)


def _clear(kind: Kind, folder: Path) -> None:
    kind.delete()
    for left in ("data", "loaded", "images"):
        if (folder / left).exists():
            shutil.rmtree(folder / left)
        (folder / left).mkdir()


def _servers(kind: Kind, folder: Path, parts: Parts) -> addresses.Addresses:
    """Conductor and lakeFS, each started in the cluster unless it was given."""
    if addresses.external_conductor() is None or addresses.external_lakefs() is None:
        kind.load([parts.base_image()])
    return addresses.Addresses(_conductor(kind, parts), _lakefs(kind, folder, parts))


def _conductor(kind: Kind, parts: Parts) -> addresses.Server:
    if (files := parts.conductor()) is not None:
        conductor.deploy(kind.kubectl, files, parts.base_image(), kind.control_plane)
    return addresses.external_conductor() or addresses.own_conductor(kind.published(conductor.NODE_PORT))


def _lakefs(kind: Kind, folder: Path, parts: Parts) -> addresses.LakeFS:
    if (external := addresses.external_lakefs()) is not None:
        return external
    keys = lakefs.own_keys(folder)
    lakefs.deploy(kind.kubectl, folder / "data", parts.base_image(), kind.control_plane, keys)
    return addresses.own_lakefs(kind.published(lakefs.NODE_PORT), keys)
