"""Agents that share a folder, one system call at a time, in an order that a test decides; each may die at any."""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

STEPS = (
    (os, "open"),
    (os, "fstat"),
    (os, "lstat"),
    (os, "mkdir"),
    (os, "pread"),
    (os, "preadv"),
    (os, "pwrite"),
    (os, "rename"),
    (os, "scandir"),
    (os, "stat"),
    (os, "unlink"),
    (os, "utime"),
    (os, "write"),
    (fcntl, "flock"),
)
"""System calls that other agents notice, or that they decide by."""
SECONDS = 30.0


class Died(BaseException):
    """The process has ended here."""


class Agent(threading.Thread):
    """Does its work, and stops before each system call until it is told to go on."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._turn, self._reached = threading.Semaphore(0), threading.Semaphore(0)
        self.dies = False
        self.open: set[int] = set()
        self.over = False
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._wait()
            self._work()
        except Died:
            pass
        except BaseException as error:  # noqa: BLE001 -- raised in the test's own thread
            self.error = error
        finally:
            self.over = True
            self._reached.release()

    def begin(self) -> None:
        """Up to before its first step."""
        self.start()
        assert self._reached.acquire(timeout=SECONDS)

    def step(self) -> None:
        """One system call, and on to before the next."""
        self._turn.release()
        assert self._reached.acquire(timeout=SECONDS)
        if self.error is not None:
            raise self.error

    def die(self) -> None:
        """What follows has no effect, and the kernel closes its files."""
        self.dies = True
        self.step()
        for descriptor in list(self.open):
            CLOSE(descriptor)

    def before_call(self) -> None:
        """Called in its own thread."""
        if not self.dies:
            self._wait()
        if self.dies:
            raise Died

    def _wait(self) -> None:
        self._reached.release()
        assert self._turn.acquire(timeout=SECONDS)


CLOSE = os.close


@contextmanager
def stepwise() -> Iterator[None]:
    """System calls of agents are steps, and those of others are as usual."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in STEPS:
            patch.setattr(module, name, _stepping(getattr(module, name)))
        patch.setattr(os, "open", _opening(os.open))
        patch.setattr(os, "close", _close)
        yield


def _agent() -> Agent | None:
    current = threading.current_thread()
    return current if isinstance(current, Agent) else None


def _stepping(call: Callable[..., Any]) -> Callable[..., Any]:
    def stepped(*arguments: Any, **options: Any) -> Any:
        if (agent := _agent()) is not None:
            agent.before_call()
        return call(*arguments, **options)

    return stepped


def _opening(call: Callable[..., int]) -> Callable[..., int]:
    def opened(*arguments: Any, **options: Any) -> int:
        descriptor = call(*arguments, **options)
        if (agent := _agent()) is not None:
            agent.open.add(descriptor)
        return descriptor

    return opened


def _close(descriptor: int) -> None:
    """A dead agent's files are closed by the kernel, when it is dead."""
    agent = _agent()
    if agent is not None and agent.dies:
        return
    if agent is not None:
        agent.open.discard(descriptor)
    CLOSE(descriptor)
