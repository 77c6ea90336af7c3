"""The end of a replica that has lost the Lease, as its container and its node see it."""

import subprocess
import sys

import pytest

LOST = """
import os, signal, threading
from perago_operator.process.afresh import end_at_once, hear_signals
from perago_operator.process.leader import LeadershipLost

if "FIRST" in os.environ:
    os.kill(os.getpid(), signal.SIGTERM)
    print("again" if os.environ["FIRST"] == str(os.getpid()) else "another process", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: print("heard", flush=True))
    hear_signals()
    os._exit(7)
os.environ["FIRST"] = str(os.getpid())
threading.Thread(target=threading.Event().wait).start()
{replaced}
end_at_once(LeadershipLost("the Lease was not renewed for 10 s"), asked_to_end={asked})
"""


def lost(*, asked: bool = False, replaced: str = "") -> subprocess.CompletedProcess[str]:
    """A replica that loses the Lease with a call under way in a thread; begun again, it ends with 7."""
    script = LOST.format(asked=asked, replaced=replaced)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def begun_again() -> subprocess.CompletedProcess[str]:
    """A replica that was not asked to end before, and is when it begins again."""
    return lost()


def test_the_process_begins_again(begun_again: subprocess.CompletedProcess[str]) -> None:
    """A thread of its first life would keep the connections of a blocking call for half a minute."""
    assert (begun_again.stdout.split("\n")[0], begun_again.returncode) == ("again", 7)
    assert "the Lease was not renewed for 10 s: ending at once and beginning again" in begun_again.stderr


def test_a_request_to_end_waits_until_the_new_program_listens(begun_again: subprocess.CompletedProcess[str]) -> None:
    """The first process of a container ignores a SIGTERM for which it has no handler yet."""
    assert begun_again.stdout.split("\n")[1] == "heard"


def test_a_replica_that_was_asked_to_end_ends() -> None:
    """Its pod is being deleted."""
    ended = lost(asked=True)
    assert (ended.stdout, ended.returncode) == ("", 0)
    assert ended.stderr.endswith("ending at once\n")


def test_a_program_that_is_gone_ends_the_process() -> None:
    """The container is then started again by the kubelet."""
    ended = lost(replaced="import sys; sys.executable = '/nowhere/python'")
    assert ended.returncode == 1
    assert "the operator cannot begin again by itself: [Errno 2]" in ended.stderr
