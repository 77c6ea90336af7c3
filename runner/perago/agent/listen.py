"""Listening, with the standard library's socket alone: the agent's first act, before other imports."""

import os
import socket


def listen(path: str) -> socket.socket:
    """A listening unix socket at `path`, open to owner and group; replaces the file of an agent that was killed."""
    if os.path.exists(path):  # noqa: PTH110 - pathlib would have to be imported first
        os.unlink(path)  # noqa: PTH108
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    os.chmod(path, 0o660)  # noqa: PTH101
    listener.listen(8)
    return listener
