"""What the stores keep, and whom they notify."""

from typing import Any

import pytest

from perago.wire.depth import MOST_LEVELS
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.shared import Key
from perago_operator.watch.rooms import age
from perago_operator.watch.stores import Stores
from tests import builders as b

KEY = Key("ns", b.NAME)


class Heard:
    """Stores, and the keys that their listener heard."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.stores = Stores(self.keys.append)

    def since(self) -> list[Key]:
        """What was heard since the last time."""
        heard, self.keys[:] = list(self.keys), []
        return heard


@pytest.fixture
def heard() -> Heard:
    """Empty stores."""
    return Heard()


def named(name: str, version: int = 1, **changes: Any) -> dict[str, Any]:
    """An attempt of that name."""
    meta = {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version), **changes.pop("meta", {})}
    return b.attempt(meta=meta, **changes)


def test_a_newer_version_replaces_an_older_one(heard: Heard) -> None:
    """The source does not matter: a watch, or the answer to our own patch."""
    heard.stores.attempts.put(named("a", 5, status={"phase": "Running"}))
    heard.stores.attempts.put(named("a", 4, status={"phase": "Starting"}))
    attempt = heard.stores.attempts.get(Key("ns", "a"))
    assert attempt is not None
    assert attempt.status.phase == "Running"
    assert heard.since() == [("ns", "a")]


def test_versions_are_numbers(heard: Heard) -> None:
    """10 is newer than 9."""
    heard.stores.attempts.put(named("a", 9))
    heard.stores.attempts.put(named("a", 10))
    assert heard.stores.attempts.versions() == {("ns", "a"): "10"}


def test_a_spec_is_read_once_for_each_generation(heard: Heard) -> None:
    """An input may be large, and a status changes often."""

    def put(version: int, generation: int, **changes: Any) -> PeragoAttempt:
        heard.stores.attempts.put(named("a", version, meta={"generation": generation}, **changes))
        attempt = heard.stores.attempts.get(Key("ns", "a"))
        assert attempt is not None
        return attempt

    first, running = put(1, 1), put(2, 1, status={"phase": "Running"})
    assert (running.spec is first.spec, running.status.phase) == (True, "Running")
    assert put(3, 2, cancel=True).spec.cancel is True


def test_another_object_of_the_name_replaces_it(heard: Heard) -> None:
    """Whatever its version: the uid differs."""
    heard.stores.attempts.put(named("a", 9))
    heard.stores.attempts.put(named("a", 8, meta={"uid": "another"}))
    attempt = heard.stores.attempts.get(Key("ns", "a"))
    assert attempt is not None
    assert attempt.metadata.uid == "another"


def test_a_late_answer_does_not_bring_a_removed_object_back(heard: Heard) -> None:
    """Its deletion was seen first."""
    heard.stores.attempts.put(named("a"))
    heard.stores.attempts.remove(Key("ns", "a"))
    heard.stores.attempts.put(named("a", 99))
    assert heard.stores.attempts.get(Key("ns", "a")) is None


def test_an_object_of_which_a_part_cannot_be_read_says_so(heard: Heard) -> None:
    """It is there without that part, for somebody has to tell people; another version of it changes nothing."""
    bad = named("a")
    bad["spec"]["input"] = {"params": b.nested(MOST_LEVELS)}
    heard.stores.attempts.put(bad)
    heard.stores.attempts.put(bad | {"metadata": bad["metadata"] | {"resourceVersion": "2"}})
    attempt = heard.stores.attempts.get(Key("ns", "a"))
    assert attempt is not None
    assert attempt.problem == "spec.input: it has more than 100 levels of lists and objects. Make it flatter"
    assert (attempt.spec.input, attempt.spec.conductor is None) == (None, False)


def test_an_object_without_a_name_is_left_out(heard: Heard) -> None:
    """It must not stop the watch."""
    heard.stores.attempts.put(named("a") | {"metadata": {"name": "a", "labels": 3, "creationTimestamp": "?"}})
    heard.stores.attempts.put(named("b") | {"metadata": {"name": 7}})
    assert [attempt.metadata.name for attempt in heard.stores.attempts] == ["a"]


def test_siblings_hear_of_each_other(heard: Heard) -> None:
    """A retry waits for the earlier one."""
    heard.stores.attempts.put(named("a"))
    heard.since()
    heard.stores.attempts.put(named("b", conductor=b.conductor_task(task_id="b", retry_count=1, seq=2).to_json()))
    assert set(heard.since()) == {("ns", "a"), ("ns", "b")}
    heard.stores.attempts.remove(Key("ns", "a"))
    assert ("ns", "b") in heard.since()


def test_standalone_attempts_have_no_siblings(heard: Heard) -> None:
    """They belong to no logical task."""
    first, second = named("a", standalone=True), named("b", standalone=True)
    heard.stores.attempts.put(first)
    heard.stores.attempts.put(second)
    assert [heard.stores.attempts.siblings(attempt) for attempt in heard.stores.attempts] == [[], []]


def test_a_task_concerns_the_attempts_that_refer_to_it(heard: Heard) -> None:
    """Those without an outcome, and only when its spec changed."""
    heard.stores.attempts.put(named("a", taskRef={"name": "build"}))
    heard.stores.attempts.put(named("b", taskRef={"name": "build"}, status={"outcome": b.completed()}))
    heard.since()
    heard.stores.tasks.put(b.task("build"))
    assert heard.since() == [("ns", "a")]
    status_only = b.task("build")
    status_only["metadata"]["resourceVersion"] = "2"
    heard.stores.tasks.put({**status_only, "status": {"active": 1}})
    assert heard.since() == []


def test_unfinished_attempts_are_known_by_task(heard: Heard) -> None:
    """The poller's room; one with an outcome takes none."""
    heard.stores.attempts.put(named("a", taskRef={"name": "build"}))
    heard.stores.attempts.put(named("b", taskRef={"name": "build"}, status={"outcome": b.completed()}))
    assert [attempt.metadata.name for attempt in heard.stores.attempts.unfinished(Key("ns", "build"))] == ["a"]
    assert heard.stores.attempts.unfinished(Key("other", "build")) == []


