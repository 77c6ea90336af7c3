"""The agent cannot be traced by another process of its user."""

import subprocess
import sys

DUMPABLE = """
import ctypes
from perago.agent.untraceable import refuse_tracing
before = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
refuse_tracing()
print(before, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""
"""Prints what PR_GET_DUMPABLE says before and after, in a process of its own."""


def test_the_kernel_lets_nobody_trace_the_agent() -> None:
    """A process that is not dumpable can neither be traced nor have its descriptors taken."""
    done = subprocess.run([sys.executable, "-c", DUMPABLE], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["1", "0"]
