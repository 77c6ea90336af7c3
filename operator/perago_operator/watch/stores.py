"""What the watches have shown: attempts, tasks and pods, as frozen models, with the indices that decisions need.

Fed by the watches and by the answers of our own writes; whichever is newer counts. Every change names the attempts that
it concerns to a listener. The stores read no clock and make no call.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from loguru import logger
from pydantic import ValidationError

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.shared import ApiObject, Key, Metadata
from perago_operator.api.task import PeragoTask
from perago_operator.core import names
from perago_operator.core.pod.model import Pod
from perago_operator.ports import Manifest

Listener = Callable[[Key], None]

REMEMBERED = 1024
"""Uids of removed objects that are remembered: an answer of ours that arrives late must not bring one back."""


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

    def __iter__(self) -> Iterator[Model]:
        return iter(list(self._objects.values()))

    def __len__(self) -> int:
        return len(self._objects)

    def versions(self) -> dict[Key, str]:
        """Resource version of each object."""
        return {key: each.metadata.resource_version for key, each in self._objects.items()}

    def put(self, obj: Manifest) -> None:
        """The object as it is now, or was: an older version than the one at hand is ignored."""
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
        """The object as a model; one that an older CRD let through is left out, and said so."""
        try:
            return self._model.model_validate(obj)
        except ValidationError as error:
            metadata = obj.get("metadata", {})
            where = f"{metadata.get('namespace')}/{metadata.get('name')}"
            problems = "; ".join(f"{each['loc']}: {each['msg']}" for each in error.errors(include_input=False))
            logger.error("{} {} cannot be read and is left alone: {}", self._model.__name__, where, problems)
            return None

    def _changed(self, key: Key, old: Model | None, new: Model | None) -> None:
        """For indices and listeners; one of `old` and `new` is there."""


def _is_newer(new: Metadata, old: Metadata) -> bool:
    """Whether `new` replaces `old`: another object of the name does, else the higher version."""
    return new.uid != old.uid or _version(new) > _version(old)


def _version(metadata: Metadata) -> int:
    return int(metadata.resource_version) if metadata.resource_version.isdecimal() else 0


class AttemptStore(Store[PeragoAttempt]):
    """Attempts, by logical task and by PeragoTask."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(PeragoAttempt)
        self._listener = listener
        self._by_logical: defaultdict[Key, set[Key]] = defaultdict(set)
        self._by_task: defaultdict[Key, set[Key]] = defaultdict(set)

    def exists(self, attempt: Key) -> bool:
        """Whether the watch has shown this attempt."""
        return attempt in self._objects

    def unfinished(self, task: Key) -> frozenset[str]:
        """Names of the attempts of this PeragoTask that have no outcome yet."""
        return frozenset(each.metadata.name for each in self.open_attempts(task))

    def open_attempts(self, task: Key) -> list[PeragoAttempt]:
        """Attempts of this PeragoTask without an outcome, oldest first."""
        found = (self._objects[key] for key in self._by_task.get(task, ()))
        return sorted((each for each in found if each.status.outcome is None), key=age)

    def siblings(self, attempt: PeragoAttempt) -> list[PeragoAttempt]:
        """Other attempts of the same logical task."""
        logical = _logical_key(attempt)
        own = attempt.metadata.key
        return [self._objects[key] for key in self._by_logical.get(logical, ()) if key != own] if logical else []

    def _changed(self, key: Key, old: PeragoAttempt | None, new: PeragoAttempt | None) -> None:
        attempt = new or old
        assert attempt is not None
        for index, at in ((self._by_logical, _logical_key(attempt)), (self._by_task, task_key(attempt))):
            if at is not None:
                _keep(index, at, key, present=new is not None)
        self._listener(key)
        for sibling in self.siblings(attempt):
            self._listener(sibling.metadata.key)
        if old and old.status.outcome is None and (new is None or new.status.outcome is not None):
            self._room_was_made(attempt)

    def _room_was_made(self, finished: PeragoAttempt) -> None:
        """Attempts that wait for room look again, the oldest first."""
        task = task_key(finished)
        for each in self.open_attempts(task) if task else ():
            if each.status.pod_name is None:
                self._listener(each.metadata.key)


def _keep(index: defaultdict[Key, set[Key]], at: Key, key: Key, *, present: bool) -> None:
    """Enter or remove a key; empty entries go."""
    if present:
        index[at].add(key)
        return
    index[at].discard(key)
    if not index[at]:
        del index[at]


def age(attempt: PeragoAttempt) -> tuple[str, str]:
    """Sorts attempts by creation, then by name."""
    created = attempt.metadata.creation_timestamp
    return created.isoformat() if created else "", attempt.metadata.name


def task_key(attempt: PeragoAttempt) -> Key | None:
    """The PeragoTask that an attempt refers to."""
    ref = attempt.spec.task_ref
    return Key(attempt.metadata.namespace, ref.name) if ref else None


def _logical_key(attempt: PeragoAttempt) -> Key | None:
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
        for each in self._attempts.open_attempts(key):
            self._listener(each.metadata.key)


class PodStore(Store[Pod]):
    """Pods by attempt: the label says whose a pod is, the owner's uid whether it is this very attempt's."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(Pod)
        self._listener = listener
        self._by_attempt: defaultdict[Key, set[Key]] = defaultdict(set)

    def of(self, attempt: Key) -> list[Pod]:
        """All pods of attempts of that name, by name."""
        found = [self._objects[key] for key in self._by_attempt.get(attempt, ())]
        return sorted(found, key=lambda each: each.name)

    def _changed(self, key: Key, old: Pod | None, new: Pod | None) -> None:
        pod = new or old
        assert pod is not None
        attempt = Key(key.namespace, pod.metadata.labels.get(names.ATTEMPT_LABEL, ""))
        _keep(self._by_attempt, attempt, key, present=new is not None)
        self._listener(attempt)


class Stores:
    """The three together; `listener` hears the key of every attempt that a change concerns."""

    def __init__(self, listener: Listener) -> None:
        self.attempts = AttemptStore(listener)
        self.tasks = TaskStore(self.attempts, listener)
        self.pods = PodStore(listener)
