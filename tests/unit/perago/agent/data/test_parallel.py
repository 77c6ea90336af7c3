"""Many threads on one source: all is done once, the first failure is told, and no thread stays behind."""

import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from itertools import chain

import pytest

from perago.agent.data.parallel import in_threads

WIDTH = 4


def nothing() -> None:
    """There is nothing to abort."""


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("perago-data")]


async def test_every_item_is_done_once_by_as_many_threads_as_there_are_workers() -> None:
    """Each worker has a thread of its own, so it needs no lock for what is its own."""
    done: list[list[int]] = [[] for _ in range(WIDTH)]
    met = threading.Barrier(WIDTH)

    def work(mine: list[int], item: int) -> None:
        if not mine:
            met.wait(20)
        mine.append(item)

    await in_threads(range(50), [partial(work, mine) for mine in done], nothing)
    assert sorted(chain(*done)) == list(range(50))
    assert all(done)
    assert threads() == []


async def test_the_first_failure_is_raised_and_the_others_are_aborted() -> None:
    """What they say of being aborted is not the failure."""
    aborted, waiting = threading.Event(), threading.Barrier(WIDTH)

    def work(item: int) -> None:
        waiting.wait(20)
        if item == 3:
            raise ValueError("three")
        assert aborted.wait(20)
        raise ConnectionError("aborted")

    with pytest.raises(ValueError, match="three"):
        await in_threads(range(10), [work] * WIDTH, aborted.set)
    assert aborted.is_set()
    assert threads() == []


async def test_a_source_that_fails_fails_the_whole() -> None:
    """A listing that breaks off does not look like its end."""

    def source() -> Iterator[int]:
        yield 1
        raise ValueError("page 2")

    with pytest.raises(ValueError, match="page 2"):
        await in_threads(source(), [lambda item: None] * WIDTH, nothing)


async def test_cancellation_ends_what_is_under_way() -> None:
    """And returns when the last thread has ended."""
    begun, aborted = threading.Event(), threading.Event()

    def work(item: int) -> None:
        begun.set()
        assert aborted.wait(20)

    task = asyncio.create_task(in_threads(range(10), [work] * WIDTH, aborted.set))
    await asyncio.to_thread(begun.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert aborted.is_set()
    assert threads() == []
