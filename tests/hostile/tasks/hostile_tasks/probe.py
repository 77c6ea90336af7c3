"""Looks around in the task container, and tries the kernel, the node, the agent and the network from there."""

import hashlib
import os
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pydantic import BaseModel

import perago
from hostile_tasks import talk
from hostile_tasks.tries import Act, call, told

CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x00020000
SMALL = 8192
NO_SIGNAL = 0
"""The kernel decides as for any other, and the agent lives on."""


class Given(BaseModel):
    """Digests of the run's secrets, and where servers are."""

    digests: list[str] = []
    servers: dict[str, str] = {}


class Tries(BaseModel):
    """Try → what came of it."""

    tries: dict[str, str]


@perago.task(name="hostile-probe", owner_email="tests@example.com", workspace=perago.WorkspaceSpec(read_only=True))
def body(workspace: Path, params: Given) -> Tries:
    """Look, then try."""
    given = set(params.digests)
    looks = {
        "who it runs as": f"{os.getresuid()} {os.getresgid()} {os.getgroups()}",
        "processes that it sees": " | ".join(_commands()),
        "a secret in the environment": _found(name for name, value in os.environ.items() if _digest(value) in given),
        "variables of Perago's": _found(name for name in os.environ if "PERAGO" in name),
        "a secret in a file": _found(str(path) for path in _files("/") if _content(path) in given),
        "a token in a file": _found(
            str(path) for path in _files("/run", "/var/run", "/etc", "/tmp") if _is_token(path)
        ),
        "mounts of the agent": _found(_mounts()),
        "a secret in its memory": _in_memory(given),
    }
    return Tries(tries=looks | _status() | told(_tries(workspace)) | told(_network(params.servers)))


def _found(names: Iterator[str]) -> str:
    return " ".join(names) or "none"


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode(errors="surrogateescape")).hexdigest()


def _commands() -> Iterator[str]:
    for folder in Path("/proc").glob("[0-9]*"):
        yield (folder / "cmdline").read_text().replace("\0", " ").strip()


def _files(*tops: str) -> Iterator[Path]:
    for top in tops:
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if str(Path(folder, name)) not in ("/proc", "/sys", "/usr", "/opt")]
            yield from (Path(folder, name) for name in names)


def _content(path: Path) -> str:
    """The digest of a small file's content."""
    try:
        if not path.is_file() or path.stat().st_size > SMALL:
            return ""
        return _digest(path.read_text(errors="surrogateescape").strip())
    except OSError:
        return ""


