"""What the watches have shown: attempts, tasks and pods, as frozen models, with the indices that decisions need.

Fed by the watches and by the answers to our own writes; whichever is newer counts. A listener hears the keys of the
attempts that a change concerns. The stores read no clock and make no call.
"""

from collections.abc import Callable, Iterable, Iterator

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.shared import Key
from perago_operator.api.task import PeragoTask
from perago_operator.core.names import ATTEMPT_LABEL
from perago_operator.core.pod.model import Pod
from perago_operator.core.room import Scope
from perago_operator.core.staging import own_staging
from perago_operator.ports import Manifest
from perago_operator.watch.counts import Counts
from perago_operator.watch.crowds import Crowds
from perago_operator.watch.index import Index
from perago_operator.watch.rooms import Rooms, age, task_key
from perago_operator.watch.settled import without_payload
from perago_operator.watch.store import Store
from perago_operator.watch.turnqueues import TurnQueues

Listener = Callable[[Key], None]

MOST_REPOSITORIES = 1024
"""Repositories with staging branches that are remembered."""

NO_POD_YET = frozenset({None, "Pending", "Starting"})
"""Phases of an attempt that waits for a pod or for its start."""


def _unheard(*_: object) -> None:
    """The listener where nobody listens."""


class AttemptStore(Store[PeragoAttempt]):
    """Attempts, by logical task, by PeragoTask, and by the branch that they ask or hold a turn for.

    `has_pod` says whether a pod of an attempt is there, `running_on` on which node one runs.
    """

    def __init__(
        self,
        listener: Listener,
        has_pod: Callable[[PeragoAttempt], bool] = lambda _: False,
        running_on: Callable[[PeragoAttempt], str | None] = lambda _: None,
    ) -> None:
        super().__init__(PeragoAttempt)
        self._listener = listener
        self.when_shown: Listener = _unheard
        """Hears the key of an attempt that is seen for the first time."""
        self.when_changed: Callable[[PeragoAttempt | None, PeragoAttempt], None] = _unheard
        """Hears an attempt as it was, if it was known, and as it is now."""
        self.when_finished: Listener = _unheard
        """Hears the key of a PeragoTask of which an attempt has ended, or is gone."""
        self.counts = Counts()
        self._repositories: dict[str, None] = {}
        self._by_logical_task = Index(_logical_task)
        self._rooms = Rooms(has_pod)
        self.crowds = Crowds(running_on)
        self._turns = TurnQueues(self._objects)

    def unfinished(self, peragotask: Key) -> list[PeragoAttempt]:
        """Attempts of this PeragoTask without an outcome, oldest first."""
        return sorted((self._objects[key] for key in self._rooms.unfinished(peragotask)), key=age)

    def count_unfinished(self, peragotask: Key) -> int:
        """How many attempts of this PeragoTask have no outcome."""
        return self._rooms.count(peragotask)

    def is_unfinished(self, key: Key) -> bool:
        """An attempt of a PeragoTask has this key, and no outcome."""
        return key in self._rooms

    def ahead(self, attempt: PeragoAttempt, limit: int) -> int:
        """How many attempts of the same PeragoTask, of which so many may have a pod, have one or wait and are older."""
        return self._rooms.ahead(attempt.metadata.key, limit)

    def has_started(self, attempt: PeragoAttempt) -> bool:
        """It has a pod, or one is being created."""
        return self._rooms.has_started(attempt)

    def pods_changed(self, key: Key) -> None:
        """A pod of the attempt has come, has started, or is gone."""
        attempt = self._objects.get(key)
        self._tell((*self._rooms.changed(key, attempt), *self.crowds.changed(key, attempt)))

    def take_room(self, attempt: PeragoAttempt) -> None:
        """The attempt's pod is about to be created: until that is seen it counts all the same."""
        key = attempt.metadata.key
        self._rooms.start(attempt)
        self._tell((*self._rooms.changed(key, self._objects.get(key)), *self.crowds.take(attempt)))

    def stay_out(self, attempt: PeragoAttempt, scope: Scope | None) -> None:
        """The attempt has no pod and creates none now: it waits for room in this scope, or (None) for other things."""
        key = attempt.metadata.key
        self._rooms.did_not_start(key)
        self._tell((*self._rooms.changed(key, self._objects.get(key)), *self.crowds.stay_out(attempt, scope)))

    def _tell(self, woken: Iterable[Key]) -> None:
        """Attempts that wait for room look again, the oldest first."""
        for key in woken:
            self._listener(key)

    def waiting_for_room(self, peragotask: Key) -> int:
        """How many attempts of this PeragoTask wait below a limit of their namespace or of the nodes."""
        return sum(1 for key in self._rooms.unfinished(peragotask) if self.crowds.waits(key))

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

    def _borrowed(self, obj: Manifest, old: PeragoAttempt | None) -> Manifest:
        """The spec, which may hold a large input: it has a generation that changes with it."""
        kept = without_payload(obj)
        if old is None or not old.metadata.generation or kept is not obj:
            return kept
        uid, generation = obj["metadata"].get("uid"), obj["metadata"].get("generation")
        same = (uid, generation) == (old.metadata.uid, old.metadata.generation)
        return obj | {"spec": old.spec, "problem": old.problem} if same else obj

    def _changed(self, key: Key, old: PeragoAttempt | None, new: PeragoAttempt | None) -> None:
        self._by_logical_task.changed(key, old, new)
        self.counts.changed(old, new)
        if old is None:
            self.when_shown(key)
        if new is not None:
            self.when_changed(old, new)
        self._listener(key)
        was_unfinished = key in self._rooms
        self.pods_changed(key)
        if old and was_unfinished and key not in self._rooms and (peragotask := task_key(old)):
            self.when_finished(peragotask)
        for following in self._turns.changed(key, old, new):
            self._listener(following)
        if new and (staging := own_staging(new)):
            self._remember(staging.repository)
        for attempt in (old, new):
            for sibling in self.siblings(attempt) if attempt else ():
                self._listener(sibling.metadata.key)

    def _remember(self, repository: str) -> None:
        self._repositories.pop(repository, None)
        self._repositories[repository] = None
        if len(self._repositories) > MOST_REPOSITORIES:
            del self._repositories[next(iter(self._repositories))]


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
        if old and new and (old.spec, old.problem) == (new.spec, new.problem):
            return
        for attempt in self._attempts.unfinished(key):
            self._listener(attempt.metadata.key)


