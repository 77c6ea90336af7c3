"""Each attempt has a memory of its own, which every call adds to."""

from typing import Any

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.clocks import Clock
from perago_operator.core import actions as do
from perago_operator.core.config import Config
from perago_operator.reconcile.memories import Memories
from perago_operator.watch.stores import Stores
from tests import builders as b

CREATED = do.CreatePod("a1-1", {})
DELETED = do.DeletePod("a1-1", "uid-a1-1")


def memories(stores: Stores | None = None) -> Memories:
    """Nothing is remembered yet; it is second 1."""
    return Memories(stores or Stores(lambda _: None), Config(), Clock(lambda: 1.0, lambda: b.at(1)))


def attempt(**changes: Any) -> PeragoAttempt:
    """An attempt as the watch shows it."""
    return PeragoAttempt.model_validate(b.attempt(**changes))


def test_each_call_of_a_look_adds_to_what_the_others_have_taught() -> None:
    """The situation is that of the look's beginning; what is remembered is not."""
    remembered = memories()
    s = remembered.situation(attempt())
    remembered.succeeded(CREATED, s, None)
    remembered.succeeded(DELETED, s, None)
    memory = remembered.situation(attempt()).memory
    assert (memory.created, memory.deleted) == ({"a1-1": b.at(1)}, frozenset({"uid-a1-1"}))


def test_another_attempt_of_the_name_has_a_memory_of_its_own() -> None:
    """Its pod has yet to be created."""
    remembered = memories()
    remembered.succeeded(CREATED, remembered.situation(attempt()), None)
    assert remembered.situation(attempt(meta={"uid": "another"})).memory.created == {}


def test_an_attempt_that_another_process_served_is_doubted() -> None:
    """Calls of that process may still land, and the reports that it made are counted on."""
    served = attempt(status={"phase": "Finishing", "reporting": {"state": "Pending", "attempts": 3}})
    memory = memories().situation(served).memory
    assert (memory.adopted, memory.doubt_since, memory.reports) == (True, b.at(1), 3)
    new = memories().situation(attempt()).memory
    assert (new.adopted, new.doubt_since, new.reports) == (False, None, 0)


def test_an_attempt_whose_pod_is_there_is_doubted() -> None:
    """Another process has created it and died before it could say so."""
    stores = Stores(lambda _: None)
    stores.pods.put(b.pod())
    memory = memories(stores).situation(attempt()).memory
    assert (memory.adopted, memory.doubt_since) == (True, b.at(1))


def test_a_patched_attempt_is_known_at_once() -> None:
    """Before the watch shows it."""
    stores = Stores(lambda _: None)
    remembered = memories(stores)
    patched = b.attempt(meta={"resourceVersion": "2"}, status={"phase": "Pending"})
    remembered.succeeded(do.PatchStatus({}), remembered.situation(attempt()), patched)
    stored = stores.attempts.get(attempt().metadata.key)
    assert stored is not None
    assert stored.status.phase == "Pending"
