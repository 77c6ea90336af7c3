"""The agent's end of a task side's socket, with answers from a function."""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from perago import wire

Script = Callable[[dict[str, Any]], bytes]
"""A call's body to the bytes of its answer; none hangs up."""


def ok(model: wire.WireModel) -> Script:
    """Answers every call with this model."""
    return lambda call: wire.encode_frame(wire.answer(model))


def serve(stream: socket.socket, script: Script, calls: list[dict[str, Any]]) -> None:
    """Answer each frame of one connection, keeping its body in `calls`, until either side hangs up."""
    with stream, suppress(BrokenPipeError):
        while header := stream.recv(4, socket.MSG_WAITALL):
            calls.append(wire.decode_frame(stream.recv(wire.frame_length(header), socket.MSG_WAITALL)))
            if not (answer := script(calls[-1])):
                return
            stream.sendall(answer)
