"""What takes long is told while it lasts, and nothing else: few writes, each with something new."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from perago import wire
from perago.agent.clients.http import NoAnswer, Patience, Server, retried
from perago.agent.data.moving import Calls
from perago.agent.reporter import Reporter, transfer_report
from perago.agent.underway import Moved, Underway, current, follow
from tests.fakes.waiting import in_time, until

START = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """A clock that a test moves on, what is under way, and the reports of it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.underway = Underway(lambda: self.seconds, lambda: START + timedelta(seconds=self.seconds))
        self.patches: list[dict[str, Any]] = []
        self.reporter = Reporter(self.underway, self)

    def post(self, report: wire.StatusReport) -> None:
        self.patches.append(report.to_json())

    def after(self, seconds: float) -> list[dict[str, Any]]:
        """The patches of a look after so many seconds."""
        self.seconds += seconds
        self.patches.clear()
        self.reporter.look()
        return self.patches


@pytest.fixture
def world() -> World:
    return World()


def test_nothing_under_way_is_nothing_to_say(world: World) -> None:
    """However often it is looked at."""
    assert [world.after(5) for _ in range(3)] == [[], [], []]


def test_an_outage_is_told_with_its_end_and_its_last_error_and_cleared_afterwards(world: World) -> None:
    """Once for each change, and it begins when the first answer was missed."""
    world.underway.waits("me", "lakeFS", "503 down", 600)
    waiting = {
        "server": "lakeFS",
        "since": "2026-01-01T00:00:00Z",
        "until": "2026-01-01T00:10:00Z",
        "error": "503 down",
    }
    assert world.after(5) == [{"waiting": waiting}]
    world.underway.waits("me", "lakeFS", "503 down", 595)
    assert world.after(5) == []
    world.underway.waits("me", "lakeFS", "refused", 590)
    assert world.after(5) == [{"waiting": waiting | {"error": "refused"}}]
    world.underway.waits_no_more("me")
    assert world.after(5) == [{"waiting": None}]
    assert world.after(5) == []


def test_a_hiccup_is_not_told(world: World) -> None:
    """Only what has lasted for a whole period."""
    world.underway.waits("me", "lakeFS", "reset", 60)
    assert world.after(4.9) == []
    world.underway.waits_no_more("me")
    assert world.after(5) == []


def test_of_many_waits_the_one_that_ends_first_is_told(world: World) -> None:
    """It decides when the attempt fails."""
    world.underway.waits("one", "lakeFS", "late", 600)
    world.underway.waits("other", "Conductor", "soon", 60)
    assert world.after(5)[0]["waiting"]["server"] == "Conductor"


def test_a_long_error_fits_into_the_status(world: World) -> None:
    """A status that is refused would take all other news with it."""
    world.underway.waits("me", "lakeFS", "x" * 5000, 600)
    assert len(world.after(5)[0]["waiting"]["error"]) == 1024


def test_a_transfer_is_told_every_period_while_it_moves(world: World) -> None:
    """With its rate since the report before, and what is left once that is known; a standstill is no news."""
    world.underway.begin_transfer()
    world.underway.moved(50 << 20)
    world.underway.moved_object()
    first = {"objects": 1, "bytes": 50 << 20, "bytesPerSecond": 10 << 20, "summary": "1 objects, 50.0 MiB, 10.0 MiB/s"}
    assert world.after(5) == [{"transfer": first}]
    assert world.after(5) == []
    world.underway.expects(3, 100 << 20)
    world.underway.moved(25 << 20)
    assert world.after(5) == [
        {
            "transfer": {
                "objects": 1,
                "bytes": 75 << 20,
                "bytesPerSecond": (25 << 20) // 10,
                "objectsLeft": 2,
                "bytesLeft": 25 << 20,
                "summary": "1 objects, 75.0 MiB, 2.5 MiB/s, 2 objects left, 25.0 MiB left",
            }
        }
    ]
    world.underway.end_transfer()
    assert world.after(5) == [{"transfer": None}]
    assert world.after(5) == []


def test_a_short_transfer_is_not_told(world: World) -> None:
    """It costs no write."""
    world.underway.begin_transfer(7)
    world.underway.moved(100)
    assert world.after(4.9) == []
    world.underway.end_transfer()
    assert world.after(5) == []


