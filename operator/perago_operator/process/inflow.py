"""Where watched objects go: into the stores, and on to the pollers that a change concerns.

It knows stores and pollers, not where objects come from.
"""

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.shared import Key
from perago_operator.bridge.pollers import Pollers
from perago_operator.ports import FinishedObserver, Manifest, key_of
from perago_operator.process.taskgauges import finished
from perago_operator.process.transitions import tell
from perago_operator.watch.stores import Stores, TaskStore


def inflow(stores: Stores, pollers: Pollers, observe: FinishedObserver) -> "TaskInflow":
    """The way into the stores for PeragoTasks, and what a change of an attempt means to pollers, log and metrics.

    One that ends makes room for another one; `observe` is called once for each of which nothing is left to do.
    """

    def changed(before: PeragoAttempt | None, after: PeragoAttempt) -> None:
        pollers.heard(after)
        tell(before, after)
        if ended := finished(before, after):
            observe(ended)

    stores.attempts.when_changed = changed
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
