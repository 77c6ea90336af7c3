"""Which objects are looked at, and when: never two looks at one, none forgotten, no more at work than slots."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from loguru import logger

from perago_operator.api.shared import Key
from perago_operator.reconcile.workqueue import WorkQueue
from tests.fakes.waiting import in_time, until

A, B, C = (Key("ns", name) for name in "abc")


class Looks:
    """A function that looks, as long as a test wants it to."""

    def __init__(self) -> None:
        self.begin: list[Key] = []
        self.under_way: list[Key] = []
        self.delays: dict[Key, float] = {}
        self.faults: dict[Key, Exception] = {}
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def __call__(self, key: Key) -> float | None:
        assert key not in self.under_way, "two looks at one object at a time"
        self.begin.append(key)
        self.under_way.append(key)
        try:
            await self.go_on.wait()
        finally:
            self.under_way.remove(key)
        if key in self.faults:
            raise self.faults.pop(key)
        return self.delays.pop(key, None)


@pytest.fixture
def looks() -> Looks:
    """Each look ends at once."""
    return Looks()


@pytest.fixture
async def queue(looks: Looks) -> AsyncIterator[WorkQueue]:
    """A queue with two slots, started."""
    queue = WorkQueue(looks, concurrency=2, fault_seconds=0.01)
    queue.start()
    yield queue
    queue.kill()


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)))
    yield lines
    logger.remove(sink)


async def at_rest(queue: WorkQueue) -> None:
    """Wait until nothing is looked at."""
    await until(lambda: queue.active == 0)


async def test_an_object_is_looked_at_by_one_at_a_time(looks: Looks, queue: WorkQueue) -> None:
    """Whatever comes meanwhile makes one more look, afterwards."""
    looks.go_on.clear()
    queue.add(A)
    await until(lambda: looks.under_way == [A])
    for _ in range(3):
        queue.add(A)
        await asyncio.sleep(0)
    assert (looks.begin, queue.active) == ([A], 1)
    looks.go_on.set()
    await at_rest(queue)
    assert looks.begin == [A, A]


async def test_no_more_are_at_work_than_there_are_slots(looks: Looks, queue: WorkQueue) -> None:
    """The others wait for their turn, and what comes for them meanwhile is part of it."""
    looks.go_on.clear()
    for key in (A, B, C):
        queue.add(key)
    await until(lambda: len(looks.under_way) == 2)
    queue.add(C)
    await asyncio.sleep(0)
    assert (looks.under_way, queue.active) == ([A, B], 3)
    looks.go_on.set()
    await at_rest(queue)
    assert looks.begin == [A, B, C]


async def test_those_that_wait_for_a_slot_are_no_tasks_yet(looks: Looks) -> None:
    """Thousands of tasks that are ready would keep the event loop from its sockets for seconds."""
    queue = WorkQueue(looks, concurrency=2, fault_seconds=0)
    keys = [Key("ns", f"many-{number}") for number in range(100)]
    for key in keys:
        queue.add(key)
    looks.go_on.clear()
    queue.start()
    tasks = [task.get_name() for task in asyncio.all_tasks() if "many-" in task.get_name()]
    assert (len(tasks), queue.active) == (2, 100)
    looks.go_on.set()
    await at_rest(queue)
    assert sorted(looks.begin) == sorted(keys)


async def test_what_comes_before_the_start_is_looked_at_then(looks: Looks) -> None:
    """Stores are filled first."""
    queue = WorkQueue(looks, concurrency=2, fault_seconds=0)
    queue.add(A)
    queue.add(A)
    await asyncio.sleep(0)
    assert (looks.begin, queue.active) == ([], 0)
    queue.start()
    await at_rest(queue)
    assert looks.begin == [A]


async def test_a_look_may_ask_for_another_one(looks: Looks, queue: WorkQueue) -> None:
    """At once, or after a while."""
    looks.delays[A] = 0.0
    queue.add(A)
    await at_rest(queue)
    assert looks.begin == [A, A]
    looks.delays[B] = 0.001
    queue.add(B)
    await until(lambda: looks.begin == [A, A, B, B])


async def test_a_look_makes_an_earlier_appointment_void(looks: Looks, queue: WorkQueue) -> None:
    """It says itself when the next one is due."""
    queue.add(A, 0.001)
    queue.add(A)
    await at_rest(queue)
    queue.add(B, 0.01)
    await until(lambda: looks.begin == [A, B])


async def test_a_fault_is_logged_and_the_look_repeated(looks: Looks, queue: WorkQueue, lines: list[str]) -> None:
    """And the looks at other objects go on."""
    looks.faults[A] = KeyError("surprise")
    queue.add(A)
    queue.add(B)
    await until(lambda: looks.begin == [A, B, A])
    assert "attempt ns/a: internal error" in lines[0]
    assert "KeyError: 'surprise'" in lines[0]


async def test_stopping_awaits_looks_under_way_and_begins_none(looks: Looks, queue: WorkQueue) -> None:
    """Neither those that wait for a timer nor those that come meanwhile."""
    looks.go_on.clear()
    queue.add(A)
    queue.add(B, 0.1)
    await until(lambda: looks.under_way == [A])
    stopping = asyncio.create_task(queue.stop(5))
    await asyncio.sleep(0)
    queue.add(A)
    queue.add(C)
    looks.go_on.set()
    await in_time(stopping)
    await asyncio.sleep(0.15)
    assert (looks.begin, queue.active) == ([A], 0)


async def test_stopping_has_a_limit(looks: Looks, queue: WorkQueue) -> None:
    """A look that takes longer is canceled."""
    looks.go_on.clear()
    queue.add(A)
    await until(lambda: looks.under_way == [A])
    await in_time(queue.stop(0.001))
    assert (looks.under_way, queue.active) == ([], 0)


async def test_a_kill_cancels_looks_under_way(looks: Looks, queue: WorkQueue) -> None:
    """At once, and nothing follows."""
    looks.go_on.clear()
    queue.add(A)
    queue.add(A)
    queue.add(B, 0.001)
    await until(lambda: looks.under_way == [A])
    queue.kill()
    await at_rest(queue)
    await asyncio.sleep(0.01)
    assert (looks.begin, looks.under_way) == ([A], [])
