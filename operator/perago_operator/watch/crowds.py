"""How many attempts of namespaces and on nodes have a pod, and which ones wait for room there, the oldest first.

The limit of a PeragoTask is kept by `rooms`, which counts every older attempt of the task as one that is ahead. Others'
attempts, which count here, would be in the way whatever holds them up.

An attempt takes its room before its pod is created, so that no two looks take the same one. It waits where its last
look found no room, and only there: those that something else holds up are in nobody's way. Whatever may make room wakes
the first few that wait, and each that leaves a queue wakes those behind it. It reads no clock and makes no call.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.shared import Key
from perago_operator.core.room import Crowd, Scope
from perago_operator.watch.rooms import age

WOKEN = 4
"""How many of those that wait look again when there may be room: each that takes it wakes the next ones."""

Place = tuple[Scope, str]
Waiting = tuple[tuple[str, str], Key]

SCOPES = (Scope.NAMESPACE, Scope.NODES, Scope.STARTING)
ALL: Place = (Scope.NODES, "")
ALL_STARTING: Place = (Scope.STARTING, "")


class _Taken(NamedTuple):
    """Where an attempt counts."""

    places: frozenset[Place] = frozenset()
    node: str | None = None
    namespace: str | None = None
    """Of an attempt that is not finished, whether it has a pod or not."""


NOTHING = _Taken()


class Crowds:
    """Counts over the attempts of a store. `running_on` says on which node a pod of an attempt runs, if one does."""

    def __init__(self, running_on: Callable[[PeragoAttempt], str | None]) -> None:
        self._running_on = running_on
        self._taken: dict[Key, _Taken] = {}
        self._counts: Counter[Place] = Counter()
        self._nodes: Counter[str] = Counter()
        self._unfinished: Counter[str] = Counter()
        self._reserved: set[Key] = set()
        self._queues: dict[Place, list[Waiting]] = {}
        self._waits: dict[Key, tuple[Place, Waiting]] = {}

    def crowd(self, attempt: PeragoAttempt) -> Crowd:
        """Who is before this attempt, which has no pod."""
        before = {scope: self._before(attempt, scope) for scope in SCOPES}
        running = self._counts[ALL] - self._counts[ALL_STARTING]
        return Crowd(
            before[Scope.NAMESPACE],
            before[Scope.NODES],
            before[Scope.STARTING],
            len(self._nodes),
            running,
        )

    def unfinished(self, namespace: str) -> int:
        """How many attempts of a namespace are not finished."""
        return self._unfinished[namespace]

    def waits(self, attempt: Key) -> bool:
        """Whether the attempt waits for room."""
        return attempt in self._waits

    def is_crowded(self, namespace: str) -> bool:
        """Whether attempts of this namespace would have to wait for nodes."""
        return bool(self._queues.get(ALL) or self._queues.get((Scope.STARTING, namespace)))

    def changed(self, key: Key, new: PeragoAttempt | None) -> list[Key]:
        """Follow a change of the store; returns who looks again, because there may be room."""
        settled = new is None or new.status.outcome is not None or new.status.pod_name is not None
        if settled:
            self._reserved.discard(key)
        freed = self._count(key, self._entry(new) if new else NOTHING)
        return self._first_of(freed | (self._leave(key) if settled else set()))

    def take(self, attempt: PeragoAttempt) -> list[Key]:
        """The attempt's pod is about to be created."""
        key = attempt.metadata.key
        self._reserved.add(key)
        self._count(key, self._entry(attempt))
        return self._first_of(self._leave(key))

    def stay_out(self, attempt: PeragoAttempt, scope: Scope | None) -> list[Key]:
        """The attempt has no pod and creates none now: it waits for room in this scope, or (None) for other things."""
        key = attempt.metadata.key
        self._reserved.discard(key)
        freed = self._count(key, self._entry(attempt))
        place = _place(attempt, scope) if scope in SCOPES else None
        if place != (self._waits[key][0] if key in self._waits else None):
            freed |= self._leave(key)
            if place is not None:
                waiting = age(attempt), key
                insort(self._queues.setdefault(place, []), waiting)
                self._waits[key] = place, waiting
        return self._first_of(freed)

    def _before(self, attempt: PeragoAttempt, scope: Scope) -> int:
        place, key = _place(attempt, scope), attempt.metadata.key
        own = place in self._taken.get(key, NOTHING).places
        return self._counts[place] - own + bisect_left(self._queues.get(place, []), (age(attempt), key))

    def _entry(self, attempt: PeragoAttempt) -> _Taken:
        status, namespace = attempt.status, attempt.metadata.namespace
        if status.outcome is not None:
            return NOTHING
        node = self._running_on(attempt) or status.node_name
        if node is None and status.pod_name is None and attempt.metadata.key not in self._reserved:
            return _Taken(namespace=namespace)
        places = {ALL, _place(attempt, Scope.NAMESPACE)}
        if node is None:
            places |= {ALL_STARTING, _place(attempt, Scope.STARTING)}
        return _Taken(frozenset(places), node, namespace)

    def _count(self, key: Key, now: _Taken) -> set[Place]:
        """Count an attempt as what it is now; returns where there is more room."""
        before = self._taken.pop(key, NOTHING)
        if now is not NOTHING:
            self._taken[key] = now
        self._counts.subtract(before.places)
        self._counts.update(now.places)
        _move(self._unfinished, before.namespace, now.namespace)
        nodes = len(self._nodes)
        _move(self._nodes, before.node, now.node)
        if len(self._nodes) > nodes:
            return {place for place in self._queues if place[0] in (Scope.NODES, Scope.STARTING)}
        return set(before.places - now.places)

    def _leave(self, key: Key) -> set[Place]:
        """The attempt waits no more; returns where it did."""
        if key not in self._waits:
            return set()
        place, waiting = self._waits.pop(key)
        queue = self._queues[place]
        del queue[bisect_left(queue, waiting)]
        if not queue:
            del self._queues[place]
        return {place}

    def _first_of(self, places: Iterable[Place]) -> list[Key]:
        return [key for place in places for _, key in self._queues.get(place, [])[:WOKEN]]


def _place(attempt: PeragoAttempt, scope: Scope) -> Place:
    return ALL if scope is Scope.NODES else (scope, attempt.metadata.namespace)


def _move(counter: Counter[str], before: str | None, now: str | None) -> None:
    """Count one thing under another name."""
    if now is not None:
        counter[now] += 1
    if before is not None:
        counter[before] -= 1
        if not counter[before]:
            del counter[before]
