"""The agent cannot be traced by another process of its user; the operator shares the code."""

import ctypes
import gc

import pytest

from perago.agent import __main__ as main
from perago.agent import listen
from perago.wire import untraceable

LIBC = ctypes.CDLL(None)
PR_GET_DUMPABLE = 3


def test_the_kernel_lets_nobody_trace_the_agent() -> None:
    """A process that is not dumpable can neither be traced nor have its descriptors taken."""
    assert LIBC.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1
    try:
        untraceable.refuse_tracing()
        assert LIBC.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0
    finally:
        LIBC.prctl(untraceable.PR_SET_DUMPABLE, 1, 0, 0, 0)


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
