"""An environment on a kind cluster of its own: the steps in order, and which of them run in parallel."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perago_dev import (
    addresses,
    cache,
    conductor,
    conductor_files,
    image_store,
    lakefs,
    lakefs_programs,
    preflight,
    product,
    state,
    sysctls,
    workloads,
)
from perago_dev.cluster import binaries, node_image
from perago_dev.cluster.kind import Kind
from perago_dev.cluster.spec import Mount, Spec
from perago_dev.conductor_files import Files
from perago_dev.environment import Environment
from perago_dev.progress import step
from perago_dev.together import Together

NODE_PORTS = (conductor.NODE_PORT, lakefs.NODE_PORT)
DNS_SECONDS = 120


def made(name: str, workers: int, folder: Path, group: Together) -> Environment:
    """The environment, completed from whatever an interrupted run left. Raises EnvironmentProblem."""
    engine, own_lakefs = preflight.provider(), lakefs.external() is None
    programs = group.start(binaries.of_this_host)
    base, built = group.start(image_store.base), group.start(product.build)
    server = group.start(lambda: None if conductor.external() else conductor_files.cached())
    if own_lakefs:
        group.start(lakefs_programs.cached)
    node = node_image.cached(programs()) if engine == "podman" else ""
    kind, files = Kind(programs(), engine, folder, name), server()
    spec = Spec(name, engine, node, workers, _mounts(folder, files), folder / "images", NODE_PORTS)
    with _cluster(kind, spec, folder):
        group.start(lambda: kind.prepare([base()]))
        prepared = group.start(lambda: kind.prepare(built().references()))
    if files or own_lakefs:
        kind.load([base()])
    if files:
        conductor.deploy(kind.kubectl, files, base(), kind.control_plane)
    versions = group.start(lambda: _lakefs(kind, folder, base()))
    prepared()
    loaded = product.load(kind, built())
    found = _answering(addresses.Addresses(_conductor(kind), versions()))
    kind.kubectl.rolled_out("kube-system", "coredns", DNS_SECONDS)
    state.finish(folder, {"cluster": "kind", "workers": workers})
    return addresses.environment(name, folder, programs(), found, loaded)


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


def _conductor(kind: Kind) -> addresses.Server:
    return addresses.external_conductor() or addresses.own_conductor(kind.published(conductor.NODE_PORT))


def _lakefs(kind: Kind, folder: Path, image: str) -> addresses.LakeFS:
    """The external server, if there is one, else one that is started here."""
    if (given := addresses.external_lakefs()) is not None:
        return given
    keys = lakefs.own_keys(folder)
    lakefs.deploy(kind.kubectl, folder / "data", image, kind.control_plane, keys)
    return addresses.own_lakefs(kind.published(lakefs.NODE_PORT), keys)


def _answering(found: addresses.Addresses) -> addresses.Addresses:
    with step("waiting for Conductor and lakeFS", "20 seconds"):
        addresses.wait_for(found)
    return found
