"""Keeps other processes of the agent's user from reading its memory and taking its descriptors: keys are among them.

The task's processes are of that user. They do not see the agent in their process namespace, but the kernel hands them
a descriptor of it through the socket (`SO_PEERPIDFD`), and would then ask whether the agent may be traced.
"""

import ctypes
import os

PR_SET_DUMPABLE = 4


def refuse_tracing() -> None:
    """Make this process untraceable for everybody without CAP_SYS_PTRACE; it writes no core dump either."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, f"the agent cannot be made untraceable: {os.strerror(number)}")
