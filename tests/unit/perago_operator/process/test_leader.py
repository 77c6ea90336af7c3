"""At most one replica leads, whatever fails; the others are ready."""

import asyncio
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago_operator.ports import Conflict, Lease, Unreachable
from perago_operator.process.leader import Leadership, LeadershipLost, Observed, Terms, next_write, observe
from tests.fakes.faulty import raising
from tests.fakes.kube import FakeLeases
from tests.fakes.waiting import in_time, until
from tests.faults.kinds import silent

START = datetime(2026, 1, 1, tzinfo=UTC)
AT_ONCE = Terms(duration=15, deadline=10, retry=0)


class Time:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def clock(self) -> float:
        return self.seconds

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


def replica(leases: FakeLeases, identity: str, time: Time, terms: Terms = AT_ONCE) -> Leadership:
    """A candidate."""
    return Leadership(leases, identity, clock=time.clock, now=time.wall, terms=terms)


async def test_the_first_replica_leads() -> None:
    """No Lease is there: it is made."""
    leases, time = FakeLeases(), Time()
    one = replica(leases, "one", time)
    await in_time(one.acquire())
    assert one.leading
    assert leases.stored.holder == "one"


async def test_the_second_waits_until_the_lease_is_released() -> None:
    """A release is noticed at the next try, without waiting for the Lease's end."""
    leases, time = FakeLeases(), Time()
    one, two = replica(leases, "one", time), replica(leases, "two", time)
    await in_time(one.acquire())
    waiting = asyncio.create_task(two.acquire())
    await asyncio.sleep(0)
    assert not two.leading
    await one.release()
    await in_time(waiting)
    assert leases.stored.holder == "two"


async def test_a_dead_leader_is_followed_after_the_duration() -> None:
    """The Lease was not seen to change for as long as it says."""
    leases, time = FakeLeases(), Time()
    await in_time(replica(leases, "dead", time).acquire())
    two = replica(leases, "two", time)
    waiting = asyncio.create_task(two.acquire())
    for _ in range(3):
        await asyncio.sleep(0)
    assert not two.leading
    time.seconds = 15.0
    await in_time(waiting)
    assert leases.stored.transitions == 1


async def test_the_same_identity_takes_over_at_once() -> None:
    """A container that was restarted in its pod need not wait for itself."""
    leases, time = FakeLeases(), Time()
    await in_time(replica(leases, "pod", time).acquire())
    again = replica(leases, "pod", time)
    await in_time(again.acquire())
    assert leases.stored.transitions == 0


async def test_leadership_is_lost_when_renewing_fails_for_too_long() -> None:
    """The leader stops before anyone else may start."""
    leases, time = FakeLeases(), Time()
    one = replica(leases, "one", time)
    await in_time(one.acquire())
    leases.faults.on("read", raising(Unreachable("away")), None)
    holding = asyncio.create_task(one.hold())
    await until(lambda: leases.faults.seen.count("read") > 2)
    time.seconds = 9.9
    reads = leases.faults.seen.count("read")
    await until(lambda: leases.faults.seen.count("read") > reads + 2)
    assert one.leading
    time.seconds = 10.0
    with pytest.raises(LeadershipLost):
        await in_time(holding)
    assert not one.leading


async def test_no_time_left_is_the_end_also_where_rounding_says_that_less_has_passed() -> None:
    """13.44 s and 10 s are 23.439999999999998 s, which is less than 10 s later."""
    leases, time = FakeLeases(), Time()
    one = replica(leases, "one", time)
    time.seconds = 13.44
    await in_time(one.acquire())
    leases.faults.on("read", raising(Unreachable("away")), None)
    time.seconds = 23.439999999999998
    with pytest.raises(LeadershipLost, match="not renewed for 10 s"):
        await in_time(one.hold())


def test_a_leader_gives_up_before_another_may_lead() -> None:
    """By default 5 s before, and after several tries."""
    terms = Terms()
    assert terms.deadline + 5 <= terms.duration
    assert terms.retry * 3 <= terms.deadline


def test_a_leader_tries_again_when_one_request_hangs() -> None:
    """A try may not use up the time of all."""
    terms = Terms()
    assert (terms.retry + terms.longest_try) * 2 <= terms.deadline
    assert terms.longest_try <= 3.0


async def test_one_request_that_hangs_does_not_cost_leadership() -> None:
    """The connection had died unnoticed; the next try has another one."""
    leases = FakeLeases()
    terms = Terms(duration=15, deadline=60, retry=0, longest_try=0.02)
    one = Leadership(leases, "one", clock=monotonic, now=Time().wall, terms=terms)
    await in_time(one.acquire())
    leases.faults.on("read", silent)
    holding = asyncio.create_task(one.hold())
    renewals = leases.faults.seen.count("write")
    await until(lambda: leases.faults.seen.count("write") > renewals)
    assert one.leading
    holding.cancel()


@pytest.mark.parametrize("call", ["read", "write"])
async def test_a_request_that_hangs_does_not_keep_leadership(call: str) -> None:
    """It is given up at the deadline, 5 s before another replica may lead."""
    leases = FakeLeases()
    terms = Terms(duration=15, deadline=0.05, retry=0)
    one = Leadership(leases, "one", clock=monotonic, now=Time().wall, terms=terms)
    await in_time(one.acquire())
    leases.faults.on(call, silent, None)
    with pytest.raises(LeadershipLost):
        await in_time(one.hold())
    assert not one.leading