class PodStore(Store[Pod]):
    """Pods by attempt: label or owner says whose a pod is, the owner's uid whether it is this very attempt's."""

    def __init__(self, listener: Listener, changed: Listener = _unheard) -> None:
        """`changed` hears of an attempt whose pods have changed before `listener` does."""
        super().__init__(Pod)
        self._listener = listener
        self._pods_changed = changed
        self._by_attempt = Index(_attempt_of)

    def has(self, attempt: PeragoAttempt) -> bool:
        """A pod of this very attempt is there."""
        return next(self._own(attempt), None) is not None

    def running_on(self, attempt: PeragoAttempt) -> str | None:
        """The node on which a pod of this very attempt has started."""
        return next((pod.spec.node_name for pod in self._own(attempt) if pod.started and pod.spec.node_name), None)

    def _own(self, attempt: PeragoAttempt) -> Iterator[Pod]:
        pods = (self._objects[key] for key in self._by_attempt[attempt.metadata.key])
        return (pod for pod in pods if pod.belongs_to(attempt.metadata.uid))

    def of(self, attempt: Key) -> list[Pod]:
        """All pods of attempts of that name, by name."""
        return sorted((self._objects[key] for key in self._by_attempt[attempt]), key=lambda pod: pod.name)

    def _changed(self, key: Key, old: Pod | None, new: Pod | None) -> None:
        self._by_attempt.changed(key, old, new)
        for attempt in {_attempt_of(pod) for pod in (old, new) if pod}:
            if old is None or new is None or old.started != new.started:
                self._pods_changed(attempt)
            self._listener(attempt)


def _attempt_of(pod: Pod) -> Key:
    """By the label; by the owner for a pod that was looked for because it has lost its label, as no watch shows it."""
    owners = (owner.name for owner in pod.metadata.owner_references if owner.kind == "PeragoAttempt")
    return Key(pod.metadata.namespace, pod.metadata.labels.get(ATTEMPT_LABEL) or next(owners, ""))


class Stores:
    """The three together; `listener` hears the key of every attempt that a change concerns."""

    def __init__(self, listener: Listener) -> None:
        self.pods: PodStore = PodStore(listener, lambda attempt: self.attempts.pods_changed(attempt))
        self.attempts: AttemptStore = AttemptStore(listener, self.pods.has, self.pods.running_on)
        self.tasks = TaskStore(self.attempts, listener)
