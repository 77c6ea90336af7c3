"""The Lease on its own thread: no work of the operator's makes it late, and no hanging operator keeps it."""

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from perago_operator.ports import Lease
from perago_operator.process.afresh import SIGNALS
from perago_operator.process.gate import leaders_gate
from perago_operator.process.leader import Leadership, LeadershipLost, Terms
from perago_operator.process.leasethread import HANG_SECONDS, LeaseThread, on_a_thread
from tests.fakes.kube import FakeLeases
from tests.fakes.waiting import PATIENCE, in_time, until

STEP = 5.0
"""Seconds by which tests move the clock on: less than the deadline of a Lease, so that a renewal comes in between."""


class Candidate:
    """A replica whose Lease is renewed on a thread; the clock of both is set by the test."""

    def __init__(self, leases: FakeLeases | None = None) -> None:
        self.leases = leases or FakeLeases()
        self.seconds = 0.0
        self.signals: set[int] = set()

    def clock(self) -> float:
        return self.seconds

    @asynccontextmanager
    async def contend(self) -> AsyncIterator[Leadership]:
        """Called on the thread."""
        self.signals = set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        terms = Terms(retry=0.001)
        yield Leadership(self.leases, "me", clock=self.clock, now=lambda: datetime.now(UTC), terms=terms)

    @asynccontextmanager
    async def leading(self) -> AsyncIterator[tuple[LeaseThread, "asyncio.Task[None]"]]:
        """It leads, and holds the Lease in the task."""
        async with on_a_thread(self.contend, self.clock, look_seconds=0.001) as lease:
            await in_time(lease.acquire())
            holding = asyncio.create_task(lease.hold())
            try:
                await until(self.renewed())
                yield lease, holding
            finally:
                holding.cancel()
                await asyncio.gather(holding, return_exceptions=True)

    def renewed(self) -> Callable[[], bool]:
        """Holds once a renewal has been made that had not begun yet: the next one may be under way."""
        before = self.leases.faults.seen.count("write")
        return lambda: self.leases.faults.seen.count("write") > before + 1


def busy_until(condition: Callable[[], bool]) -> None:
    """Let the event loop do nothing else."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end


def either(one: Callable[[], bool], other: Callable[[], bool]) -> Callable[[], bool]:
    """Holds once one of the two does."""
    return lambda: one() or other()


def lease_threads() -> list[threading.Thread]:
    """Those that have not ended."""
    return [thread for thread in threading.enumerate() if thread.name == "lease"]


async def test_an_event_loop_that_is_busy_for_longer_than_the_deadline_keeps_the_lease() -> None:
    """One callback lasts for 25 s, and the Lease would be lost after 10."""
    one = Candidate()
    async with one.leading() as (lease, holding):
        gate = leaders_gate(lease, one.clock)
        for _ in range(5):
            one.seconds += STEP
            busy_until(one.renewed())
        gate()
        await asyncio.sleep(0)
        assert lease.leading
        assert not holding.done()


async def test_a_replica_whose_event_loop_hangs_does_not_stay_the_leader() -> None:
    """Another one leads in its place, although the thread could renew for ever."""
    one = Candidate()
    async with one.leading() as (lease, holding):
        while lease.leading and one.seconds < 2 * HANG_SECONDS:
            one.seconds += STEP
            busy_until(either(one.renewed(), lambda: not lease.leading))
        with pytest.raises(LeadershipLost, match=f"has not come around for {HANG_SECONDS:.0f} s"):
            await in_time(holding)
        writes = one.leases.faults.seen.count("write")
        await in_time(lease.release())
        assert one.leases.faults.seen.count("write") == writes
        assert one.leases.stored.holder == "me"


async def test_an_event_loop_that_comes_around_leads_for_ever() -> None:
    """However long it takes in sum."""
    one = Candidate()
    async with one.leading() as (lease, holding):
        for _ in range(10):
            one.seconds += STEP
            await until(one.renewed())
        assert one.seconds > HANG_SECONDS
        assert lease.leading
        assert not holding.done()


async def test_the_event_loop_learns_at_once_that_leadership_is_lost() -> None:
    """Another replica's name is in the Lease."""
    one = Candidate()
    async with one.leading() as (lease, holding):
        one.leases.stored = Lease("another", 15, "a", "b", 1, "77")
        with pytest.raises(LeadershipLost, match="was not renewed"):
            await in_time(holding)
        assert not lease.leading


async def test_at_the_end_the_lease_is_released_and_the_thread_is_gone() -> None:
    """The next leader need not wait, and nothing of this one is left."""
    one = Candidate()
    async with one.leading() as (lease, holding):
        uid = lease.lease_uid
        holding.cancel()
        await in_time(lease.release())
        assert (one.leases.stored.holder, one.leases.stored.uid) == ("", uid)
        assert len(lease_threads()) == 1
    assert lease_threads() == []


class Reluctant(FakeLeases):
    """Reads take for ever, and some turns of the event loop to end when they are canceled."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs = False
        self.order: list[str] = []

    async def read(self) -> Lease:
        if not self.hangs:
            return await super().read()
        self.order.append("read begins")
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(20):
                await asyncio.sleep(0)
            self.order.append("read ends")
        raise AssertionError("nobody sets the event")

    async def write(self, lease: Lease) -> Lease:
        self.order.append("write")
        return await super().write(lease)


async def test_the_lease_is_released_after_the_last_renewal_has_ended() -> None:
    """A renewal that was canceled on the way could otherwise land behind the release."""
    leases = Reluctant()
    async with Candidate(leases).leading() as (lease, holding):
        leases.hangs = True
        await until(lambda: "read begins" in leases.order)
        holding.cancel()
        await in_time(lease.release())
    assert leases.order[-3:] == ["read begins", "read ends", "write"]


async def test_a_standby_that_waits_no_more_is_gone_as_well() -> None:
    """It is asked to end while another replica leads."""
    one = Candidate()
    one.leases.stored = Lease("another", 15, "a", "b", 1, "77")
    async with on_a_thread(one.contend, one.clock) as lease:
        acquiring = asyncio.create_task(lease.acquire())
        await until(lambda: one.leases.faults.seen.count("read") > 2)
        acquiring.cancel()
    assert lease_threads() == []
    assert one.leases.stored.holder == "another"


async def test_a_lease_that_came_too_late_is_released() -> None:
    """The replica was asked to end at the moment at which it became the leader."""
    one = Candidate()
    async with on_a_thread(one.contend, one.clock) as lease:
        await in_time(lease.acquire())
    assert one.leases.stored.holder == ""


async def test_what_hinders_the_thread_is_told_and_leaves_no_thread() -> None:
    """For example, a kubeconfig that cannot be read."""

    @asynccontextmanager
    async def hindered() -> AsyncIterator[Leadership]:
        raise ValueError("no access")
        yield

    with pytest.raises(ValueError, match="no access"):
        async with on_a_thread(hindered, time.monotonic):
            raise AssertionError("it has not begun")
    assert lease_threads() == []


async def test_signals_are_left_to_the_main_thread() -> None:
    """One that arrives while the process begins again has to wait for the new program."""
    one = Candidate()
    async with on_a_thread(one.contend, one.clock):
        assert set(SIGNALS) <= one.signals
        assert not set(SIGNALS) & signal.pthread_sigmask(signal.SIG_BLOCK, ())
