"""Background loops: a fault is not silent, a wait grows and ends, and the first to end is noticed."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from loguru import logger

from perago_operator.loops import Backoff, end, first_of, lasting, within
from tests.fakes.waiting import in_time

FOREVER = 3600.0


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged at WARNING or above."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="WARNING")
    yield lines
    logger.remove(sink)


@pytest.fixture(autouse=True)
async def _nothing_left() -> AsyncIterator[None]:
    """No task outlives its test."""
    yield
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_fault_is_logged_and_the_loop_goes_on(lines: list[str]) -> None:
    """With its traceback."""
    faults = [KeyError("surprise"), ValueError("another")]

    async def step() -> None:
        if faults:
            raise faults.pop(0)

    await in_time(lasting("the loop", step, pause=0))
    assert len(lines) == 2
    assert "the loop" in lines[0]
    assert "KeyError: 'surprise'" in lines[0]


async def test_a_cancellation_is_not_a_fault() -> None:
    """It ends the loop."""

    async def step() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await in_time(lasting("the loop", step, pause=0))


async def waiting(ended: list[str], name: str) -> None:
    """Waits until it is canceled, and takes a moment to end."""
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        ended.append(name)


async def broken() -> None:
    """Fails at once."""
    raise ValueError("broken")


async def test_the_first_to_end_is_named_by_its_position() -> None:
    """The coroutines beside it have ended as well on return."""
    ended: list[str] = []
    assert await in_time(first_of(waiting(ended, "a"), asyncio.sleep(0), waiting(ended, "b"))) == 1
    assert sorted(ended) == ["a", "b"]


async def test_the_first_to_fail_fails_the_wait() -> None:
    """And the coroutines beside it have ended."""
    ended: list[str] = []
    with pytest.raises(ValueError, match="broken"):
        await in_time(first_of(waiting(ended, "a"), broken()))
    assert ended == ["a"]


async def test_a_failure_is_not_hidden_by_one_that_ends_at_the_same_time() -> None:
    """Whatever their order."""
    with pytest.raises(ValueError, match="broken"):
        await in_time(first_of(asyncio.sleep(0), broken()))


async def test_tasks_of_the_caller_go_on() -> None:
    """Only what was begun for the wait ends with it."""
    ended: list[str] = []
    task = asyncio.create_task(waiting(ended, "task"))
    assert await in_time(first_of(task, asyncio.sleep(0))) == 1
    assert not task.done()
    task.cancel()
    await in_time(asyncio.gather(task, return_exceptions=True))


async def test_a_canceled_task_has_ended_and_does_not_cancel_the_caller() -> None:
    """A part that somebody canceled is a part that is gone."""
    task = asyncio.create_task(asyncio.sleep(FOREVER))
    task.cancel()
    assert await in_time(first_of(asyncio.sleep(FOREVER), task)) == 1


async def test_a_canceled_wait_ends_its_coroutines() -> None:
    """Nothing is left behind."""
    ended: list[str] = []
    wait = asyncio.create_task(first_of(waiting(ended, "a"), waiting(ended, "b")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    wait.cancel()
    with pytest.raises(asyncio.CancelledError):
        await in_time(wait)
    assert sorted(ended) == ["a", "b"]


async def test_tasks_have_their_time_to_end_and_are_canceled_after_it() -> None:
    """Those that were canceled are named; all have ended."""
    ended: list[str] = []
    late, early = asyncio.create_task(waiting(ended, "late")), asyncio.create_task(asyncio.sleep(0))
    assert await in_time(end([late, early], 0.01)) == {late}
    assert (ended, early.done(), early.cancelled()) == (["late"], True, False)


async def test_no_task_needs_no_time_to_end() -> None:
    """Also when the time is over already."""
    assert await in_time(end([], FOREVER)) == frozenset()


def test_waits_double_up_to_the_cap_with_jitter() -> None:
    """Each is spread over the upper half of its length, so that failures of many do not meet again."""
    delays = [Backoff(first=1.0, cap=5.0) for _ in range(200)]
    for longest in (1.0, 2.0, 4.0, 5.0, 5.0):
        drawn = [backoff.delay() for backoff in delays]
        assert all(longest / 2 <= delay <= longest for delay in drawn)
        assert len(set(drawn)) > 100


def test_a_success_makes_the_next_wait_short() -> None:
    """Failures are counted in a row."""
    backoff = Backoff(first=1.0, cap=100.0)
    for _ in range(5):
        backoff.delay()
    backoff.succeeded()
    assert backoff.delay() <= 1.0


async def test_a_wait_says_what_failed_and_why(lines: list[str]) -> None:
    """And when it is tried again."""
    await Backoff(first=0, cap=0).wait("listing pods", ValueError("refused"))
    assert "listing pods: refused; retrying in 0.0 s" in lines[0]


async def test_a_wait_ends_early_with_its_event(lines: list[str]) -> None:
    """A loop that is stopped does not finish its wait."""
    stopping = asyncio.Event()
    wait = asyncio.create_task(Backoff(first=FOREVER, cap=FOREVER).wait("polling", ValueError("away"), unless=stopping))
    await asyncio.sleep(0)
    stopping.set()
    await in_time(wait)


async def test_waiting_for_an_event_has_a_limit() -> None:
    """The answer says whether the event came."""
    event = asyncio.Event()
    assert not await within(0, event)
    event.set()
    assert await within(FOREVER, event)
