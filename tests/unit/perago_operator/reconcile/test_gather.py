"""From stores and memory to situations."""

from datetime import timedelta
from typing import Any

from perago_operator.api.shared import Key
from perago_operator.clocks import Instant
from perago_operator.core.config import Config
from perago_operator.core.pod.model import Pod
from perago_operator.core.situation import Situation
from perago_operator.reconcile.gather import gather, orphans
from perago_operator.watch.stores import Stores
from tests import builders as b

KEY = Key("ns", b.NAME)
RETRY = b.conductor_task(task_id="a2", retry_count=1, seq=2).to_json()


def stores(*objects: dict[str, Any]) -> Stores:
    """Stores with these objects."""
    filled = Stores(lambda _: None)
    kinds: dict[str, Any] = {"PeragoAttempt": filled.attempts, "PeragoTask": filled.tasks, "Pod": filled.pods}
    for obj in objects:
        kinds[obj["kind"]].put(obj)
    return filled


def gathered(*objects: dict[str, Any], name: str = b.NAME, **memory: Any) -> Situation:
    """The situation of the attempt of that name."""
    filled = stores(*objects)
    attempt = filled.attempts.get(Key("ns", name))
    assert attempt is not None
    return gather(attempt, filled, b.memory(**memory), Instant(b.at(1), 1.0, timedelta(0)), Config())


def retry_of(earlier: dict[str, Any], *others: dict[str, Any]) -> Situation:
    """The situation of the retry of an attempt."""
    later = b.attempt(conductor=RETRY, meta={"name": "a2", "uid": "uid-a2"})
    return gathered(earlier, later, *others, name="a2")


def test_the_task_is_the_one_of_the_reference() -> None:
    """In the attempt's own namespace."""
    referring = b.attempt(taskRef={"name": "build"})
    s = gathered(referring, b.task("build"))
    assert s.task is not None
    assert gathered(referring, b.task("other")).task is None


def test_only_pods_of_this_very_attempt_count() -> None:
    """An earlier object of the same name may have left one behind."""
    s = gathered(b.attempt(), b.pod(1, uid="another"), b.pod(2), created=frozenset({"a1-1", "a1-2"}))
    assert [pod.name for pod in s.pods] == ["a1-2"]
    assert (set(s.memory.created), s.names_taken) == ({"a1-2"}, frozenset({"a1-1"}))


def test_an_earlier_attempt_with_a_pod_is_not_settled() -> None:
    """It may still publish."""
    assert retry_of(b.attempt(status={"podName": "a1-1"})).unsettled_earlier is not None
    assert retry_of(b.attempt(), b.pod()).unsettled_earlier is not None


def test_an_earlier_attempt_with_an_outcome_is_settled_once_its_branch_is_gone() -> None:
    """A staging branch could still be merged by a zombie."""
    ended = b.attempt(status={"outcome": b.failure(), "staging": b.STAGING})
    assert retry_of(ended).unsettled_earlier is not None
    gone = b.attempt(status={"outcome": b.failure(), "staging": {**b.STAGING, "state": "Deleted"}})
    assert retry_of(gone, b.pod()).unsettled_earlier is None


def test_an_earlier_attempt_that_never_started_is_settled() -> None:
    """It gets no pod any more: a later one exists."""
    assert retry_of(b.attempt()).unsettled_earlier is None


def test_those_ahead_have_a_pod_or_are_older() -> None:
    """Counted only where a limit applies."""

    def waiting(name: str, second: int, **status: Any) -> dict[str, Any]:
        meta = {"name": name, "uid": f"uid-{name}", "creationTimestamp": b.stamp(second)}
        return b.attempt(meta=meta, standalone=True, taskRef={"name": "build"}, status=status)

    others = [
        waiting("a0", 0),
        waiting("a2", 2, podName="a2-1"),
        waiting("a3", 3),
        waiting("a4", 0, outcome=b.failure()),
    ]
    assert gathered(waiting("a1", 1), *others, b.task("build", maxConcurrency=3)).ahead == 2
    assert gathered(waiting("a1", 1), *others, b.task("build")).ahead == 0


def test_orphans_are_held_and_being_deleted() -> None:
    """Others are not ours, or will first be deleted by the garbage collector."""
    leaving = b.pod(1, meta={"deletionTimestamp": b.stamp(1)})
    released = b.pod(2, meta={"deletionTimestamp": b.stamp(1), "finalizers": []})
    assert orphans(stores(leaving, released, b.pod(3)), KEY) == (Pod.model_validate(leaving),)
