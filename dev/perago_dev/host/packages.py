"""Installs the Debian packages whose programs are missing; needs root and a system based on Debian."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from perago_dev.errors import EnvironmentProblem
from perago_dev.host import cache, commands
from perago_dev.host.preflight import provider
from perago_dev.host.progress import step

PODMAN_PROGRAMS = {
    "podman": "podman",
    "buildah": "buildah",
    "runc": "runc",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "nft": "nftables",
    "ip": "iproute2",
    "/usr/lib/podman/netavark": "netavark",
    "/usr/lib/podman/aardvark-dns": "aardvark-dns",
}
"""What a machine without Docker needs: program or file → package."""
PROGRAMS = {
    "mvn": "maven",
    "openssl": "openssl",
    "setpriv": "util-linux",
}
"""What every machine needs."""


def wanted(cluster: str = "kind") -> dict[str, str]:
    """Programs and the packages that bring them, on this machine; nothing for a cluster that exists already."""
    if cluster != "kind":
        return {}
    return {**PROGRAMS, **(PODMAN_PROGRAMS if provider() == "podman" else {})}


def missing(cluster: str = "kind") -> tuple[str, ...]:
    """The required programs that are not installed."""
    return _absent(wanted(cluster))


def _absent(programs: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for name in programs if not _installed(name))


def _installed(name: str) -> bool:
    return Path(name).exists() if name.startswith("/") else shutil.which(name) is not None


def install_missing(cluster: str = "kind") -> bool:
    """Install what is missing with apt-get; returns whether anything was. Raises EnvironmentProblem if it cannot."""
    return install(wanted(cluster))


def install(programs: Mapping[str, str]) -> bool:
    """Install those of the programs that are missing, given with their packages, as `install_missing` does."""
    absent = _absent(programs)
    if not absent:
        return False
    packages = [programs[name] for name in absent]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise EnvironmentProblem(
            f"not installed: {', '.join(absent)} (on Debian: apt-get install {' '.join(packages)})"
        )
    log = cache.root() / "logs" / "apt.log"
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing {', '.join(packages)}", "about half a minute"):
        commands.run(["apt-get", "-q", "update"], log=log, env=quiet)
        install = ["apt-get", "-q", "install", "--yes", "--no-install-recommends", *packages]
        commands.run(install, log=log, env=quiet)
    return True
