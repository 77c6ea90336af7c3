"""Listening, with the standard library's socket alone: the agent's first act, before other imports."""

import os
import socket


def listen(path: str) -> socket.socket:
    """A listening unix socket at `path`, open to its owner alone; replaces whatever stands there.

    It is made with its mode: a later `chmod` could be led astray, as the task may write in the same directory.
    """
    if os.path.lexists(path):
        os.unlink(path)  # noqa: PTH108 - pathlib would have to be imported first
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(mask)
    listener.listen(8)
    return listener
