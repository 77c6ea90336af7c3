"""Who has a pod and who waits for one, of each PeragoTask: counted without looking at all of them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.shared import Key
from perago_operator.watch.rooms import Rooms, age
from tests import builders as b

BUILD = Key("ns", "build")


def attempt(name: str, second: int = 0, task: str = "build", **status: Any) -> PeragoAttempt:
    """An attempt of a PeragoTask that was created in that second."""
    meta = {"name": name, "uid": f"uid-{name}", "creationTimestamp": b.stamp(second)}
    return PeragoAttempt.model_validate(b.attempt(standalone=True, taskRef={"name": task}, meta=meta, status=status))


def rooms_of(*attempts: PeragoAttempt) -> Rooms:
    """The rooms with these attempts in them."""
    rooms = Rooms(lambda _: False)
    for one in attempts:
        rooms.changed(one.metadata.key, one)
    return rooms


def key(name: str) -> Key:
    """The key of an attempt."""
    return Key("ns", name)


def test_those_with_a_pod_and_older_ones_are_ahead() -> None:
    """Of the same PeragoTask, without an outcome."""
    rooms = rooms_of(
        attempt("old"),
        attempt("mine", 5),
        attempt("young", 9),
        attempt("young-with-pod", 9, podName="young-with-pod-1"),
        attempt("done", outcome=b.completed()),
        attempt("other", task="test"),
    )
    assert rooms.ahead(key("mine"), 1) == 2
    assert (rooms.count(BUILD), key("done") in rooms) == (4, False)


def test_a_pod_that_is_being_created_is_ahead() -> None:
    """Its attempt's status does not name it yet, and may not for a while."""
    mine, young = attempt("mine"), attempt("young", 9)
    rooms = rooms_of(mine, young)
    rooms.start(young)
    rooms.changed(key("young"), young)
    assert (rooms.ahead(key("mine"), 1), rooms.has_started(young)) == (1, True)
    rooms.did_not_start(key("young"))
    rooms.changed(key("young"), young)
    assert (rooms.ahead(key("mine"), 1), rooms.has_started(young)) == (0, False)


def test_the_next_execution_has_to_start_anew() -> None:
    """What was being created was the pod of the one before."""
    mine = attempt("mine")
    rooms = rooms_of(mine)
    rooms.start(mine)
    again = attempt("mine", executions=2)
    rooms.changed(key("mine"), again)
    assert not rooms.has_started(again)


def test_another_attempt_of_the_name_has_to_start_anew() -> None:
    """The pod of the one that is gone was being created."""
    mine = attempt("mine")
    rooms = rooms_of(mine)
    rooms.start(mine)
    rooms.changed(key("mine"), None)
    rooms.changed(key("mine"), mine)
    assert not rooms.has_started(mine)


def test_a_pod_that_no_status_names_counts() -> None:
    """A former leader has created it."""
    rooms = Rooms(lambda one: one.metadata.name == "a")
    for one in (attempt("a", 9), attempt("b")):
        rooms.changed(one.metadata.key, one)
    assert rooms.ahead(key("b"), 1) == 1


def test_an_end_lets_the_next_one_start_and_nobody_else() -> None:
    """However many wait."""
    waiting = [attempt(f"w{number}", number) for number in range(1, 6)]
    rooms = rooms_of(attempt("a", podName="a-1"), attempt("b", podName="b-1"), *waiting)
    assert rooms.ahead(key("w1"), 2) == 2
    assert rooms.changed(key("a"), attempt("a", podName="a-1", outcome=b.completed())) == [key("w1")]
    assert rooms.changed(key("b"), None) == [key("w1"), key("w2")]


def test_nobody_is_let_start_where_nobody_waits_for_room() -> None:
    """No look has asked who is ahead."""
    rooms = rooms_of(attempt("a", podName="a-1"), attempt("b"))
    assert rooms.changed(key("a"), None) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.sampled_from(["waits", "runs", "over", "gone"]))))
def test_counting_by_index_is_counting_all(changes: list[tuple[int, int, str]]) -> None:
    """Whatever happens to the attempts, and in whatever order."""
    rooms, attempts = Rooms(lambda _: False), dict[Key, PeragoAttempt]()
    for number, second, state in changes:
        name = f"a{number}"
        states: dict[str, dict[str, Any]] = {
            "runs": {"podName": f"{name}-1"},
            "over": {"outcome": b.completed()},
        }
        status = states.get(state, {})
        now = None if state == "gone" else attempt(name, second, **status)
        attempts.pop(key(name), None)
        if now is not None:
            attempts[key(name)] = now
        rooms.changed(key(name), now)
    unfinished = {where: one for where, one in attempts.items() if one.status.outcome is None}
    assert set(rooms.unfinished(BUILD)) == unfinished.keys()
    for where, mine in unfinished.items():
        if mine.status.pod_name is None:
            others = (other for other in unfinished.values() if other is not mine)
            assert rooms.ahead(where, 1) == sum(bool(o.status.pod_name) or age(o) < age(mine) for o in others)
