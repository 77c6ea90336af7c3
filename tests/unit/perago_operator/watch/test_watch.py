"""The watch keeps a sink the same as the API server, whatever happens to its streams."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from perago_operator.api.shared import Key
from perago_operator.loops import Backoff
from perago_operator.ports import Manifest, NotFound, Page, Refused, Unreachable, key_of
from perago_operator.watch.watch import BATCH, Watch
from tests.fakes.faulty import raising
from tests.fakes.kube import FakeCluster, FakeFeed
from tests.fakes.waiting import in_time, until

NO_WAIT = Backoff(first=0.0, cap=0.0)


class Recorder:
    """A sink that keeps what it has and counts what came."""

    def __init__(self) -> None:
        self.objects: dict[Key, Manifest] = {}
        self.puts = 0

    def put(self, obj: Manifest) -> None:
        self.objects[key_of(obj)] = obj
        self.puts += 1

    def remove(self, key: Key) -> None:
        del self.objects[key]

    def names(self) -> set[str]:
        """Names of all objects."""
        return {name for _, name in self.objects}


class Subject:
    """A cluster, a feed of its pods, and a watch into a recorder."""

    def __init__(self, page_size: int = 2) -> None:
        self.cluster = FakeCluster()
        self.feed: FakeFeed = self.cluster.feed("Pod", page_size)
        self.sink = Recorder()
        self.seconds = 0.0
        self.running: asyncio.Task[None] | None = None
        self.watch = Watch("pods", self.feed, self.sink, clock=lambda: self.seconds, backoff=NO_WAIT, pause=0)

    def pod(self, name: str) -> None:
        """Make a pod."""
        self.cluster.add({"kind": "Pod", "metadata": {"namespace": "ns", "name": name}})

    async def until_same(self) -> None:
        """Wait until the sink has what the cluster has."""
        await until(lambda: self.sink.objects == self.pods())

    def pods(self) -> dict[Key, Manifest]:
        """The cluster's pods."""
        return {Key(*key): obj for (kind, *key), obj in self.cluster.objects.items() if kind == "Pod"}


@pytest.fixture
async def subject() -> AsyncIterator[Subject]:
    """A subject whose watch is not running yet."""
    subject = Subject()
    yield subject
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


def run(subject: Subject) -> None:
    """Start the watch."""
    subject.running = asyncio.create_task(subject.watch.run())


async def test_a_list_of_many_pages_is_read_to_its_end(subject: Subject) -> None:
    """Synced means: everything that existed is in the sink."""
    for number in range(5):
        subject.pod(f"p{number}")
    run(subject)
    await in_time(subject.watch.synced.wait())
    assert len(subject.sink.objects) == 5


async def test_thousands_of_objects_leave_others_their_turn() -> None:
    """A page and a burst of events are put in parts, so that probes and heartbeats are never late for them."""
    subject, count = Subject(page_size=10 * BATCH), 5 * BATCH
    for number in range(count):
        subject.pod(f"listed-{number}")
    run(subject)
    listing = await most_at_once(subject, count)
    for number in range(count):
        subject.pod(f"followed-{number}")
    assert (listing, await most_at_once(subject, 2 * count)) == (BATCH, BATCH)
    assert subject.running is not None
    subject.running.cancel()


async def most_at_once(subject: Subject, until_there: int) -> int:
    """How many objects were put at most between two turns of somebody else, until so many are there."""
    most, before = 0, subject.sink.puts
    while len(subject.sink.objects) < until_there:
        await asyncio.sleep(0)
        most, before = max(most, subject.sink.puts - before), subject.sink.puts
    return most


async def test_changes_arrive_after_the_list(subject: Subject) -> None:
    """Added, modified and deleted objects are followed."""
    subject.pod("stays")
    subject.pod("goes")
    run(subject)
    await in_time(subject.watch.synced.wait())
    subject.pod("comes")
    subject.cluster.merge("Pod", "ns", "stays", {"status": {"phase": "Running"}})
    subject.cluster.delete("Pod", "ns", "goes")
    await subject.until_same()
    assert subject.sink.names() == {"stays", "comes"}


