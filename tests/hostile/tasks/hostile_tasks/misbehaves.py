"""Says to its agent what it should not, one way for each attempt, chosen by `way`."""

import ctypes
import os
import signal
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel

import perago
from hostile_tasks import talk


class Way(BaseModel):
    """Which way."""

    way: str


class Anything(BaseModel):
    """Whatever is returned."""

    told: object = None


@perago.task(name="hostile-misbehaves", owner_email="tests@example.com")
def body(params: Way) -> Anything:
    """Do it; what is returned is what the agent has answered."""
    return Anything(told=WAYS[params.way]())


def _end(data: bytes) -> str:
    with talk.connection() as agent:
        agent.sendall(data)
        said = talk.answer(agent)
    if not said:
        time.sleep(600)  # the pod is ended from outside
    return said


def _hang_up() -> None:
    """Close the connection, and go on."""
    for found in talk.connections():
        found.shutdown(socket.SHUT_RDWR)
    time.sleep(600)


def _leave(result: object) -> str:
    """Tell a result of its own, and end before the task side tells another one."""
    said = talk.say(result)
    if "refused" in said:
        return said
    os._exit(0)


def _deaf() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    time.sleep(3600)


def _orphan() -> str:
    """A process that outlives the body."""
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3600)
    return "left"


def _fail(message: str) -> None:
    raise RuntimeError(message)


def _nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


def _memory() -> None:
    held = [bytearray(16 << 20) for _ in range(64)]
    time.sleep(len(held))


def _half() -> None:
    with talk.connection() as agent:
        agent.sendall(b"\0\0")
    os._exit(3)


def _and_on() -> None:
    """Tell the result, and go on."""
    _end(talk.frame(talk.result()))
    time.sleep(600)


def _link() -> str:
    Path("/tmp/link").symlink_to("/proc/1/environ")
    return "linked"


WAYS: dict[str, Callable[[], object]] = {
    "garbage": lambda: _end(b"GET / HTTP/1.1\r\n\r\n" * 100),
    "no object": lambda: _end(talk.frame([])),
    "a length over the limit": lambda: _end(struct.pack(">I", 1 << 31)),
    "a number of 5000 digits": lambda: _end(talk.frame(b'{"call":"result","output":{"a":' + b"9" * 5000 + b"}}")),
    "half a frame": _half,
    "exit 0": lambda: os._exit(0),
    "exit 75": lambda: os._exit(75),
    "exit 137": lambda: os._exit(137),
    "killed": lambda: ctypes.string_at(0),
    "hangs up": _hang_up,
    "a result of its own, and on": _and_on,
    "deaf": _deaf,
    "orphan": _orphan,
    "a lone surrogate": lambda: "\ud800",
    "too large": lambda: "x" * (8 << 20),
    "too deep": lambda: _nested(300),
    "forged workspace": lambda: _leave(
        talk.result(output={"result": {}, "workspace": {"repository": "payroll", "branch": "main", "ref": "f" * 64}})
    ),
    "forged reason": lambda: _leave(talk.result("FAILED", "Canceled", message="m")),
    "forged deadline": lambda: _leave(talk.result("FAILED", "DeadlineExceeded", message="m")),
    "forged disruption": lambda: _leave(talk.result("FAILED", "Disrupted", message="m")),
    "no reason": lambda: _leave(talk.result("FAILED", "\x1b[31m\n", message="m")),
    "endless seconds": lambda: _leave(talk.result("FAILED", "X", message="m", executingSeconds=float("inf"))),
    "negative seconds": lambda: _leave(talk.result("FAILED", "X", message="m", executingSeconds=-1e300)),
    "an endless exit code": lambda: _leave(talk.result("FAILED", "X", message="m", exitCode=10**30)),
    "a message of NUL": lambda: _leave(talk.result("FAILED", "X", message="\0" * 100)),
    "a thousand classes": lambda: _leave(talk.result("FAILED", "X", message="m", exceptions=["a.B" * 100] * 1000)),
    "an endless traceback": lambda: _leave(talk.result("FAILED", "X", message="m", traceback=["x" * 1000] * 10_000)),
    "a long message": lambda: _fail("m" * (1 << 20)),
    "control characters": lambda: _fail("\x1b[31mred\x07\r\nfake line"),
    "memory": _memory,
    "a link in its own place": _link,
}
