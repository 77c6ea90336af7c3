"""Who is before whom in the queue for a branch, and who hears of a change."""

from typing import Any

import pytest

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.shared import Key
from perago_operator.watch.stores import Stores
from perago_operator.watch.turnqueues import TurnQueues
from tests import builders as b


class Heard:
    """Stores, and the names of the attempts that their listener heard."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.versions = 0
        self.stores = Stores(lambda key: self.names.append(key.name))

    def since(self) -> list[str]:
        """What was heard since the last time."""
        heard, self.names[:] = list(self.names), []
        return heard

    def put(self, name: str, status: dict[str, Any], namespace: str = "ns", **changes: Any) -> list[str]:
        """An attempt as it is now; returns who else hears of that."""
        self.versions += 1
        meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": str(self.versions)}
        meta |= {"generation": self.versions} | changes.pop("meta", {})
        self.stores.attempts.put(b.attempt(status=status, standalone=True, meta=meta, **changes))
        return [heard for heard in self.since() if heard != name]

    def ask(self, name: str, seconds: float, **marks: Any) -> list[str]:
        """It has asked for the turn at that second."""
        return self.put(name, b.turn(b.request(seconds=seconds), **marks))

    def before(self, name: str, namespace: str = "ns") -> str | None:
        """Who comes right before it."""
        attempt = self.stores.attempts.get(Key(namespace, name))
        assert attempt is not None
        found = self.stores.attempts.before_in_turn(attempt)
        return found.name if found else None

    def reserve(self, name: str) -> bool:
        """The turn is about to be granted."""
        attempt = self.stores.attempts.get(Key("ns", name))
        assert attempt is not None
        return self.stores.attempts.reserve_turn(attempt)


@pytest.fixture
def heard() -> Heard:
    """Empty stores."""
    return Heard()


def test_who_asked_first_comes_first(heard: Heard) -> None:
    """Whatever their names, to a fraction of a second."""
    heard.ask("a", 2)
    heard.ask("b", 1.25)
    heard.ask("c", 1.5)
    assert [heard.before(name) for name in "bca"] == [None, "b", "c"]


def test_those_who_asked_at_the_same_time_come_by_creation_and_name(heard: Heard) -> None:
    """So that the order is always the same."""
    for name, created in (("a", 5), ("c", 0), ("b", 0)):
        heard.put(name, b.turn(), meta={"name": name, "uid": name, "creationTimestamp": b.stamp(created)})
    assert [heard.before(name) for name in "bca"] == [None, "b", "c"]


def test_who_holds_the_turn_comes_before_older_requests(heard: Heard) -> None:
    """And waits for nobody."""
    heard.ask("a", 2, granted=b.request(seconds=2))
    heard.ask("b", 1)
    assert (heard.before("a"), heard.before("b")) == (None, "a")


def test_other_branches_and_repositories_have_turns_of_their_own(heard: Heard) -> None:
    """Nobody waits for them."""
    heard.ask("a", 1)
    for name, change in (("b", {"branch": "other"}), ("c", {"repository": "other"})):
        status = b.turn(b.request(seconds=2))
        heard.put(name, {**status, "workspace": {**status["workspace"], **change}})
    assert (heard.before("b"), heard.before("c")) == (None, None)


def test_namespaces_share_the_turns(heard: Heard) -> None:
    """They publish to the same lakeFS, as far as their attempts tell."""
    heard.ask("a", 1)
    heard.put("b", b.turn(b.request(seconds=2)), namespace="other")
    assert heard.before("b", "other") == "a"


def test_a_turn_that_is_given_back_wakes_the_next_one_alone(heard: Heard) -> None:
    """Not all who wait."""
    heard.ask("a", 1, granted=b.request(seconds=1))
    for number, name in enumerate("bcd"):
        heard.ask(name, 2 + number)
    assert heard.ask("a", 1, granted=b.request(seconds=1), returned=b.ticket()) == ["b"]


def test_a_holder_that_ends_wakes_the_next_one(heard: Heard) -> None:
    """Once its turn is taken away; an outcome alone does not say that its agent is gone."""
    held = b.turn(b.request(seconds=1), granted=b.request(seconds=1))
    heard.put("a", held)
    heard.ask("b", 2)
    assert heard.put("a", {**held, "outcome": b.failure()}) == []
    assert heard.before("b") == "a"
    assert heard.put("a", {**b.turn(b.request(seconds=1)), "outcome": b.failure()}) == ["b"]
    assert heard.before("b") is None


def test_an_attempt_waits_for_its_own_lost_execution(heard: Heard) -> None:
    """And says so."""
    heard.put("a", {**b.turn(b.request(1, 2, seconds=5), granted=b.request(seconds=1)), "executions": 2})
    heard.ask("b", 2)
    assert (heard.before("a"), heard.before("b")) == ("a", "a")


def test_a_holder_that_is_gone_wakes_the_next_one(heard: Heard) -> None:
    """The object was removed."""
    heard.ask("a", 1, granted=b.request(seconds=1))
    heard.ask("b", 2)
    heard.since()
    heard.stores.attempts.remove(Key("ns", "a"))
    assert heard.since() == ["a", "b"]


def test_one_that_leaves_the_queue_wakes_who_stood_behind_it(heard: Heard) -> None:
    """It waits behind somebody else now."""
    for number, name in enumerate("abcd"):
        heard.ask(name, number)
    assert heard.put("b", b.turn(b.request(seconds=1)), cancel=True) == ["c"]
    assert heard.before("c") == "a"


def test_one_that_comes_wakes_who_stands_behind_it(heard: Heard) -> None:
    """A request that was seen late; at the end of the queue it wakes nobody."""
    heard.ask("a", 1)
    heard.ask("c", 3)
    assert heard.ask("b", 2) == ["c"]
    assert heard.ask("d", 4) == []


def test_what_changes_no_place_wakes_nobody(heard: Heard) -> None:
    """Hundreds may wait for one branch."""
    heard.ask("a", 1, granted=b.request(seconds=1))
    heard.ask("b", 2)
    assert heard.put("a", {**b.turn(b.request(seconds=1), granted=b.request(seconds=1)), "step": "Publishing"}) == []
    assert heard.ask("b", 2, waiting=b.ticket(behind="ns/a")) == []


# --- a grant that is on its way


def test_while_a_turn_is_being_granted_nobody_else_is_given_it(heard: Heard) -> None:
    """Not even to an older request that was seen late."""
    heard.ask("b", 2)
    assert heard.reserve("b")
    heard.ask("a", 1)
    assert (heard.before("a"), heard.before("b")) == ("b", None)
    assert not heard.reserve("a")


def test_the_grant_takes_the_place_of_its_reservation(heard: Heard) -> None:
    """And ends as every turn does."""
    heard.ask("a", 1)
    heard.reserve("a")
    heard.ask("b", 2)
    assert heard.ask("a", 1, granted=b.request(seconds=1)) == []
    assert heard.before("b") == "a"
    assert heard.ask("a", 1, granted=b.request(seconds=1), returned=b.ticket()) == ["b"]


def test_a_reservation_is_for_one_request(heard: Heard) -> None:
    """Whoever asks anew cannot use the grant that is on its way."""
    heard.ask("b", 2)
    heard.reserve("b")
    heard.ask("a", 1)
    heard.put("b", b.turn(b.request(2, seconds=2)))
    assert (heard.before("a"), heard.before("b")) == (None, "a")


def test_a_reservation_ends_with_its_attempt(heard: Heard) -> None:
    """Another one of the name starts anew."""
    heard.ask("a", 1)
    heard.reserve("a")
    heard.ask("b", 2)
    heard.stores.attempts.remove(Key("ns", "a"))
    assert heard.before("b") is None
    heard.put("a", b.turn(b.request(seconds=3)), meta={"name": "a", "uid": "another"})
    assert (heard.before("a"), heard.before("b")) == ("b", None)


def test_a_change_that_moves_nobody_looks_at_no_other_attempt() -> None:
    """The usual one: a heartbeat of an attempt that waits among hundreds."""
    looked: list[Key] = []

    class Attempts(dict[Key, PeragoAttempt]):
        """Says which attempts were looked at."""

        def __getitem__(self, key: Key) -> PeragoAttempt:
            looked.append(key)
            return super().__getitem__(key)

    attempts = Attempts()
    queues = TurnQueues(attempts)
    for number in range(3):
        waiting = PeragoAttempt.model_validate(
            b.attempt(status=b.turn(b.request(seconds=number)), standalone=True, meta={"name": f"a{number}"})
        )
        attempts[waiting.metadata.key] = waiting
        queues.changed(waiting.metadata.key, None, waiting)
    looked.clear()
    assert queues.changed(waiting.metadata.key, waiting, waiting) == set()
    assert looked == []
