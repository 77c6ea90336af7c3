"""Tries from the task container to reach the agent, and returns how each try ended."""

import ctypes
import os
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel

import perago
from e2e_tasks.shapes import Numbers

SO_PEERPIDFD = 77
PIDFD_SEND_SIGNAL, PROCESS_VM_READV = 424, 310
PIDFD_GETFD = 438
KEYS = ("token", "accessKeyId", "secretAccessKey", "url")


class Tries(BaseModel):
    """What the intruder saw, and for each try `reached`, or the error that stopped it."""

    user: tuple[int, int]
    processes: list[str]
    key_files: list[str]
    variables: list[str]
    mounts: list[str]
    copies: list[str]
    tries: dict[str, str]


@perago.task(name="e2e-intruder", owner_email="tests@example.com", workspace=perago.WorkspaceSpec(read_only=True))
def body(workspace: Path, params: Numbers) -> Tries:
    """Look around, then try."""
    return Tries(
        user=(os.getuid(), os.getgid()),
        processes=sorted(_commands()),
        key_files=[str(path) for path in _files() if path.name in KEYS],
        variables=[name for name, value in os.environ.items() if "PERAGO" in name or "secret" in value.lower()],
        mounts=sorted(_volumes()),
        copies=sorted(_copies({path.read_bytes() for path in workspace.rglob("*.txt")})),
        tries={name: _ended(act) for name, act in TRIES.items()},
    )


def _commands() -> Iterator[str]:
    for folder in Path("/proc").glob("[0-9]*"):
        yield (folder / "cmdline").read_text().replace("\0", " ").strip()


def _files() -> Iterator[Path]:
    for top in ("/run", "/var/run", "/etc", "/tmp", "/workspace", "/dev/shm"):
        for folder, _, names in os.walk(top):
            yield from (Path(folder, name) for name in names)


def _volumes() -> Iterator[str]:
    """Names of the pod's volumes that are mounted here, from the path that each mount has on the node."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        root, place = line.split()[3:5]
        if "kubernetes.io" in root or place.startswith(("/workspace", "/run/perago", "/var/run/secrets")):
            yield place


def _copies(contents: set[bytes]) -> Iterator[str]:
    """Files with one of these contents, from the root of each process that is seen."""
    sizes = {len(content) for content in contents}
    for root in {(found.st_dev, found.st_ino): path for path, found in _roots()}.values():
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if Path(folder, name) not in (root / "proc", root / "sys")]
            files = (Path(folder, name) for name in names)
            yield from (str(path) for path in files if path.lstat().st_size in sizes and _content(path) in contents)


def _roots() -> Iterator[tuple[Path, os.stat_result]]:
    """Of every process, and of this one last, under its usual name."""
    for path in (*Path("/proc").glob("[0-9]*/root"), *Path("/proc").glob("[0-9]*/cwd"), Path("/")):
        yield path, path.stat()


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() and os.access(path, os.R_OK) else None


def _ended(act: Callable[[], object]) -> str:
    try:
        act()
    except OSError as error:
        return type(error).__name__ if error.errno is None else os.strerror(error.errno)
    return "reached"


def _connection() -> socket.socket:
    """The task's own end of the connection to the agent, found among the open descriptors."""
    for entry in list(Path("/proc/self/fd").iterdir()):
        try:
            found = socket.socket(fileno=os.dup(int(entry.name)))
        except OSError:
            continue
        if found.family == socket.AF_UNIX:
            return found
    raise LookupError("no unix socket is open")


def _agent() -> int:
    """A descriptor of the agent's process, as the kernel hands it to whoever is connected to it."""
    with _connection() as connection:
        (descriptor,) = struct.unpack("i", connection.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD, 4))
    return int(descriptor)


def _call(number: int, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) == -1:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _take_a_descriptor() -> None:
    """The agent has several open; one taken is one too many."""
    agent, last = _agent(), OSError("nothing was tried")
    for descriptor in range(16):
        try:
            return _call(PIDFD_GETFD, agent, descriptor, 0)
        except OSError as error:
            last = error
    raise last


def _connect_again() -> None:
    with socket.socket(socket.AF_UNIX) as second:
        second.connect("/run/perago/agent.sock")


def _read_shared_memory() -> None:
    """System V segments of the pod: there is none that the agent made."""
    if len(Path("/proc/sysvipc/shm").read_text().splitlines()) == 1:
        raise FileNotFoundError(2, "none")


TRIES: dict[str, Callable[[], object]] = {
    "signal the agent": lambda: _call(PIDFD_SEND_SIGNAL, _agent(), signal.SIGKILL, 0, 0),
    "take a descriptor of the agent's": _take_a_descriptor,
    "read another process's memory": lambda: _call(PROCESS_VM_READV, os.getppid(), 0, 0, 0, 0, 0),
    "connect a second time": _connect_again,
    "shared memory": _read_shared_memory,
    "a namespace of users": lambda: _call(272, 0x10000000),
    "mount": lambda: _call(165, 0, 0, 0, 0, 0),
    "write the image": lambda: Path("/app/spoiled").touch(),
    "the node cache": lambda: list(Path("/var/cache/perago").iterdir()),
    "the node cache through init": lambda: list(Path("/proc/1/root/var/cache/perago").iterdir()),
    "the node's devices": lambda: os.open("/dev/mem", os.O_RDONLY),
}
