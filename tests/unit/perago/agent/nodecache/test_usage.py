"""The number that bounds the node cache, shared by agents that may end at any moment."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from perago.agent.nodecache import usage as module
from perago.agent.nodecache.usage import Usage

ROOM = 1000


def room(_used: int) -> int:
    """As much, whatever is used."""
    return ROOM


@pytest.fixture
def usage(tmp_path: Path) -> Iterator[Usage]:
    """Of an empty cache that was counted."""
    usage = Usage(tmp_path / "usage")
    counted(usage, 0)
    yield usage
    usage.close()


def counted(usage: Usage, files: int) -> None:
    """An agent has counted the files."""
    before = usage.begin_count(ROOM)
    assert before is not None
    usage.end_count(before, files)


@pytest.mark.parametrize("content", [b"", b"12", b"x" * 20, b"0" * 21])
def test_what_is_not_known_is_not_reserved_until_it_was_counted(tmp_path: Path, content: bytes) -> None:
    """A new file, and one that a crash of the node has spoilt."""
    (tmp_path / "usage").write_bytes(content)
    usage = Usage(tmp_path / "usage")
    assert usage.read() is None
    assert not usage.reserve(1, room)
    assert usage.begin_count(ROOM) == ROOM
    assert not usage.reserve(1, room), "not while it is being counted, either"
    usage.end_count(ROOM, 700)
    assert usage.reserve(300, room)
    assert not usage.reserve(1, room)


def test_agents_share_the_number(usage: Usage, tmp_path: Path) -> None:
    """What one has reserved, the other cannot."""
    other = Usage(tmp_path / "usage")
    assert usage.reserve(600, room)
    assert not other.reserve(500, room)
    assert other.reserve(400, room)
    assert usage.read() == 1000


def test_what_is_reserved_during_a_count_is_not_lost(usage: Usage, tmp_path: Path) -> None:
    """The count may have seen it or not: the number is rather too high than too low."""
    other = Usage(tmp_path / "usage")
    usage.reserve(500, room)
    before = usage.begin_count(ROOM)
    assert before == 500
    other.reserve(200, room)
    usage.end_count(before, 100)
    assert usage.read() == 300


def test_nobody_waits_for_an_agent_that_was_stopped(
    usage: Usage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may hold the lock for long: nothing is reserved meanwhile, and nothing is changed."""
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    stopped = os.open(tmp_path / "usage", os.O_RDWR)
    fcntl.flock(stopped, fcntl.LOCK_EX)
    results: list[object] = []

    def work() -> None:
        results.append(usage.reserve(1, room))
        results.append(usage.begin_count(ROOM))
        usage.end_count(0, 77)

    (thread := threading.Thread(target=work, daemon=True)).start()
    thread.join(20)
    assert results == [False, None]
    assert sum(pauses) < 2 * module.TRIES * module.PAUSE_SECONDS
    os.close(stopped)
    assert usage.read() == 0
    assert usage.reserve(1, room)


HOLDER = """
import fcntl, os, sys
fcntl.flock(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


def test_an_agent_that_is_killed_leaves_no_lock_behind(usage: Usage, tmp_path: Path) -> None:
    """The kernel ends it with the process."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "usage")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert usage.reserve(1, room)
