"""What the watches have shown: attempts, tasks and pods, as frozen models, with the indices that decisions need.

Fed by the watches and by the answers to our own writes; whichever is newer counts. A listener hears the keys of the
attempts that a change concerns. The stores read no clock and make no call.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from loguru import logger
from pydantic import ValidationError

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.base import problems_of
from perago_operator.api.shared import ApiObject, Key, Metadata
from perago_operator.api.task import PeragoTask
from perago_operator.core.names import ATTEMPT_LABEL
from perago_operator.core.pod.model import Pod
from perago_operator.ports import Manifest
from perago_operator.watch.index import Index
from perago_operator.watch.turnqueues import TurnQueues

Listener = Callable[[Key], None]

REMEMBERED = 1024
"""Uids of removed objects that are remembered: an answer of ours that arrives late must not bring one back."""

NO_POD_YET = frozenset({None, "Pending", "Starting"})
"""Phases of an attempt that waits for a pod or for its start."""

Model = TypeVar("Model", bound=ApiObject)


class Store(Generic[Model]):
    """Objects of one kind by key; newer versions replace older ones, removed objects stay removed."""

    def __init__(self, model: type[Model]) -> None:
        self._model = model
        self._objects: dict[Key, Model] = {}
        self._removed: deque[str] = deque(maxlen=REMEMBERED)

    def get(self, key: Key) -> Model | None:
        """The object as it was last seen."""
        return self._objects.get(key)

    def __contains__(self, key: Key) -> bool:
        return key in self._objects

    def __iter__(self) -> Iterator[Model]:
        return iter(list(self._objects.values()))

    def __len__(self) -> int:
        return len(self._objects)

    def was_removed(self, uid: str) -> bool:
        """Whether an object with this uid has gone, as far as that is remembered."""
        return uid in self._removed

    def versions(self, namespace: str | None = None) -> dict[Key, str]:
        """Resource version of each object, of one namespace or (None) of all."""
        return {
            key: obj.metadata.resource_version
            for key, obj in self._objects.items()
            if namespace in (None, key.namespace)
        }

    def put(self, obj: Manifest) -> None:
        """The object as it is now, or was: a version older than the one in the store is ignored."""
        new = self._read(obj)
        if new is None:
            return
        key = new.metadata.key
        old = self._objects.get(key)
        if new.metadata.uid in self._removed or (old and not _is_newer(new.metadata, old.metadata)):
            return
        self._objects[key] = new
        self._changed(key, old, new)

    def remove(self, key: Key) -> None:
        """The object is gone."""
        old = self._objects.pop(key, None)
        if old is not None:
            self._removed.append(old.metadata.uid)
            self._changed(key, old, None)

    def _read(self, obj: Manifest) -> Model | None:
        """The object as a model; one that an older CRD let through is logged and left out."""
        try:
            return self._model.model_validate(obj)
        except ValidationError as error:
            metadata = obj.get("metadata", {})
            where = f"{metadata.get('namespace')}/{metadata.get('name')}"
            logger.error("{} {} cannot be read and is left alone: {}", self._model.__name__, where, problems_of(error))
            return None

    def _changed(self, key: Key, old: Model | None, new: Model | None) -> None:
        """For indices and listeners; at least one of `old` and `new` is there."""


def _is_newer(new: Metadata, old: Metadata) -> bool:
    """Whether `new` replaces `old`: another object of the name does, else the higher version."""
    return new.uid != old.uid or _version(new) > _version(old)


def _version(metadata: Metadata) -> int:
    return int(metadata.resource_version) if metadata.resource_version.isdecimal() else 0


class AttemptStore(Store[PeragoAttempt]):
    """Attempts, by logical task, by PeragoTask, and by the branch that they ask or hold a turn for."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(PeragoAttempt)
        self._listener = listener
        self._repositories: dict[str, None] = {}
        self._by_logical_task = Index(_logical_task)
        self._by_peragotask = Index(task_key)
        self._turns = TurnQueues(self._objects)

    def unfinished(self, peragotask: Key) -> list[PeragoAttempt]:
        """Attempts of this PeragoTask without an outcome, oldest first."""
        attempts = (self._objects[key] for key in self._by_peragotask[peragotask])
        return sorted((attempt for attempt in attempts if attempt.status.outcome is None), key=age)

    def repositories(self) -> list[str]:
        """Repositories in which attempts had a staging branch, the latest last; so many are remembered."""
        return list(self._repositories)

    def without_running_pod(self, peragotask: Key) -> int:
        """How many of its unfinished attempts wait for a pod or for its start."""
        return sum(1 for attempt in self.unfinished(peragotask) if attempt.status.phase in NO_POD_YET)

    def siblings(self, attempt: PeragoAttempt) -> list[PeragoAttempt]:
        """Other attempts of the same logical task."""
        keys = self._by_logical_task[_logical_task(attempt)] - {attempt.metadata.key}
        return [self._objects[key] for key in keys]

    def before_in_turn(self, attempt: PeragoAttempt) -> Key | None:
        """Who comes right before this attempt, which asks for a turn and has none; None when nobody does."""
        return self._turns.before(attempt)

    def reserve_turn(self, attempt: PeragoAttempt) -> bool:
        """A turn is about to be granted to this attempt: until that is seen nobody else gets one.

        False when another attempt has come before it meanwhile.
        """
        return self._turns.reserve(attempt)

    def _changed(self, key: Key, old: PeragoAttempt | None, new: PeragoAttempt | None) -> None:
        for index in (self._by_logical_task, self._by_peragotask):
            index.changed(key, old, new)
        self._listener(key)
        for following in self._turns.changed(key, old, new):
            self._listener(following)
        if new and new.status.staging:
            self._remember(new.status.staging.repository)
        for attempt in (old, new):
            for sibling in self.siblings(attempt) if attempt else ():
                self._listener(sibling.metadata.key)
        if old and old.status.outcome is None and (new is None or new.status.outcome is not None):
            self._room_was_made(old)

    def _remember(self, repository: str) -> None:
        self._repositories.pop(repository, None)
        self._repositories[repository] = None
        if len(self._repositories) > REMEMBERED:
            del self._repositories[next(iter(self._repositories))]

    def _room_was_made(self, finished: PeragoAttempt) -> None:
        """Attempts that wait for room look again, the oldest first."""
        peragotask = task_key(finished)
        for attempt in self.unfinished(peragotask) if peragotask else ():
            if attempt.status.pod_name is None:
                self._listener(attempt.metadata.key)