@pytest.mark.parametrize("call", ["read", "write"])
async def test_a_standby_outlasts_a_request_that_hangs(call: str) -> None:
    """It is given up, and the next one may be answered."""
    leases = FakeLeases()
    terms = Terms(duration=15, deadline=0.05, retry=0)
    one = Leadership(leases, "one", clock=monotonic, now=Time().wall, terms=terms)
    leases.faults.on(call, silent)
    await in_time(one.acquire())
    assert leases.faults.seen.count(call) == 2


class ThoughtfulLeases(FakeLeases):
    """Takes so many seconds for each request."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def read(self) -> Lease:
        await asyncio.sleep(self._seconds)
        return await super().read()

    async def write(self, lease: Lease) -> Lease:
        await asyncio.sleep(self._seconds)
        return await super().write(lease)


async def test_a_slow_api_server_has_a_leader_too() -> None:
    """Each of the two requests may take nearly as long as one that hangs is waited for."""
    terms = Terms(duration=15, deadline=10, retry=0, longest_try=0.2)
    one = Leadership(ThoughtfulLeases(0.12), "one", clock=monotonic, now=Time().wall, terms=terms)
    await in_time(one.acquire())
    assert one.leading


async def test_a_leader_does_not_sleep_past_its_deadline() -> None:
    """Whatever the time between two tries: another replica may lead 5 s later."""
    leases = FakeLeases()
    one = Leadership(leases, "one", clock=monotonic, now=Time().wall, terms=Terms(15, deadline=0.05, retry=3600))
    await in_time(one.acquire())
    leases.faults.on("read", raising(Unreachable("away")), None)
    with pytest.raises(LeadershipLost):
        await in_time(one.hold())


class SlowLeases(FakeLeases):
    """Stores a Lease at once, and answers `seconds` later."""

    def __init__(self, time: Time, seconds: float) -> None:
        super().__init__()
        self._time = time
        self._seconds = seconds

    async def write(self, lease: Lease) -> Lease:
        stored = await super().write(lease)
        self._time.seconds += self._seconds
        return stored


async def test_a_renewal_counts_from_before_it_was_sent() -> None:
    """Others see the Lease renewed before its answer is here, and may lead `duration` seconds after that."""
    time = Time()
    leases = SlowLeases(time, 6)
    one = replica(leases, "one", time)
    await in_time(one.acquire())
    leases.faults.on("read", raising(Unreachable("away")), None)
    time.seconds = 10.0
    with pytest.raises(LeadershipLost, match="not renewed for 10 s"):
        await in_time(one.hold())


async def test_a_short_outage_costs_nothing() -> None:
    """Renewing is tried again until the deadline."""
    leases, time = FakeLeases(), Time()
    one = replica(leases, "one", time)
    await in_time(one.acquire())
    leases.faults.on("read", raising(Unreachable("away")), 3)
    holding = asyncio.create_task(one.hold())
    await until(lambda: leases.faults.seen.count("write") == 2)
    assert not holding.done()
    holding.cancel()


async def test_a_lease_taken_by_another_is_lost_at_once() -> None:
    """Someone edited it: two must not work."""
    leases, time = FakeLeases(), Time()
    one = replica(leases, "one", time)
    await in_time(one.acquire())
    leases.stored = Lease("thief", 15, "a", "b", 1, "77")
    with pytest.raises(LeadershipLost):
        await in_time(one.hold())


async def test_a_successors_lease_is_left_alone() -> None:
    """A replica that has seen another lead releases nothing, although it knows the Lease's version."""
    leases, time = FakeLeases(), Time()
    one = replica(leases, "one", time)
    await in_time(one.acquire())
    successor = Lease("two", 15, "a", "b", 1, "77")
    leases.stored = successor
    with pytest.raises(LeadershipLost):
        await in_time(one.hold())
    await one.release()
    assert leases.stored == successor


async def test_a_lease_that_was_not_renewed_is_left_alone() -> None:
    """Another replica may hold it by now: only its own clock ends it."""
    leases, time = FakeLeases(), Time()
    one = replica(leases, "one", time)
    await in_time(one.acquire())
    leases.faults.on("read", raising(Unreachable("away")), None)
    time.seconds = 10.0
    with pytest.raises(LeadershipLost):
        await in_time(one.hold())
    writes = leases.faults.seen.count("write")
    await one.release()
    assert leases.faults.seen.count("write") == writes


async def test_a_standby_releases_nothing() -> None:
    """It holds nothing."""
    leases, time = FakeLeases(), Time()
    await in_time(replica(leases, "one", time).acquire())
    await replica(leases, "two", time).release()
    assert leases.stored.holder == "one"


async def test_a_release_that_fails_is_no_failure() -> None:
    """The Lease expires on its own."""
    leases, time = FakeLeases(), Time()
    one = replica(leases, "one", time)
    await in_time(one.acquire())
    leases.faults.on("write", raising(Conflict("changed")))
    await one.release()
    assert not one.leading


def test_a_lease_seen_unchanged_keeps_its_age() -> None:
    """Its expiry is counted from when it was first seen like this, on our own clock."""
    lease = Lease("other", 15, "a", "b", 0, "1")
    first = observe(None, lease, 5.0)
    assert observe(first, lease, 9.0).since == 5.0
    assert observe(first, Lease("other", 15, "a", "c", 0, "2"), 9.0).since == 9.0


@given(st.text(min_size=1, max_size=3), st.floats(0, 40), st.integers(1, 30))
def test_a_lease_of_another_is_written_only_after_its_duration(holder: str, waited: float, duration: int) -> None:
    """For any holder, wait and duration."""
    observed = Observed(Lease(holder, duration, "a", "b", 0, "1"), since=0.0)
    lease = next_write(observed, "me!!", waited, "now", 15)
    assert (lease is None) == (waited < duration)
