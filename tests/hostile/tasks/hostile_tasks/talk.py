"""The task's own end of the conversation, used by hand."""

import json
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

SOCKET = "/run/perago/agent.sock"
SO_PEERPIDFD = 77


def connections() -> Iterator[socket.socket]:
    """Copies of this process's open unix sockets: the connection to the agent is among them."""
    for number in range(64):
        try:
            found = socket.socket(fileno=os.dup(number))
        except OSError:
            continue
        if found.family == socket.AF_UNIX:
            yield found


def connection() -> socket.socket:
    """The one to the agent."""
    return next(connections())


def frame(body: object) -> bytes:
    """A call as it crosses."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return struct.pack(">I", len(data)) + data


def say(body: object) -> str:
    """Send one call, and return the agent's answer as text."""
    with connection() as agent:
        agent.sendall(frame(body))
        return answer(agent)


def answer(agent: socket.socket) -> str:
    """The next answer; empty when the agent has hung up."""
    header = _exactly(agent, 4)
    return _exactly(agent, struct.unpack(">I", header)[0]).decode() if header else ""


def _exactly(agent: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = agent.recv(count - len(data))
        if not chunk:
            return b""
        data += chunk
    return data


def result(status: str = "COMPLETED", reason: str = "Completed", **more: Any) -> dict[str, Any]:
    """The last call."""
    return {"call": "result", "status": status, "reason": reason, **more}


def agent_pidfd() -> int:
    """A descriptor of the agent's process, as the kernel hands it to whoever is connected to it."""
    with connection() as agent:
        (descriptor,) = struct.unpack("i", agent.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD, 4))
    return int(descriptor)
