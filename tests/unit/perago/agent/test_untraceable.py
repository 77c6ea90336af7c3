"""The agent cannot be traced by another process of its user."""

import gc
import subprocess
import sys

import pytest

from perago.agent import __main__ as main
from perago.agent import listen, untraceable

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


def test_the_agent_is_untraceable_before_it_serves_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is so before it reads a key, and after it listens, which the task waits for."""
    acts: list[str] = []
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("PERAGO_ORDER", "{}")
    monkeypatch.setattr(listen, "listen", lambda _path: acts.append("listen"))
    monkeypatch.setattr(untraceable, "refuse_tracing", lambda: acts.append("refuse tracing"))
    monkeypatch.setattr(main, "serve", lambda *_: acts.append("serve"))
    monkeypatch.setattr(gc, "disable", lambda: None)
    main.main()
    assert acts == ["listen", "refuse tracing", "serve"]
