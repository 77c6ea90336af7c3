"""Rootful podman and buildah with their own storage and settings, separate from other uses on this host.

The storage is in the cache and shared by all environments, and each environment has its own network. It does not know
Kubernetes.
"""

import json
import shutil
from pathlib import Path

from perago_dev.errors import CommandFailed
from perago_dev.host import cache, commands
from perago_dev.host.locks import alone
from perago_dev.host.mounts import unmount_below
from perago_dev.host.proxies import NODES

CONTAINERS = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
[engine]
stop_timeout = 1
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
tmp_dir = "{run}/libpod"
[network]
network_backend = "netavark"
network_config_dir = "{home}/networks"
"""
"""Within the hard limits of containers without CAP_SYS_RESOURCE. It uses runc because crun refuses hybrid cgroups."""
FIRST_SUBNET = 7
"""The third octets of the environments' networks; lower ones are more often in use elsewhere."""
CGROUPS = Path("/sys/fs/cgroup")
STORAGE = """\
[storage]
driver = "overlay"
runroot = "{run}/storage"
graphroot = "{home}/graph"
"""


def home() -> Path:
    """The folder in the cache with settings, images and networks."""
    return cache.root() / "podman"


def run_dir() -> Path:
    """Where podman keeps what must not survive a restart of the machine; one folder per cache."""
    return Path("/run") / f"perago-{cache.key(str(home()))}"


def environment() -> dict[str, str]:
    """The variables that make podman, buildah and kind use this storage; writes the settings that they point to."""
    home().mkdir(parents=True, exist_ok=True)
    settings = {"containers.conf": CONTAINERS, "storage.conf": STORAGE}
    for name, text in settings.items():
        _write(home() / name, text.format(home=home(), run=run_dir()))
    return {
        "CONTAINERS_CONF": str(home() / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(home() / "storage.conf"),
        "KIND_EXPERIMENTAL_PROVIDER": "podman",
        "BUILDAH_ISOLATION": "chroot",
    }


def _write(file: Path, text: str) -> None:
    if not file.exists() or file.read_text() != text:
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(text)
        unfinished.rename(file)


def output(*arguments: str, stdin: str | None = None) -> str:
    """Standard output of a podman command. Raises CommandFailed."""
    return commands.output(["podman", *arguments], env=environment(), stdin=stdin)


def run(*arguments: str, log: Path) -> None:
    """A podman command with its output in a log. Raises CommandFailed."""
    commands.run(["podman", *arguments], log=log, env=environment())


def has_image(reference: str) -> bool:
    """Whether the storage has the image."""
    return commands.succeeds(["podman", "image", "exists", reference], env=environment())


def free_subnet(taken: set[str]) -> str:
    """The first of 10.90.7.0/24 … 10.90.255.0/24 that is free. Raises CommandFailed if none is."""
    free = (str(subnet) for subnet in list(NODES.subnets(new_prefix=24))[FIRST_SUBNET:] if str(subnet) not in taken)
    if (subnet := next(free, None)) is None:
        raise CommandFailed(f"no subnet of {NODES} is free: take environments down (`python -m perago_dev status`)")
    return subnet


def taken_subnets() -> set[str]:
    """Destinations of this host's routes, and subnets of podman's networks, which have routes only while in use."""
    routes = json.loads(commands.output(["ip", "-j", "-4", "route"]))
    networks = json.loads(output("network", "ls", "--format", "json") or "[]")
    described = [subnet["subnet"] for network in networks for subnet in network.get("subnets") or []]
    return {route["dst"] for route in routes} | set(described)


def make_internal_network(name: str) -> None:
    """Create the network if it does not exist; its members can reach each other and this host, and nothing else."""
    if not commands.succeeds(["podman", "network", "exists", name], env=environment()):
        output("network", "create", "--internal", "--subnet", free_subnet(taken_subnets()), name)


def remove_network(name: str) -> None:
    """Remove the network, if it exists, with whatever is still attached to it."""
    if commands.succeeds(["podman", "network", "exists", name], env=environment()):
        output("network", "rm", "--force", name)


def builds_lock() -> Path:
    """Shared by builds: buildah fails if layers vanish while it looks for those that it can reuse."""
    return cache.root() / "locks" / "builds"


def leave_nothing() -> None:
    """Remove mounts, run-time files and cgroups that survive the last container, unless the storage is in use."""
    with alone(builds_lock()) as nothing_is_built:
        if not nothing_is_built or output("ps", "--all", "--quiet").strip():
            return
        for folder in (home() / "graph", run_dir()):
            unmount_below(folder)
        if run_dir().exists():
            shutil.rmtree(run_dir())
        for group in CGROUPS.glob("*/libpod_parent"):
            remove_idle_cgroup(group)


def remove_idle_cgroup(group: Path) -> None:
    """Remove a control group and everything in it, unless it contains a process."""
    inner = sorted(group.rglob("*/"), reverse=True)
    if not any((place / "cgroup.procs").read_text() for place in (group, *inner)):
        for place in (*inner, group):
            place.rmdir()
