"""Names what this machine is missing before anything is built: pure checks of facts that are gathered first."""

import functools
import os
import platform
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from perago_dev.errors import EnvironmentProblem
from perago_dev.host import cache, commands

MEMORY_MIB = 3500
"""Measured: node 455 MiB, Conductor 600, lakeFS and operator 250, pods of the demo 400; the same again for builds."""
DISK_MIB = 12_000
"""Measured after the first `up`: Go's caches 5 GB, Conductor's jar 2 × 0.5, images 2 GB."""
ENGINES = ("docker", "podman")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""`uname -m` → the name in images, of the machines that Debian, Go and the Java runtime are all available for."""


@dataclass(frozen=True)
class Machine:
    """What was found on this machine: `system` and `processor` as `uname` prints them."""

    system: str
    processor: str
    root: bool
    apt: bool
    missing_programs: tuple[str, ...]
    memory_mib: int
    disk_mib: int
    file_systems: frozenset[str]
    cgroups: frozenset[str]
    kernel_lacks: tuple[str, ...] = ()


def problems(machine: Machine, engine: str, cluster: str = "kind") -> list[str]:
    """Everything that stands in the way of an environment on this engine and cluster, each with what to do."""
    obstacles = []
    if machine.memory_mib < MEMORY_MIB:
        obstacles.append(f"memory: {machine.memory_mib} MiB available, {MEMORY_MIB} needed")
    if machine.disk_mib < DISK_MIB:
        obstacles.append(f"disk: {machine.disk_mib} MiB free for the cache {cache.root()}, {DISK_MIB} needed")
    if cluster == "kind":
        obstacles += _node_problems(machine) or (_podman_problems(machine) if engine == "podman" else [])
    return obstacles


def _node_problems(machine: Machine) -> list[str]:
    """What no engine can make up for: the nodes run programs of this machine from folders of this machine."""
    if machine.system != "Linux":
        return [
            f"system: this is {machine.system}, and the nodes, which are Linux, run this machine's Java runtime: use a "
            "Linux machine (also a virtual one), or a cluster that exists already (--cluster current)"
        ]
    if machine.processor not in ARCHITECTURES:
        supported = ", ".join(ARCHITECTURES)
        return [f"processor: {machine.processor} is not supported; the environment runs on {supported}"]
    return []


def _podman_problems(machine: Machine) -> list[str]:
    obstacles = []
    if not machine.root:
        obstacles.append("root: without a Docker daemon, podman runs the cluster's nodes, which needs root (use sudo)")
    if machine.missing_programs and not machine.apt:
        names = ", ".join(machine.missing_programs)
        obstacles.append(f"programs: {names} not found, and no apt-get to install them: install them yourself")
    if "overlay" not in machine.file_systems:
        obstacles.append("kernel: no overlay file system (CONFIG_OVERLAY_FS)")
    if missing := {"memory", "pids", "cpu"} - machine.cgroups:
        obstacles.append(f"kernel: no cgroup controllers {', '.join(sorted(missing))}")
    return obstacles + [f"kernel: {what}" for what in machine.kernel_lacks]


def cgroup_controllers(v1_table: str, v2_list: str) -> frozenset[str]:
    """Controllers from `/proc/cgroups` (the enabled ones) and from `cgroup.controllers` of version 2."""
    rows = [row.split() for row in v1_table.splitlines() if not row.startswith("#")]
    return frozenset(row[0] for row in rows if row[-1] == "1") | frozenset(v2_list.split())


@functools.cache
def provider() -> Literal["docker", "podman"]:
    """What runs nodes and builds images: `$PERAGO_PROVIDER`, else docker if its daemon answers, else podman."""
    chosen = os.environ.get("PERAGO_PROVIDER", "")
    if chosen and chosen not in ENGINES:
        raise EnvironmentProblem(f"PERAGO_PROVIDER is {chosen!r}; it must be docker or podman")
    if chosen == "podman":
        return "podman"
    asked = ["docker", "version", "--format", "{{.Server.Version}}"]
    return "docker" if chosen == "docker" or commands.succeeds(asked, timeout=20) else "podman"


def inspect(missing_programs: tuple[str, ...]) -> Machine:
    """Gather the facts of this machine."""
    return Machine(
        system=platform.system(),
        processor=platform.machine(),
        root=os.geteuid() == 0,
        apt=shutil.which("apt-get") is not None,
        missing_programs=missing_programs,
        memory_mib=_available_memory(),
        disk_mib=_free_disk(cache.root()) // 2**20,
        file_systems=frozenset(_read("/proc/filesystems").replace("nodev", "").split()) | _loadable("overlay"),
        cgroups=cgroup_controllers(_read("/proc/cgroups"), _read("/sys/fs/cgroup/cgroup.controllers")),
        kernel_lacks=_kernel_lacks(),
    )


def _read(name: str) -> str:
    file = Path(name)
    return file.read_text() if file.exists() else ""


def _loadable(module: str) -> frozenset[str]:
    return frozenset({module}) if commands.succeeds(["modprobe", "--quiet", module]) else frozenset()


def _available_memory() -> int:
    match = re.search(r"MemAvailable:\s+(\d+)", _read("/proc/meminfo"))
    return int(match[1]) // 1024 if match else MEMORY_MIB


def _free_disk(folder: Path) -> int:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(existing).free


def _kernel_lacks() -> tuple[str, ...]:
    """Features are tried in a separate network namespace, so that the host is not affected."""
    tries = {
        "no bridges (CONFIG_BRIDGE)": "ip link add probe type bridge",
        "no veth pairs (CONFIG_VETH)": "ip link add probe type veth peer name other",
        "no nf_tables (CONFIG_NF_TABLES)": "nft add table ip probe",
    }
    tools = {what: words.split() for what, words in tries.items() if shutil.which(words.split()[0])}
    if os.geteuid() != 0 or not commands.succeeds(["unshare", "--net", "true"]):
        return ()
    return tuple(what for what, words in tools.items() if not commands.succeeds(["unshare", "--net", *words]))


def check(missing_programs: tuple[str, ...], cluster: str = "kind") -> None:
    """Raise EnvironmentProblem with everything that is missing on this machine for an environment on `cluster`."""
    if obstacles := problems(inspect(missing_programs), provider(), cluster):
        raise EnvironmentProblem("\n  - ".join(["this machine cannot run an environment yet:", *obstacles]))
