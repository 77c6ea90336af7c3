"""An audit makes a store the same as a list, and notices a watch that delivers no more."""

import pytest

from perago_operator.loops import Backoff
from perago_operator.ports import Expired, Page, Unreachable
from perago_operator.watch.audit import SUSPICIOUS, Audit
from perago_operator.watch.stores import Stores
from tests.builders import task
from tests.fakes.faulty import raising
from tests.fakes.kube import FakeCluster


class Bench:
    """A cluster with some objects, a store, and an audit."""

    def __init__(self, *names: str) -> None:
        self.cluster = FakeCluster()
        self.store = Stores(lambda _: None).tasks
        self.feed = self.cluster.feed("PeragoTask")
        self.audit = Audit("tasks", self.feed, self.store.versions, self.store, backoff=Backoff(first=0, cap=0))
        for name in names:
            self.make(name)

    def make(self, name: str) -> None:
        """An object is created."""
        self.cluster.add(task(name))

    def names(self) -> list[str]:
        """What is in the store."""
        return sorted(task.metadata.name for task in self.store)


async def test_a_store_is_filled_from_all_pages() -> None:
    """Before the first decision."""
    bench = Bench("a", "b", "c")
    await bench.audit.fill()
    assert bench.names() == ["a", "b", "c"]


@pytest.mark.parametrize("error", [Unreachable("away"), Expired("start again")])
async def test_filling_outlasts_failures(error: Exception) -> None:
    """Nothing works without it."""
    bench = Bench("a")
    bench.feed.faults.on("page", raising(error))
    await bench.audit.fill()
    assert bench.names() == ["a"]


async def test_what_vanished_while_nobody_watched_is_removed() -> None:
    """kopf would keep it forever."""
    bench = Bench("a", "b")
    await bench.audit.fill()
    bench.cluster.delete("PeragoTask", "ns", "a")
    assert await bench.audit.compare() == 1
    assert bench.names() == ["b"]


async def test_a_store_that_is_up_to_date_is_left_alone() -> None:
    """No one is woken."""
    bench = Bench("a", "b")
    await bench.audit.fill()
    assert await bench.audit.compare() == 0


async def test_a_store_that_is_ahead_of_the_list_is_left_alone() -> None:
    """The watch reported an object after the list began."""
    bench = Bench("a")
    await bench.audit.fill()
    listed = bench.feed.page

    async def slow(next_page: str | None) -> Page:
        page = await listed(next_page)
        bench.make("newer")
        bench.store.put(bench.cluster.objects["PeragoTask", "ns", "newer"])
        return page

    bench.feed.page = slow  # type: ignore[method-assign]
    assert await bench.audit.compare() == 0
    assert bench.names() == ["a", "newer"]


async def test_a_watch_that_is_behind_again_and_again_is_dead() -> None:
    """Liveness then fails, and the kubelet restarts the operator."""
    bench = Bench()
    for number in range(SUSPICIOUS):
        assert bench.audit.complaint() is None
        bench.make(f"missed-{number}")
        await bench.audit.judge()
    assert bench.audit.complaint() == "3 audits in a row found it behind"
    await bench.audit.judge()
    assert bench.audit.complaint() is None
