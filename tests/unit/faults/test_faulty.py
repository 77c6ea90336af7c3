"""What the caller of a fake sees of each fault: the same as a client behind the proxy."""

import asyncio
from typing import Any

import pytest

from perago_operator.ports import Conflict, Unreachable
from tests.fakes.faulty import Call, CallFaults, faulty, raising
from tests.faults.kinds import Fault, Held, Late, cut_before, lost, silent


class Fake:
    """One method, and what it was asked for."""

    def __init__(self) -> None:
        self.faults = CallFaults()
        self.done: list[str] = []

    @faulty
    async def work(self, what: str) -> str:
        """Does it, unless it was done before."""
        if what in self.done:
            raise Conflict(what)
        self.done.append(what)
        return f"did {what}"


@pytest.fixture
def fake() -> Fake:
    return Fake()


async def test_calls_pass_unchanged(fake: Fake) -> None:
    """Answers and errors; and all calls are remembered."""
    assert await fake.work("a") == "did a"
    with pytest.raises(Conflict):
        await fake.work("a")
    assert fake.faults.seen == ["work", "work"]


@pytest.mark.parametrize(("fault", "done"), [(cut_before, []), (lost, ["a"])], ids=["before", "lost"])
async def test_a_cut_connection(fake: Fake, fault: Fault[Any], done: list[str]) -> None:
    """The caller gets the port's error for it; whether the work was done is the fault's."""
    fake.faults.on("work", fault)
    with pytest.raises(Unreachable) as caught:
        await fake.work("a")
    assert (fake.done, caught.value.fate_unknown) == (done, True)
    assert await fake.work("b") == "did b"


async def test_a_refusal_that_is_lost_is_no_answer_either(fake: Fake) -> None:
    """The caller cannot know that the server said no."""
    await fake.work("a")
    fake.faults.on("work", lost)
    with pytest.raises(Unreachable):
        await fake.work("a")


async def test_a_server_that_says_nothing(fake: Fake) -> None:
    """No answer comes until the caller gives up."""
    fake.faults.on("work", silent)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(fake.work("a"), 0.05)
    assert fake.done == []


@pytest.mark.parametrize("waits", [True, False], ids=["waits", "gives up"])
async def test_a_held_answer_comes_to_whoever_still_waits(fake: Fake, waits: bool) -> None:
    """The work is done either way."""
    held = Held()
    fake.faults.on("work", held)
    call = asyncio.create_task(fake.work("a"))
    await held.reached()
    if not waits:
        call.cancel()
    held.release()
    (answer,) = await asyncio.gather(call, return_exceptions=True)
    assert fake.done == ["a"]
    assert (answer == "did a") == waits


async def test_a_late_call_lands_after_its_caller_has_given_up(fake: Fake) -> None:
    """When the test says so."""
    late = Late()
    fake.faults.on("work", late)
    with pytest.raises(Unreachable):
        await fake.work("a")
    assert fake.done == []
    await late.land()
    assert fake.done == ["a"]


async def test_an_error_in_the_servers_place(fake: Fake) -> None:
    """As often as it was asked for; the server never sees those calls."""
    fake.faults.on("work", raising(Conflict("no")), 2)
    for _ in range(2):
        with pytest.raises(Conflict, match="no"):
            await fake.work("a")
    assert await fake.work("a") == "did a"


async def test_what_a_fault_raises_fails_the_test(fake: Fake) -> None:
    """A mistake in a fault does not look like a broken connection."""

    async def wrong(call: Call) -> None:
        raise ValueError("a mistake")

    fake.faults.on("work", wrong)
    with pytest.raises(ValueError, match="a mistake"):
        await fake.work("a")


async def test_a_fault_that_nothing_met_is_noticed(fake: Fake) -> None:
    """Names are whole: `wor` is no call of this fake."""
    fake.faults.on("wor", lost)
    await fake.work("a")
    with pytest.raises(AssertionError, match="no request met 'wor'"):
        fake.faults.check()
