"""The watch keeps a sink the same as the API server, whatever happens to its streams."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from perago_operator.api.shared import Key
from perago_operator.loops import Backoff
from perago_operator.ports import Manifest, Page, Unreachable, key_of
from perago_operator.watch.watch import Watch
from tests.fakes.faulty import raising
from tests.fakes.kube import FakeCluster, FakeFeed
from tests.fakes.waiting import until

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


class Bench:
    """A cluster, a feed of its pods, and a watch into a recorder."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.feed: FakeFeed = self.cluster.feed("Pod")
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
async def bench() -> AsyncIterator[Bench]:
    """A bench whose watch is not running yet."""
    bench = Bench()
    yield bench
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


def run(bench: Bench) -> None:
    """Start the watch."""
    bench.running = asyncio.create_task(bench.watch.run())


async def test_a_list_of_many_pages_is_read_to_its_end(bench: Bench) -> None:
    """Synced means: everything that existed is in the sink."""
    for number in range(5):
        bench.pod(f"p{number}")
    run(bench)
    await bench.watch.synced.wait()
    assert len(bench.sink.objects) == 5


async def test_changes_arrive_after_the_list(bench: Bench) -> None:
    """Added, modified and deleted objects are followed."""
    bench.pod("stays")
    bench.pod("goes")
    run(bench)
    await bench.watch.synced.wait()
    bench.pod("comes")
    bench.cluster.merge("Pod", "ns", "stays", {"status": {"phase": "Running"}})
    bench.cluster.delete("Pod", "ns", "goes")
    await bench.until_same()
    assert bench.sink.names() == {"stays", "comes"}


async def test_a_stream_that_ends_is_resumed_without_listing_again(bench: Bench) -> None:
    """The server ends every watch after a while; that costs no list."""
    run(bench)
    await bench.watch.synced.wait()
    bench.feed.end()
    bench.pod("later")
    await bench.until_same()
    assert bench.feed.faults.seen.count("page") == 1


async def test_an_expired_version_means_listing_again(bench: Bench) -> None:
    """What vanished meanwhile is removed, what came is added."""
    bench.pod("old")
    run(bench)
    await bench.watch.synced.wait()
    bench.feed.faults.on("watch", raising(Unreachable("away")))
    bench.cluster.delete("Pod", "ns", "old")
    bench.pod("new")
    bench.feed.forget()
    bench.feed.end()
    await bench.until_same()
    assert bench.sink.names() == {"new"}


async def test_listing_again_repeats_no_put(bench: Bench) -> None:
    """An unchanged object wakes nobody."""
    bench.pod("same")
    run(bench)
    await bench.watch.synced.wait()
    bench.cluster.add({"kind": "Other", "metadata": {"namespace": "ns", "name": "x"}})
    bench.feed.forget()
    bench.feed.end()
    await until(lambda: bench.feed.faults.seen.count("page") == 2)
    assert bench.sink.puts == 1


async def test_a_list_that_broke_off_leaves_nothing_behind(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object of its first page that is gone when the list is read again is removed."""
    for name in ("goes", "stays-1", "stays-2"):
        bench.pod(name)
    page = bench.feed.page

    async def breaks_off(next_page: str | None) -> Page:
        if next_page is not None:
            monkeypatch.undo()
            bench.cluster.delete("Pod", "ns", "goes")
            raise Unreachable("away")
        return await page(next_page)

    monkeypatch.setattr(bench.feed, "page", breaks_off)
    run(bench)
    await bench.watch.synced.wait()
    assert bench.sink.names() == {"stays-1", "stays-2"}


@pytest.mark.parametrize("call", ["page", "watch"])
async def test_failures_are_outlasted(bench: Bench, call: str) -> None:
    """The API server may be away for any number of tries."""
    bench.feed.faults.on(call, raising(Unreachable("away")), 5)
    run(bench)
    await until(lambda: bench.feed.faults.seen.count(call) == 6)
    bench.pod("p")
    await bench.until_same()


async def test_silence_is_counted_from_the_last_answer(bench: Bench) -> None:
    """Staleness is what liveness is about."""
    run(bench)
    await bench.watch.synced.wait()
    bench.seconds = 100.0
    assert bench.watch.silent_seconds() == 100.0
    bench.pod("p")
    await bench.until_same()
    assert bench.watch.silent_seconds() == 0.0
