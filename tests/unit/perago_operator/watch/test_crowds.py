"""Who has a pod, who waits for room, and who is woken when there may be some."""

from typing import Any

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.shared import Key
from perago_operator.core.room import Crowd, Scope
from perago_operator.watch.crowds import WOKEN, Crowds
from tests import builders as b


def named(
    name: str, second: int = 0, *, namespace: str = "ns", task: str | None = "build", **status: Any
) -> PeragoAttempt:
    """An attempt of that name, made so many seconds after the start."""
    meta = {"name": name, "uid": f"uid-{name}", "creationTimestamp": b.stamp(second), "namespace": namespace}
    spec = {"taskRef": {"name": task}} if task else {}
    return PeragoAttempt.model_validate(b.attempt(meta=meta, standalone=True, status=status, **spec))


def running(name: str, node: str = "n1", **more: Any) -> PeragoAttempt:
    """One whose pod runs."""
    return named(name, podName=f"{name}-1", phase="Running", nodeName=node, **more)


def put(crowds: Crowds, *attempts: PeragoAttempt) -> list[str]:
    """The store shows them; returns who looks again."""
    return [key.name for attempt in attempts for key in crowds.changed(attempt.metadata.key, attempt)]


ME = named("me", 100)


def test_attempts_count_by_namespace_and_node() -> None:
    """One that has ended counts nowhere; one without a pod is only unfinished."""
    crowds = Crowds(lambda _: None)
    others = running("b", "n2", task="test"), running("c", namespace="other")
    put(crowds, running("a"), *others, named("d", podName="d-1"))
    put(crowds, running("e", outcome=b.completed()), named("f"))
    assert crowds.crowd(ME) == Crowd(namespace=3, nodes=4, starting=1, used_nodes=2, running=3)
    assert (crowds.unfinished("ns"), crowds.unfinished("other")) == (4, 1)


def test_what_is_gone_counts_no_more() -> None:
    """Neither do its node and its namespace."""
    crowds = Crowds(lambda _: None)
    put(crowds, running("a"), named("b", podName="b-1"))
    for name in ("a", "b"):
        crowds.changed(Key("ns", name), None)
    assert (crowds.crowd(ME), crowds.unfinished("ns")) == (Crowd(), 0)


def test_room_is_taken_before_the_pod_is_seen() -> None:
    """By one attempt alone, which is not in its own way; what comes to nothing gives the room back."""
    crowds = Crowds(lambda _: None)
    crowds.take(named("a"))
    assert crowds.crowd(ME).namespace == 1
    assert crowds.crowd(named("a")).namespace == 0
    put(crowds, named("a", phase="Pending"))
    assert crowds.crowd(ME).namespace == 1
    crowds.stay_out(named("a"), None)
    assert crowds.crowd(ME).namespace == 0


def test_those_that_wait_are_in_the_way_of_younger_ones() -> None:
    """Where they wait, and nowhere else; one that something else holds up is in nobody's way."""
    crowds = Crowds(lambda _: None)
    for second, scope in (
        (1, Scope.NAMESPACE),
        (2, Scope.NAMESPACE),
        (3, Scope.NODES),
        (4, None),
        (200, Scope.NAMESPACE),
    ):
        crowds.stay_out(named(f"w{second}", second), scope)
    assert crowds.crowd(ME) == Crowd(namespace=2, nodes=1)
    assert (crowds.waits(Key("ns", "w1")), crowds.waits(Key("ns", "w4"))) == (True, False)
    crowds.stay_out(named("w1", 1), Scope.STARTING)
    crowds.stay_out(named("w2", 2), Scope.TASK)  # which is kept elsewhere
    assert crowds.crowd(ME) == Crowd(nodes=1, starting=1)


def test_an_end_wakes_the_first_few_that_wait_there() -> None:
    """The oldest ones, however many wait; each that takes its room, or gives up, wakes those behind it."""
    crowds = Crowds(lambda _: None)
    put(crowds, running("a"))
    names = [f"w{number}" for number in range(10)]
    for number in reversed(range(10)):
        crowds.stay_out(named(names[number], number), Scope.NAMESPACE)
    assert put(crowds, running("a", outcome=b.completed())) == names[:WOKEN]
    assert [key.name for key in crowds.take(named("w0", 0))] == names[1 : 1 + WOKEN]
    assert [key.name for key in crowds.stay_out(named("w1", 1), Scope.NODES)] == names[2 : 2 + WOKEN]
    assert [key.name for key in crowds.changed(Key("ns", "w2"), None)] == names[3 : 3 + WOKEN]
    assert crowds.stay_out(named("w3", 3), Scope.NAMESPACE) == []


def test_a_start_wakes_those_that_wait_for_it_in_its_namespace() -> None:
    """It is no longer starting."""
    crowds = Crowds(lambda _: None)
    put(crowds, named("a", podName="a-1"), running("z"))
    crowds.stay_out(named("w"), Scope.STARTING)
    crowds.stay_out(named("x", namespace="other"), Scope.STARTING)
    assert (crowds.is_crowded("ns"), crowds.is_crowded("third")) == (True, False)
    assert put(crowds, running("a")) == ["w"]
    crowds.take(named("w"))
    assert not crowds.is_crowded("ns")


def test_another_node_wakes_all_that_wait_for_nodes() -> None:
    """It makes room in every namespace."""
    crowds = Crowds(lambda _: None)
    put(crowds, running("a"))
    crowds.stay_out(named("w"), Scope.NODES)
    crowds.stay_out(named("x", namespace="other"), Scope.STARTING)
    crowds.stay_out(named("y"), Scope.NAMESPACE)
    assert sorted(put(crowds, running("b", "n2", namespace="third"))) == ["w", "x"]


def test_a_pod_that_runs_counts_before_its_attempts_status_says_so() -> None:
    """The status is written later, or by another process."""
    crowds = Crowds(lambda attempt: "n1" if attempt.metadata.name == "a" else None)
    put(crowds, named("a"), named("b"))
    assert crowds.crowd(ME) == Crowd(namespace=1, nodes=1, used_nodes=1, running=1)
