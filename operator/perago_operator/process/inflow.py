"""Where watched objects go: into the stores, and on to the pollers that a change concerns.

It knows stores and pollers, not where objects come from.
"""

from typing import Generic, TypeVar

from perago_operator.api.shared import ApiObject, Key
from perago_operator.bridge.pollers import Pollers
from perago_operator.ports import Manifest, Sink, key_of
from perago_operator.watch.stores import AttemptStore, Store, TaskStore, task_key

Model = TypeVar("Model", bound=ApiObject)

NO_POD_YET = frozenset({None, "Pending", "Starting"})


class Room:
    """What pollers want to know of attempts."""

    def __init__(self, attempts: AttemptStore) -> None:
        self._attempts = attempts

    def exists(self, attempt: Key) -> bool:
        """Whether the watch has shown this attempt."""
        return self._attempts.exists(attempt)

    def unfinished(self, task: Key) -> frozenset[str]:
        """Names of the attempts of this PeragoTask that have no outcome yet."""
        return self._attempts.unfinished(task)

    def pending(self, task: Key) -> int:
        """How many of them have no running pod."""
        return sum(1 for each in self._attempts.open_attempts(task) if each.status.phase in NO_POD_YET)


class AttemptInflow:
    """Attempts; a change may make room for another of the same PeragoTask."""

    def __init__(self, store: AttemptStore, pollers: Pollers) -> None:
        self._store = store
        self._pollers = pollers

    def put(self, obj: Manifest) -> None:
        """See `watch.Sink`."""
        self._store.put(obj)
        self._wake(key_of(obj))

    def remove(self, key: Key) -> None:
        """See `watch.Sink`."""
        self._wake(key)
        self._store.remove(key)

    def _wake(self, key: Key) -> None:
        attempt = self._store.get(key)
        task = task_key(attempt) if attempt else None
        if task is not None:
            self._pollers.wake(task)


class TaskInflow:
    """PeragoTasks; each has a poller."""

    def __init__(self, store: TaskStore, pollers: Pollers) -> None:
        self._store = store
        self._pollers = pollers

    def put(self, obj: Manifest) -> None:
        """See `watch.Sink`."""
        self._store.put(obj)
        task = self._store.get(key_of(obj))
        if task is not None:
            self._pollers.put(task)

    def remove(self, key: Key) -> None:
        """See `watch.Sink`."""
        self._store.remove(key)
        self._pollers.remove(key)


class Audited(Generic[Model]):
    """One namespace's part of a store (None: all of it), for an audit; changes go through the inflow."""

    def __init__(self, store: Store[Model], inflow: Sink, namespace: str | None) -> None:
        self._store = store
        self._inflow = inflow
        self._namespace = namespace

    def versions(self) -> dict[Key, str]:
        """Resource version of each object."""
        found = (each.metadata for each in self._store)
        return {meta.key: meta.resource_version for meta in found if self._namespace in (None, meta.namespace)}

    def put(self, obj: Manifest) -> None:
        """See `watch.Sink`."""
        self._inflow.put(obj)

    def remove(self, key: Key) -> None:
        """See `watch.Sink`."""
        self._inflow.remove(key)
