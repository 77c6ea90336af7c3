"""Nothing is changed by a replica when another one may lead: decided at the moment at which a call leaves."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from perago_operator.bridge.creation import GIVE_BACK_SECONDS
from perago_operator.ports import Gate, Lease, Unreachable
from perago_operator.process.gate import bar, give_back_gate, leaders_gate
from perago_operator.process.leader import Leadership, LeadershipLost, Terms
from tests.fakes.kube import FakeLeases
from tests.fakes.waiting import in_time

Make = Callable[[Leadership, Callable[[], float]], Gate]


class Candidate:
    """A replica whose clock a test sets."""

    def __init__(self, make: Make) -> None:
        self.seconds = 100.0
        self.leases = FakeLeases()
        self.leadership = Leadership(
            self.leases, "me", clock=self.clock, now=lambda: datetime.now(UTC), terms=Terms(retry=0)
        )
        self._gate = make(self.leadership, self.clock)

    def clock(self) -> float:
        return self.seconds

    def passes(self, seconds: float) -> bool:
        """Whether a write may leave so many seconds after the last renewal, which is at second 100."""
        self.seconds = 100.0 + seconds
        try:
            self._gate()
        except Unreachable:
            return False
        return True

    async def lead(self) -> None:
        """Take the Lease."""
        await in_time(self.leadership.acquire())


def test_why_a_write_may_not_leave_is_said() -> None:
    """Whoever reads the log of a replica that was late finds the reason there."""
    assert bar(True, 9.9, 10) is None
    assert bar(True, 12.3, 10) == "the Lease has not been renewed for 12 s, so that another replica may soon lead"
    assert bar(False, 0.1, 10) == "this replica does not lead"


async def test_a_leader_writes_until_its_deadline() -> None:
    """Although nothing has told it that leadership is lost: its event loop may be late with that as well."""
    one = Candidate(leaders_gate)
    await one.lead()
    assert (one.passes(9.9), one.passes(10.0), one.leadership.leading) == (True, False, True)


@pytest.mark.parametrize("make", [leaders_gate, give_back_gate])
def test_a_standby_writes_nothing(make: Make) -> None:
    """It has never led."""
    assert not Candidate(make).passes(0.0)


async def test_a_replica_that_released_the_lease_writes_nothing() -> None:
    """Another one may lead at once."""
    one = Candidate(leaders_gate)
    await one.lead()
    await one.leadership.release()
    assert not one.passes(0.0)


@pytest.mark.parametrize(("make", "passes"), [(leaders_gate, False), (give_back_gate, True)])
async def test_when_another_replica_took_the_lease_only_polled_tasks_go_back(make: Make, passes: bool) -> None:
    """Nobody else knows of them."""
    one = Candidate(make)
    await one.lead()
    one.leases.stored = Lease("another", 15, "a", "b", 1, "77")
    with pytest.raises(LeadershipLost):
        await in_time(one.leadership.hold())
    assert one.passes(0.0) == passes


async def test_polled_tasks_go_back_before_another_replica_may_adopt_them() -> None:
    """A task that went back later would be in its queue and have an attempt at once."""
    one = Candidate(give_back_gate)
    await one.lead()
    last = Terms().deadline + GIVE_BACK_SECONDS
    assert last < Terms().duration
    assert (one.passes(last - 0.1), one.passes(last)) == (True, False)
