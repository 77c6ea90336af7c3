"""Lists in pages and watches that resume, on the fake and on a real API server alike."""

import asyncio
import json

import pytest

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.reading import read
from perago_operator.ports import Expired, Feed, WatchEvent
from tests.contract.kube.names import attempt
from tests.contract.kube.subject import Subject
from tests.kubectl import Kubectl


async def listed(feed: Feed) -> tuple[list[str], str]:
    """Names of all objects, page after page, and the version to watch from."""
    names: list[str] = []
    token: str | None = None
    while True:
        page = await feed.page(token)
        names += [item["metadata"]["name"] for item in page.items]
        token = page.next_page
        if token is None:
            return names, page.resource_version


async def first_events(feed: Feed, since: str, count: int) -> list[WatchEvent]:
    """The next events that are not bookmarks."""
    events: list[WatchEvent] = []
    async with asyncio.timeout(20):
        async for event in feed.watch(since):
            if event.kind != "BOOKMARK":
                events.append(event)
            if len(events) == count:
                return events
    raise AssertionError(f"the stream ended after {len(events)} events")


async def test_every_object_is_on_one_page(subject: Subject) -> None:
    """Five objects, two on a page."""
    for number in range(5):
        await subject.cluster.create_attempt(subject.namespace, attempt(f"a{number}"))
    names, _ = await listed(subject.feed("PeragoAttempt"))
    assert sorted(names) == ["a0", "a1", "a2", "a3", "a4"]


async def test_listed_objects_say_their_kind_and_no_managed_fields(subject: Subject) -> None:
    """A list's items carry neither kind nor version on the wire."""
    await subject.cluster.create_attempt(subject.namespace, attempt())
    page = await subject.feed("PeragoAttempt").page(None)
    assert page.items[0]["kind"] == "PeragoAttempt"
    assert "managedFields" not in page.items[0]["metadata"]


async def test_a_watch_tells_what_came_after_the_list(subject: Subject) -> None:
    """Added, changed, deleted, in order."""
    feed = subject.feed("PeragoAttempt")
    _, since = await listed(feed)
    await subject.cluster.create_attempt(subject.namespace, attempt("a1", "x.example/y"))
    await subject.cluster.patch_attempt_status(subject.namespace, "a1", {"status": {"phase": "Pending"}})
    events = await first_events(feed, since, 2)
    assert [event.kind for event in events] == ["ADDED", "MODIFIED"]
    assert events[1].obj["status"]["phase"] == "Pending"


async def test_a_watch_resumes_after_the_last_event(subject: Subject) -> None:
    """No event is reported twice."""
    feed = subject.feed("PeragoAttempt")
    _, since = await listed(feed)
    for name in ("a1", "a2"):
        await subject.cluster.create_attempt(subject.namespace, attempt(name))
    first = (await first_events(feed, since, 1))[0]
    second = (await first_events(feed, first.resource_version, 1))[0]
    assert (first.obj["metadata"]["name"], second.obj["metadata"]["name"]) == ("a1", "a2")


@pytest.mark.parametrize("levels", [300, 5_000])
async def test_an_object_of_any_depth_hides_no_other(real_subject: Subject, kubectl: Kubectl, levels: int) -> None:
    """The API server takes 10,000 levels: in a list and in a watch, the object is there and says what is wrong."""
    feed, namespace = real_subject.feed("PeragoAttempt"), real_subject.namespace
    _, since = await listed(feed)
    deep = attempt("deep") | {"metadata": {"name": "deep", "namespace": namespace}}
    text = json.dumps(deep).replace('{"params": {}}', '{"a":' * levels + "1" + "}" * levels)
    kubectl("create", "-f", "-", "--namespace", namespace, stdin=text)
    await real_subject.cluster.create_attempt(namespace, attempt("plain"))
    events = await first_events(feed, since, 2)
    assert [event.obj["metadata"]["name"] for event in events] == ["deep", "plain"]
    page = await feed.page(None)
    problems = {one.metadata.name: one.problem for one in (read(PeragoAttempt, item) for item in page.items)}
    assert problems.keys() == {"deep", "plain"}
    assert (problems["plain"], "more than 100 levels" in str(problems["deep"])) == (None, True)


async def test_a_version_from_before_the_servers_memory_is_expired(subject: Subject) -> None:
    """The watch then lists again."""
    if subject.fake is not None:
        subject.fake.add({"kind": "Other", "metadata": {"namespace": "x", "name": "y"}})
        feed = subject.fake.feed("PeragoAttempt")
        feed.forget()
        with pytest.raises(Expired):
            await first_events(feed, "0", 1)
        return
    with pytest.raises(Expired):
        await first_events(subject.feed("PeragoAttempt"), "1", 1)
