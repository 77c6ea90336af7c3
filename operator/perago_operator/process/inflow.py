"""Where watched objects go: into the stores, and on to the pollers that a change concerns.

It knows stores and pollers, not where objects come from.
"""

from perago_operator.api.shared import Key
from perago_operator.bridge.pollers import Pollers
from perago_operator.ports import Manifest, Sinks, key_of
from perago_operator.watch.stores import AttemptStore, Stores, TaskStore, task_key


def inflow(stores: Stores, pollers: Pollers) -> Sinks:
    """The way into the stores for attempts and PeragoTasks."""
    return Sinks(AttemptInflow(stores.attempts, pollers), TaskInflow(stores.tasks, pollers))


class AttemptInflow:
    """Attempts: a change may make room for another one of the same PeragoTask."""

    def __init__(self, store: AttemptStore, pollers: Pollers) -> None:
        self._store = store
        self._pollers = pollers

    def put(self, obj: Manifest) -> None:
        self._store.put(obj)
        self._wake(key_of(obj))

    def remove(self, key: Key) -> None:
        self._wake(key)
        self._store.remove(key)

    def _wake(self, key: Key) -> None:
        attempt = self._store.get(key)
        task = task_key(attempt) if attempt else None
        if task is not None:
            self._pollers.wake(task)


class TaskInflow:
    """PeragoTasks: each has a poller."""

    def __init__(self, store: TaskStore, pollers: Pollers) -> None:
        self._store = store
        self._pollers = pollers

    def put(self, obj: Manifest) -> None:
        self._store.put(obj)
        task = self._store.get(key_of(obj))
        if task is not None:
            self._pollers.put(task)

    def remove(self, key: Key) -> None:
        self._store.remove(key)
        self._pollers.remove(key)
