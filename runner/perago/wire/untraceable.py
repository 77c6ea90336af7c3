"""Keeps keys in the memory of the process that has them: out of reach of other processes, and out of crash dumps.

A task's processes are of their agent's user. They do not see the agent in their process namespace, but the kernel hands
them a descriptor of it through the socket (`SO_PEERPIDFD`), and would then ask whether the agent may be traced. A dump
of the operator would stay on its node, where nobody looks for keys.
"""

import ctypes
import os

PR_SET_DUMPABLE = 4


def refuse_tracing() -> None:
    """Make this process untraceable for everybody without CAP_SYS_PTRACE; the kernel writes no dump of it either."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, f"this process cannot be made untraceable: {os.strerror(number)}")
