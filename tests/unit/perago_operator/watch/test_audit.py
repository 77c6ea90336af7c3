"""An audit makes a store the same as a list, and notices a watch that delivers no more."""

from collections.abc import Callable

from perago_operator.ports import Page
from perago_operator.watch.audit import SUSPICIOUS, Audit
from perago_operator.watch.stores import Stores
from tests.builders import task
from tests.fakes.kube import FakeCluster
from tests.fakes.waiting import in_time


class Subject:
    """A cluster with some objects, a store, and an audit."""

    def __init__(self, *names: str) -> None:
        self.cluster = FakeCluster()
        self.store = Stores(lambda _: None).tasks
        self.feed = self.cluster.feed("PeragoTask")
        self.audit = Audit("tasks", self.feed, self.store.versions, self.store)
        for name in names:
            self.make(name)

    def make(self, name: str) -> None:
        """An object is created."""
        self.cluster.add(task(name))

    def change(self, name: str) -> None:
        """An object is changed."""
        self.cluster.merge("PeragoTask", "ns", name, {"spec": {"module": "app.other"}})

    def while_listing(self, happens: Callable[[], None], name: str) -> None:
        """Something happens to an object after the next list was read, and the watch shows it at once."""
        page = self.feed.page

        async def slow(next_page: str | None) -> Page:
            listed = await page(next_page)
            happens()
            self.store.put(self.cluster.objects["PeragoTask", "ns", name])
            return listed

        self.feed.page = slow  # type: ignore[method-assign]

    def names(self) -> list[str]:
        """What is in the store."""
        return sorted(task.metadata.name for task in self.store)


async def test_a_store_is_filled_from_all_pages() -> None:
    """Before the first decision."""
    subject = Subject("a", "b", "c")
    await in_time(subject.audit.compare())
    assert subject.names() == ["a", "b", "c"]


async def test_what_vanished_while_nobody_watched_is_removed() -> None:
    """kopf would keep it forever."""
    subject = Subject("a", "b")
    await in_time(subject.audit.compare())
    subject.cluster.delete("PeragoTask", "ns", "a")
    assert await subject.audit.compare() == 1
    assert subject.names() == ["b"]


async def test_a_store_that_is_up_to_date_is_left_alone() -> None:
    """No one is woken."""
    subject = Subject("a", "b")
    await in_time(subject.audit.compare())
    assert await subject.audit.compare() == 0


async def test_a_store_that_is_ahead_of_the_list_is_left_alone() -> None:
    """The watch reported an object after the list began."""
    subject = Subject("a")
    await in_time(subject.audit.compare())
    subject.while_listing(lambda: subject.make("newer"), "newer")
    assert await subject.audit.compare() == 0
    assert subject.names() == ["a", "newer"]


async def test_an_object_that_changed_again_during_the_list_is_not_behind() -> None:
    """The list has a change that the watch had not shown when the list began; it has shown a later one since."""
    subject = Subject("a")
    await in_time(subject.audit.compare())
    subject.change("a")
    subject.while_listing(lambda: subject.change("a"), "a")
    assert await subject.audit.compare() == 0


async def test_an_object_that_was_made_again_during_the_list_stays() -> None:
    """The list began when it was gone."""
    subject = Subject("a")
    await in_time(subject.audit.compare())
    subject.cluster.delete("PeragoTask", "ns", "a")
    subject.while_listing(lambda: subject.make("a"), "a")
    assert await subject.audit.compare() == 0
    assert subject.names() == ["a"]


async def test_a_watch_that_is_behind_again_and_again_is_dead() -> None:
    """Liveness then fails, and the kubelet restarts the operator."""
    subject = Subject()
    for number in range(SUSPICIOUS):
        assert subject.audit.complaint() is None
        subject.make(f"missed-{number}")
        await in_time(subject.audit.judge())
    assert subject.audit.complaint() == "3 audits in a row found it behind"
    await in_time(subject.audit.judge())
    assert subject.audit.complaint() is None
