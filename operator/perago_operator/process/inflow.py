"""Where watched objects go: into the stores, and on to the pollers that a change concerns.

It knows stores and pollers, not where objects come from.
"""

from perago_operator.api.shared import Key
from perago_operator.bridge.pollers import Pollers
from perago_operator.ports import Manifest, key_of
from perago_operator.watch.stores import Stores, TaskStore


def inflow(stores: Stores, pollers: Pollers) -> "TaskInflow":
    """The way into the stores for PeragoTasks. An attempt that ends makes room for another one."""
    stores.attempts.when_finished = pollers.wake
    return TaskInflow(stores.tasks, pollers)


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