def test_another_attempt_of_the_name_may_belong_to_another_task(heard: Heard) -> None:
    """Deleted and created again while nobody watched: the former PeragoTask has it no more."""
    heard.stores.attempts.put(named("a", taskRef={"name": "build"}))
    heard.stores.attempts.put(named("a", 2, meta={"uid": "another"}, taskRef={"name": "test"}))
    heard.stores.attempts.remove(Key("ns", "a"))
    assert heard.stores.attempts.unfinished(Key("ns", "build")) == []


def test_an_outcome_makes_room_for_those_that_wait(heard: Heard) -> None:
    """The next one looks again; those with a pod need not."""
    for name, status in (("a", {"podName": "a-1"}), ("b", {"podName": "b-1"}), ("c", {})):
        conductor = b.conductor_task(task_id=name, workflow_instance_id=name).to_json()
        heard.stores.attempts.put(named(name, taskRef={"name": "build"}, conductor=conductor, status=status))
    waiting = heard.stores.attempts.get(Key("ns", "c"))
    assert waiting is not None
    assert heard.stores.attempts.ahead(waiting, 2) == 2
    heard.since()
    conductor = b.conductor_task(task_id="a", workflow_instance_id="a").to_json()
    done = named("a", 2, taskRef={"name": "build"}, conductor=conductor, status={"outcome": b.completed()})
    heard.stores.attempts.put(done)
    assert heard.since() == [("ns", "a"), ("ns", "c")]


def test_the_oldest_attempt_comes_first(heard: Heard) -> None:
    """By creation, then by name."""
    for name, second in (("c", 0), ("a", 5), ("b", 0)):
        meta = {"creationTimestamp": b.stamp(second)}
        heard.stores.attempts.put(named(name, taskRef={"name": "build"}, meta=meta))
    ordered = heard.stores.attempts.unfinished(Key("ns", "build"))
    assert [attempt.metadata.name for attempt in ordered] == ["b", "c", "a"]
    assert age(ordered[0]) < age(ordered[1])


def test_pods_are_known_by_attempt(heard: Heard) -> None:
    """The label says whose they are; their attempt hears of them."""
    heard.stores.pods.put(b.pod(2))
    heard.stores.pods.put(b.pod(1))
    assert heard.since() == [KEY, KEY]
    assert [pod.name for pod in heard.stores.pods.of(KEY)] == ["a1-1", "a1-2"]
    heard.stores.pods.remove(Key("ns", "a1-1"))
    assert [pod.name for pod in heard.stores.pods.of(KEY)] == ["a1-2"]


def test_removing_what_is_not_there_tells_nobody(heard: Heard) -> None:
    """A watch may say it twice."""
    heard.stores.pods.remove(Key("ns", "a1-1"))
    assert heard.since() == []


def test_repositories_with_staging_branches_are_remembered(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest ones, also after their attempts are gone; one that is named again counts as new."""
    monkeypatch.setattr("perago_operator.watch.stores.MOST_REPOSITORIES", 2)
    attempts = heard.stores.attempts
    for repository in ("one", "two", "one", "three"):
        put = named(repository, len(heard.keys) + 1, input=b.INPUT | {"workspace": {"repository": repository}})
        staging = {"repository": repository, "branch": b.staging_branch(put), "state": "Deleted"}
        attempts.put({**put, "status": {"staging": staging}})
    attempts.put(named("none"))
    attempts.remove(Key("ns", "three"))
    assert attempts.repositories() == ["one", "three"]


def test_removed_objects_are_remembered_by_their_uid(heard: Heard) -> None:
    """Others were never here, or still are."""
    attempts = heard.stores.attempts
    for name in ("gone", "here"):
        attempts.put(named(name))
    attempts.remove(Key("ns", "gone"))
    assert [attempts.was_removed(uid) for uid in ("uid-gone", "uid-here", "uid-other")] == [True, False, False]
