"""The image that the product's images are built from, for an architecture: made from nothing, or the public one."""

import json
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from perago_dev.artifacts import layers
from perago_dev.host import cache, commands, debian, podman
from perago_dev.host.mounts import unmount_below
from perago_dev.host.preflight import ARCHITECTURES, provider
from perago_dev.images import base_image, image_store

FORMATS = Path("/proc/sys/fs/binfmt_misc")
"""Where Linux lists the programs that it runs with the help of others, such as QEMU."""
OF_THIS_MACHINE = ("etc/hostname", "etc/resolv.conf", "etc/machine-id", "var/cache/ldconfig/aux-cache")
"""What debootstrap takes from the machine that it runs on, or what tells when it ran; nothing in an image reads it."""
SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Base:
    """Its reference on this machine, and the digests of its layers."""

    reference: str
    layers: frozenset[str]

    def own_references(self) -> list[str]:
        """Its reference, if it was made here and is of no use any more."""
        return [] if self.reference == image_store.PUBLIC_BASE else [self.reference]


def architectures() -> tuple[str, ...]:
    """Those whose programs this machine runs, of those that Perago is published for; its own comes first."""
    own = platform.machine()
    others = (name for machine, name in ARCHITECTURES.items() if machine != own and _runs(machine))
    return (*([ARCHITECTURES[own]] if own in ARCHITECTURES else []), *others)


def _runs(machine: str) -> bool:
    file = FORMATS / f"qemu-{machine}"
    return file.exists() and file.read_text().startswith("enabled")


def afresh(architecture: str, moment: int) -> Base:
    """Make the base image. All of its files have the time `moment` but sources of Python, which keep their own."""
    if provider() == "docker":
        return _pulled(architecture)
    root = cache.root() / "unfinished" / f"base-{architecture}"
    if root.exists():
        unmount_below(root)
        shutil.rmtree(root)
    root.mkdir(parents=True)
    debian.bootstrap(root, base_image.PACKAGES, cache.root() / "logs" / "base-image.log", architecture)
    unmount_below(root)
    try:
        forget_this_machine(root, moment)
        return _imported(root, architecture, moment)
    finally:
        shutil.rmtree(root)


def _pulled(architecture: str) -> Base:
    reference = image_store.PUBLIC_BASE
    commands.output(["docker", "pull", "--quiet", "--platform", f"linux/{architecture}", reference])
    layers = commands.output(["docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", reference])
    return Base(reference, frozenset(json.loads(layers)))


def forget_this_machine(root: Path, moment: int) -> None:
    """Remove from a root file system what differs between two that hold the same packages, and the devices."""
    shutil.rmtree(root / "dev")
    (root / "dev").mkdir()
    for name in OF_THIS_MACHINE:
        (root / name).unlink(missing_ok=True)
    for file in (root / "etc").glob("shadow*"):
        file.write_text(aged(file.read_text(), moment // SECONDS_PER_DAY))


def aged(shadow: str, day: int) -> str:
    """The text of `/etc/shadow` in which each account has got its password, or none, on this day."""
    rows = (row.split(":") for row in shadow.splitlines())
    return "".join(":".join([*row[:2], str(day), *row[3:]]) + "\n" for row in rows)


def _imported(root: Path, architecture: str, moment: int) -> Base:
    reference = f"{image_store.PREFIX}/release-python:{architecture}"
    archive, plain = root.with_suffix(".tar"), root.with_suffix(".plain.tar")
    commands.output(["tar", "-C", str(root), "--xattrs", "--numeric-owner", "-cf", str(archive), "."])
    layers.normalised(archive, plain, moment, sources_keep_their_times=True)
    podman.output("import", "--quiet", "--os", "linux", "--arch", architecture, str(plain), reference)
    digest = layers.digest_of(plain)
    archive.unlink()
    plain.unlink()
    return Base(reference, frozenset({f"sha256:{digest}"}))
