"""Locks between runs: exclusive, shared, and alone when nobody else is there."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from perago_dev.host import locks


def test_threads_take_turns(tmp_path: Path) -> None:
    """Two threads are never inside together."""
    inside: list[int] = []
    most: list[int] = []

    def enter() -> None:
        with locks.exclusive(tmp_path / "lock", "it"):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    """A holder that dies in any way leaves no lock behind."""
    lock = tmp_path / "lock"
    program = (
        "import os, pathlib, signal, sys\nfrom perago_dev.host import locks\n"
        "with locks.exclusive(pathlib.Path(sys.argv[1]), 'it'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(lock)])
    assert killed.returncode == -9
    with locks.alone(lock) as free:
        assert free


def test_alone_is_refused_while_others_share(tmp_path: Path) -> None:
    """Sharers stand beside each other; nobody is alone with them."""
    lock = tmp_path / "lock"
    with locks.shared(lock), locks.shared(lock), locks.alone(lock) as free:
        assert not free


def test_waiting_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A command that waits for another one says so."""
    lock = tmp_path / "lock"
    with lock.open("a") as held:
        import fcntl

        fcntl.flock(held, fcntl.LOCK_EX)
        waiter = threading.Thread(target=lambda: locks.exclusive(lock, "the image").__enter__())
        waiter.start()
        while "waiting for another command that is using the image" not in capfd.readouterr().err:
            assert waiter.is_alive()
    waiter.join()