def test_a_second_transfer_starts_from_nothing(world: World) -> None:
    """The upload after the download."""
    world.underway.begin_transfer()
    world.underway.moved(100)
    world.after(5)
    world.underway.begin_transfer(1)
    assert world.after(0) == [{"transfer": None}]
    world.underway.moved(5)
    (patch,) = world.after(5)
    assert (patch["transfer"]["bytes"], patch["transfer"]["objectsLeft"]) == (5, 1)


@pytest.mark.parametrize(
    ("size", "want"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 << 30, "3.0 GiB"), (5 << 50, "5120.0 TiB")]
)
def test_amounts_are_written_for_people(size: int, want: str) -> None:
    """In binary units."""
    assert transfer_report(Moved(0, size, 1.0), None).summary.split(", ")[1] == want


def test_what_comes_from_the_node_cache_is_told() -> None:
    """It is part of the objects and bytes, and makes their rate what it is."""
    want = "10 objects, 4.0 KiB, 2.0 KiB/s, 9 objects (2.0 KiB) from the node cache"
    moved = Moved(10, 4096, 2.0, cached_objects=9, cached_bytes=2048)
    assert transfer_report(moved, None).summary == want


def test_an_outcome_ends_what_was_told() -> None:
    """In the same patch: the agent is gone afterwards."""
    patch = wire.StatusReport(outcome=wire.Outcome(status="COMPLETED", reason="Completed")).to_json()
    assert {name: patch[name] for name in ("step", "waiting", "transfer")} == dict.fromkeys(
        ("step", "waiting", "transfer")
    )


@contextmanager
def followed() -> Iterator[Underway]:
    """What is said in this block."""
    underway = Underway()
    follow(underway)
    try:
        yield underway
    finally:
        follow(Underway())


async def test_a_call_that_is_tried_again_is_a_wait_until_it_is_answered() -> None:
    """For whoever follows the task that makes it."""
    with followed() as underway:
        waits = []

        async def call() -> str:
            waits.append(underway.longest_wait())
            if len(waits) < 3:
                raise NoAnswer(Server.LAKEFS, f"{len(waits)} times")
            return "answer"

        assert await retried(call, 600) == "answer"
        assert [wait.error if wait else None for wait in waits] == [None, "1 times", "2 times"]
        assert waits[1] is not None
        assert waits[2] is not None
        assert waits[1].since == waits[2].since
        assert 590 < (waits[1].until - waits[1].since).total_seconds() <= 600
        assert underway.longest_wait() is None


async def test_a_call_that_is_given_up_is_no_wait_any_more() -> None:
    """The outcome says the rest."""
    with followed() as underway:

        async def call() -> None:
            raise NoAnswer(Server.CONDUCTOR, "away")

        with pytest.raises(NoAnswer):
            await retried(call, 0)
        assert underway.longest_wait() is None


async def test_the_api_server_is_not_told_of_its_own_outage() -> None:
    """It would hear of it when it is over."""
    with followed() as underway:
        Patience(60).pause_after(NoAnswer(Server.CLUSTER, "away"))
        assert underway.longest_wait() is None


async def test_threads_tell_the_one_who_follows_the_transfer() -> None:
    """They do not inherit what the event loop's task knows; a byte that arrives ends the wait."""
    with followed() as underway:
        underway.begin_transfer()
        calls = Calls(600)
        with ThreadPoolExecutor(1) as thread:
            patience = thread.submit(calls.patience).result()
        patience.pause_after(NoAnswer(Server.LAKEFS, "reset"))
        assert underway.longest_wait() is not None
        assert list(calls.heard([memoryview(b"abc")], patience)) == [b"abc"]
        moved = underway.transfer()
        assert moved is not None
        assert (underway.longest_wait(), moved.bytes) == (None, 3)


def test_what_nobody_follows_is_forgotten() -> None:
    """As in a test, or in another program."""
    assert current() is not current()


async def test_the_reporter_looks_again_and_again() -> None:
    """Until it is canceled."""
    world = World()
    looking = asyncio.create_task(Reporter(world.underway, world, period=0.001).run())
    world.underway.waits("me", "lakeFS", "down", 600)
    world.seconds = 1
    await until(lambda: world.patches != [])
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await in_time(looking)