def age(attempt: PeragoAttempt) -> tuple[str, str]:
    """Sorts attempts by creation, then by name."""
    created = attempt.metadata.creation_timestamp
    return created.isoformat() if created else "", attempt.metadata.name


def task_key(attempt: PeragoAttempt) -> Key | None:
    """The PeragoTask that an attempt refers to."""
    ref = attempt.spec.task_ref
    return Key(attempt.metadata.namespace, ref.name) if ref else None


def _logical_task(attempt: PeragoAttempt) -> Key | None:
    conductor = attempt.spec.conductor
    return Key(attempt.metadata.namespace, conductor.wire().logical_task) if conductor else None


class TaskStore(Store[PeragoTask]):
    """PeragoTasks; a change concerns the attempts that refer to it and have no outcome."""

    def __init__(self, attempts: AttemptStore, listener: Listener) -> None:
        super().__init__(PeragoTask)
        self._attempts = attempts
        self._listener = listener

    def _changed(self, key: Key, old: PeragoTask | None, new: PeragoTask | None) -> None:
        if old and new and old.spec == new.spec:
            return
        for attempt in self._attempts.unfinished(key):
            self._listener(attempt.metadata.key)


class PodStore(Store[Pod]):
    """Pods by attempt: label or owner says whose a pod is, the owner's uid whether it is this very attempt's."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(Pod)
        self._listener = listener
        self._by_attempt = Index(_attempt_of)

    def of(self, attempt: Key) -> list[Pod]:
        """All pods of attempts of that name, by name."""
        return sorted((self._objects[key] for key in self._by_attempt[attempt]), key=lambda pod: pod.name)

    def _changed(self, key: Key, old: Pod | None, new: Pod | None) -> None:
        self._by_attempt.changed(key, old, new)
        for attempt in {_attempt_of(pod) for pod in (old, new) if pod}:
            self._listener(attempt)


def _attempt_of(pod: Pod) -> Key:
    """By the label; by the owner for a pod that was looked for because it has lost its label, as no watch shows it."""
    owners = (owner.name for owner in pod.metadata.owner_references if owner.kind == "PeragoAttempt")
    return Key(pod.metadata.namespace, pod.metadata.labels.get(ATTEMPT_LABEL) or next(owners, ""))


class Stores:
    """The three together; `listener` hears the key of every attempt that a change concerns."""

    def __init__(self, listener: Listener) -> None:
        self.attempts = AttemptStore(listener)
        self.tasks = TaskStore(self.attempts, listener)
        self.pods = PodStore(listener)