def _is_token(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size < SMALL and path.read_bytes().startswith(b"eyJ")
    except OSError:
        return False


def _mounts() -> Iterator[str]:
    """Where volumes of the pod are mounted, by the path that each has on the node."""
    own = {"workspace", "socket", "task-tmp", "task-shm", "task-accounts"}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        root, place = line.split()[3:5]
        volume = re.search(r"/volumes/kubernetes\.io~[^/]+/([^/]+)", root) or re.search(
            r"/volume-subpaths/([^/]+)", root
        )
        if volume and volume[1] not in own:
            yield f"{volume[1]} at {place}"


def _in_memory(digests: set[str]) -> str:
    """Words in this process's own memory: what the agent has sent is there."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, flags, *_ = line.split()
        begin, end = (int(part, 16) for part in span.split("-"))
        if "r" in flags and "w" in flags and end - begin < 64 << 20:
            with open("/proc/self/mem", "rb", buffering=0) as memory:
                memory.seek(begin)
                for word in re.findall(rb"[A-Za-z0-9_+/=.-]{20,120}", memory.read(end - begin)):
                    if hashlib.sha256(word).hexdigest() in digests:
                        return f"at {span}"
    return "none"


def _status() -> dict[str, str]:
    """What the kernel says of this process."""
    lines = (line.partition(":\t") for line in Path("/proc/self/status").read_text().splitlines())
    fields = {name: value for name, _, value in lines}
    names = {
        "capabilities that it has": "CapEff",
        "capabilities that it could get": "CapBnd",
        "new privileges": "NoNewPrivs",
        "system calls are filtered": "Seccomp",
    }
    return {what: fields[name] for what, name in names.items()}


def _tries(workspace: Path) -> dict[str, Act]:
    return {
        # the kernel
        "a namespace of users": lambda: _unshare(CLONE_NEWUSER),
        "a namespace of mounts": lambda: _unshare(CLONE_NEWNS),
        "mount a file system": lambda: call(165, 40, b"tmpfs", b"/tmp", b"tmpfs", 0, None),
        "unmount its files": lambda: call(166, 39, b"/workspace", 2),
        "change the root": lambda: os.chroot("/tmp"),
        "become root": lambda: os.setuid(0),
        "another group": lambda: os.setgid(0),
        "more groups": lambda: os.setgroups([0]),
        "a device": lambda: os.mknod("/tmp/mem", 0o20600, os.makedev(1, 1)),
        "the host's name": lambda: socket.sethostname("evil"),
        "the clock": lambda: time.clock_settime(time.CLOCK_REALTIME, 0),
        "a kernel module": lambda: call(313, 273, 0, b"", 0),
        "a program in the kernel": lambda: call(321, 280, 0, 0, 0),
        "measure the node": lambda: call(298, 241, b"\0" * 128, -1, 0, -1, 0),
        "the kernel's keys": lambda: call(250, 219, 0, -3 & 0xFFFFFFFF, 0),
        "another kernel": lambda: call(246, 104, 0, 0, 0, 0, 0),
        "restart the node": lambda: call(169, 142, 0xFEE1DEAD, 672274793, 0x1234567),
        "the kernel's log": lambda: call(103, 116, 3, b"\0" * 64, 64),
        "a file by its number": lambda: call(304, 265, -100, b"\0" * 64, 0),
        "more priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, -10),
        "spared when memory is short": lambda: Path("/proc/self/oom_score_adj").write_text("-1000"),
        "raw packets": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
        "packets of others": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0300),
        "where cores go": lambda: Path("/proc/sys/kernel/core_pattern").write_text("|/tmp/x"),
        "the kernel's buttons": lambda: Path("/proc/sysrq-trigger").write_text("b"),
        "cgroups": lambda: _cgroup(),
        # the node and the image
        "the node's memory": lambda: os.open("/dev/mem", os.O_RDONLY),
        "the kernel's memory": _kcore,
        "the node's log": lambda: os.open("/dev/kmsg", os.O_RDONLY),
        "containerd": lambda: _connect("/run/containerd/containerd.sock"),
        "docker": lambda: _connect("/var/run/docker.sock"),
        "the kubelet's files": lambda: list(Path("/var/lib/kubelet").iterdir()),
        "write the image": lambda: Path("/app/spoiled").touch(),
        "write beside the image": lambda: Path("/var/tmp/spoiled").touch(),
        "write what runs": lambda: Path(perago.__file__).open("ab").close(),
        "write the accounts": lambda: Path("/etc/passwd").open("ab").close(),
        "write the hosts": lambda: Path("/etc/hosts").open("ab").close(),
        # the agent
        "signal the agent": lambda: call(424, 424, talk.agent_pidfd(), NO_SIGNAL, None, 0),
        "take a descriptor of the agent's": _take_a_descriptor,
        "enter the agent's namespaces": lambda: call(308, 268, talk.agent_pidfd(), 0x20000000),
        "read the agent's memory": _read_the_agent,
        "trace its parent": lambda: call(101, 117, 16, os.getppid(), None, None),
        "connect a second time": lambda: _connect(talk.SOCKET),
        "shared memory of the agent": _shared_memory,
        "sockets without a file": _abstract,
        "the node cache": lambda: list(Path("/var/cache/perago").iterdir()),
        "the keys' folder": lambda: list(Path("/etc/perago").iterdir()),
        "the token's folder": lambda: list(Path("/var/run/secrets").iterdir()),
        "fill the socket's volume": lambda: _fill(Path("/run/perago/full"), 2 << 20),
        "fill shared memory": lambda: _fill(Path("/dev/shm/full"), 32 << 20),
    }


def _unshare(flags: int) -> None:
    call(272, 97, flags)


def _connect(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as found:
        found.connect(path)


def _kcore() -> None:
    """The runtime puts an empty file in its place."""
    if not os.pread(os.open("/proc/kcore", os.O_RDONLY), 64, 0):
        raise FileNotFoundError(2, "empty")


def _cgroup() -> None:
    folder = next(Path("/sys/fs/cgroup").rglob("cgroup.procs")).parent
    (folder / "evil").mkdir()


def _read_the_agent() -> None:
    """By its number, where it is seen."""
    for folder in Path("/proc").glob("[0-9]*"):
        if b"perago.agent" in (folder / "cmdline").read_bytes():
            (folder / "mem").open("rb").close()
            return
    raise ProcessLookupError(3, "No such process")


def _take_a_descriptor() -> None:
    """The agent has several open; one taken is one too many."""
    agent, last = talk.agent_pidfd(), OSError("nothing was tried")
    for descriptor in range(16):
        try:
            call(438, 438, agent, descriptor, 0)
            return
        except OSError as error:
            last = error
    raise last


def _shared_memory() -> None:
    """System V segments of the pod: there is none that the agent made."""
    if len(Path("/proc/sysvipc/shm").read_text().splitlines()) == 1:
        raise FileNotFoundError(2, "none")


def _abstract() -> str:
    """The pod's network is shared, and with it what listens on names that begin with @."""
    names = (line.split()[-1] for line in Path("/proc/net/unix").read_text().splitlines())
    found = [name for name in names if name.startswith("@")]
    if not found:
        raise FileNotFoundError(2, "none")
    return " ".join(found)


def _fill(path: Path, count: int) -> None:
    try:
        with path.open("wb") as file:
            for _ in range(count >> 16):
                file.write(b"x" * (1 << 16))
    finally:
        path.unlink(missing_ok=True)


def _network(servers: dict[str, str]) -> dict[str, Act]:
    return {name: partial(_get, url) for name, url in servers.items()}


def _get(url: str) -> str:
    """The code of an answer without credentials, or why there is none."""
    trusting = ssl._create_unverified_context()
    try:
        with urllib.request.urlopen(url, timeout=5, context=trusting) as answer:
            return str(answer.status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except (urllib.error.URLError, ssl.SSLError, TimeoutError, ConnectionError) as error:
        return f"no answer: {getattr(error, 'reason', error)}"
