"""The unfinished attempts of each PeragoTask: which of them have a pod, and in which order the others wait for room.

Whoever asks how many are ahead is answered in O(log n), and a pod that goes concerns no more attempts than may start
then. It reads no clock and makes no call.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.shared import Key

Age = tuple[str, str]
"""Sorts attempts by creation, then by name."""


class Place(NamedTuple):
    """Where an attempt is."""

    peragotask: Key
    waits: bool
    age: Age


@dataclass
class Room:
    """One PeragoTask's attempts."""

    waiting: list[tuple[Age, Key]] = field(default_factory=list)
    """Those without a pod, the oldest first."""
    started: set[Key] = field(default_factory=set)
    limit: int | None = None
    """How many may have a pod at once, as the last look that asked knew it."""

    @property
    def next(self) -> list[Key]:
        """Those that may start now, as far as the others are concerned."""
        free = 0 if self.limit is None else max(self.limit - len(self.started), 0)
        return [key for _, key in self.waiting[:free]]


class Rooms:
    """One room for each PeragoTask. `has_pod` says whether a pod of an attempt is there that its status may not name.

    A pod that is being created is not there yet: the attempt is marked as starting meanwhile.
    """

    def __init__(self, has_pod: Callable[[PeragoAttempt], bool]) -> None:
        self._has_pod = has_pod
        self._rooms: dict[Key, Room] = {}
        self._places: dict[Key, Place] = {}
        self._starting: dict[Key, tuple[str, int]] = {}

    def unfinished(self, peragotask: Key) -> list[Key]:
        """The attempts of this PeragoTask without an outcome."""
        room = self._rooms.get(peragotask, Room())
        return [*room.started, *(key for _, key in room.waiting)]

    def count(self, peragotask: Key) -> int:
        """How many they are."""
        room = self._rooms.get(peragotask, Room())
        return len(room.started) + len(room.waiting)

    def __contains__(self, key: Key) -> bool:
        return key in self._places

    def ahead(self, key: Key, limit: int) -> int:
        """How many have a pod, or wait for one and are older, at a PeragoTask that lets so many have one."""
        place = self._places.get(key)
        if place is None:
            return 0
        room = self._rooms[place.peragotask]
        room.limit = limit
        return len(room.started - {key}) if not place.waits else len(room.started) + _index(room, key, place)

    def start(self, attempt: PeragoAttempt) -> None:
        """Its pod is being created."""
        self._starting[attempt.metadata.key] = _execution(attempt)

    def did_not_start(self, key: Key) -> None:
        """Its pod could not be created."""
        self._starting.pop(key, None)

    def has_started(self, attempt: PeragoAttempt) -> bool:
        """It has a pod, or one is being created."""
        starting = self._starting.get(attempt.metadata.key) == _execution(attempt)
        return attempt.status.pod_name is not None or starting or self._has_pod(attempt)

    def changed(self, key: Key, attempt: PeragoAttempt | None) -> list[Key]:
        """Follow a change of the attempt or of its pods; returns whom it lets start."""
        if attempt is None:
            self._starting.pop(key, None)
        before, after = self._places.get(key), self._place(attempt) if attempt else None
        if before == after:
            return []
        if before is not None:
            self._leave(key, before)
        if after is not None:
            self._enter(key, after)
        makes_room = before is not None and (after is None or after.waits or after.peragotask != before.peragotask)
        return self._rooms[before.peragotask].next if before and makes_room and before.peragotask in self._rooms else []

    def _place(self, attempt: PeragoAttempt) -> Place | None:
        peragotask = task_key(attempt)
        if peragotask is None or attempt.status.outcome is not None:
            return None
        return Place(peragotask, not self.has_started(attempt), age(attempt))

    def _enter(self, key: Key, place: Place) -> None:
        room = self._rooms.setdefault(place.peragotask, Room())
        if place.waits:
            insort(room.waiting, (place.age, key))
        else:
            room.started.add(key)
        self._places[key] = place

    def _leave(self, key: Key, place: Place) -> None:
        room = self._rooms[place.peragotask]
        if place.waits:
            del room.waiting[_index(room, key, place)]
        else:
            room.started.remove(key)
        del self._places[key]
        if not room.started and not room.waiting:
            del self._rooms[place.peragotask]


def _index(room: Room, key: Key, place: Place) -> int:
    return bisect_left(room.waiting, (place.age, key))


def _execution(attempt: PeragoAttempt) -> tuple[str, int]:
    """What tells one execution from the next, as far as the status knows."""
    return attempt.metadata.uid, attempt.status.executions or 0


def age(attempt: PeragoAttempt) -> Age:
    """Sorts attempts by creation, then by name."""
    created = attempt.metadata.creation_timestamp
    return created.isoformat() if created else "", attempt.metadata.name


def task_key(attempt: PeragoAttempt) -> Key | None:
    """The PeragoTask that an attempt refers to."""
    ref = attempt.spec.task_ref
    return Key(attempt.metadata.namespace, ref.name) if ref else None
