"""How the operator's client of lakeFS waits: for a thread, and not for long."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from perago.wire.secrets import LakeFSKeys
from perago_operator.adapters.lakefs import THREADS, LakefsVersions
from perago_operator.ports import Refused, Unreachable
from tests.fakes.waiting import in_time


class Hanging:
    """Keys that nobody can read until `end` is set; then they turn out to be missing."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.reads = 0

    def __call__(self) -> LakeFSKeys:
        self.reads += 1
        self.end.wait()
        raise OSError("no such file")


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    """Released at the end in any case: the process would wait for its threads."""
    hanging = Hanging()
    yield hanging
    hanging.end.set()


def calls(versions: LakefsVersions, number: int) -> list[asyncio.Task[bool]]:
    """So many deletions of a branch."""
    return [asyncio.create_task(versions.delete_branch("repo", "b")) for _ in range(number)]


async def test_a_call_does_not_wait_long_for_those_that_hang(hanging: Hanging) -> None:
    """It fails without being made, so that whoever makes it goes on; later ones are made again."""
    versions = LakefsVersions(hanging, queue_seconds=0.01)
    stuck = calls(versions, THREADS)
    await asyncio.sleep(0)
    with pytest.raises(Unreachable, match="earlier calls have no answer yet") as failed:
        await in_time(versions.delete_branch("repo", "b"))
    assert not failed.value.fate_unknown
    hanging.end.set()
    ended = await in_time(asyncio.gather(*stuck, return_exceptions=True))
    ended += await in_time(asyncio.gather(*calls(versions, 1), return_exceptions=True))
    assert [type(error) for error in ended] == [Refused] * (THREADS + 1)


async def test_a_thread_is_not_free_because_nobody_waits_for_it(hanging: Hanging) -> None:
    """A call whose caller was canceled still has it: the next one would wait behind it without end."""
    versions = LakefsVersions(hanging, queue_seconds=0.01)
    stuck = calls(versions, THREADS)
    await asyncio.sleep(0)
    for call in stuck:
        call.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)
    with pytest.raises(Unreachable, match="earlier calls have no answer yet"):
        await in_time(versions.delete_branch("repo", "b"))