async def test_a_stream_that_ends_is_resumed_without_listing_again(subject: Subject) -> None:
    """The server ends every watch after a while; that costs no list."""
    run(subject)
    await in_time(subject.watch.synced.wait())
    subject.feed.end()
    subject.pod("later")
    await subject.until_same()
    assert subject.feed.faults.seen.count("page") == 1


async def test_an_expired_version_means_listing_again(subject: Subject) -> None:
    """What vanished meanwhile is removed, what came is added."""
    subject.pod("old")
    run(subject)
    await in_time(subject.watch.synced.wait())
    subject.feed.faults.on("watch", raising(Unreachable("away")))
    subject.cluster.delete("Pod", "ns", "old")
    subject.pod("new")
    subject.feed.forget()
    subject.feed.end()
    await subject.until_same()
    assert subject.sink.names() == {"new"}


async def test_listing_again_repeats_no_put(subject: Subject) -> None:
    """An unchanged object wakes nobody."""
    subject.pod("same")
    run(subject)
    await in_time(subject.watch.synced.wait())
    subject.cluster.add({"kind": "Other", "metadata": {"namespace": "ns", "name": "x"}})
    subject.feed.forget()
    subject.feed.end()
    await until(lambda: subject.feed.faults.seen.count("page") == 2)
    assert subject.sink.puts == 1


async def test_a_list_that_broke_off_leaves_nothing_behind(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object of its first page that is gone when the list is read again is removed."""
    for name in ("goes", "stays-1", "stays-2"):
        subject.pod(name)
    page = subject.feed.page

    async def breaks_off(next_page: str | None) -> Page:
        if next_page is not None:
            monkeypatch.undo()
            subject.cluster.delete("Pod", "ns", "goes")
            raise Unreachable("away")
        return await page(next_page)

    monkeypatch.setattr(subject.feed, "page", breaks_off)
    run(subject)
    await in_time(subject.watch.synced.wait())
    assert subject.sink.names() == {"stays-1", "stays-2"}


@pytest.mark.parametrize("call", ["page", "watch"])
async def test_failures_are_outlasted(subject: Subject, call: str) -> None:
    """The API server may be away for any number of tries."""
    subject.feed.faults.on(call, raising(Unreachable("away")), 5)
    run(subject)
    await until(lambda: subject.feed.faults.seen.count(call) == 6)
    subject.pod("p")
    await subject.until_same()


@pytest.mark.parametrize("call", ["page", "watch"])
@pytest.mark.parametrize("error", [Refused("no", status=403, message="no"), NotFound("no such path")])
async def test_a_refusal_is_an_answer_and_is_told(subject: Subject, call: str, error: Exception) -> None:
    """The server is there; once it allows it again, all is listed anew."""
    told: list[Exception | None] = []
    subject.watch = Watch(
        "pods", subject.feed, subject.sink, clock=lambda: subject.seconds, backoff=NO_WAIT, pause=0, observe=told.append
    )
    subject.feed.faults.on(call, raising(error), 2)
    subject.seconds = 400.0
    run(subject)
    await until(lambda: told[-1:] == [None] and subject.feed.faults.seen.count(call) == 3)
    assert (told.count(error), subject.watch.silent_seconds()) == (2, 0.0)
    subject.pod("p")
    await subject.until_same()


async def test_a_server_that_does_not_answer_is_silent(subject: Subject) -> None:
    """Nor does a replica that is not known to it hear anything."""
    subject.feed.faults.on("page", raising(Unreachable("away")))
    subject.feed.faults.on("page", raising(Refused("who?", status=401, message="who?")), None)
    subject.seconds = 400.0
    run(subject)
    await until(lambda: subject.feed.faults.seen.count("page") == 3)
    assert subject.watch.silent_seconds() == 400.0


async def test_silence_is_counted_from_the_last_answer(subject: Subject) -> None:
    """Staleness is what liveness is about."""
    run(subject)
    await in_time(subject.watch.synced.wait())
    subject.seconds = 100.0
    assert subject.watch.silent_seconds() == 100.0
    subject.pod("p")
    await subject.until_same()
    assert subject.watch.silent_seconds() == 0.0
