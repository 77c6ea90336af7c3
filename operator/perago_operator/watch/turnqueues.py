"""The attempts that ask or hold a turn, by branch and in order: who is before whom, and whom a change concerns.

A grant stands in no status before the API server has taken it. Meanwhile it is reserved here, so that no other look
grants the same turn, not even to a request that seems to be older. It reads no clock and makes no call.
"""

from collections.abc import Mapping

from perago.wire import TicketId
from perago_operator.api.attempt import PeragoAttempt
from perago_operator.api.shared import Key
from perago_operator.core import turns
from perago_operator.core.turns import Place
from perago_operator.watch.index import Index


class TurnQueues:
    """One queue for each branch, over the attempts of a store."""

    def __init__(self, attempts: Mapping[Key, PeragoAttempt]) -> None:
        self._attempts = attempts
        self._by_target = Index(turns.target)
        self._reserved: dict[Key, TicketId] = {}

    def before(self, attempt: PeragoAttempt) -> Key | None:
        """Who comes right before this attempt, which asks for a turn; None for the first, and one that has a turn.

        An attempt may wait for itself: its former execution was lost with a turn.
        """
        target = turns.target(attempt)
        if target is None:
            return None
        if turns.holds(attempt):
            return attempt.metadata.key if turns.asks_beside(attempt) else None
        own = self._place(attempt)
        earlier = [(place, key) for place, key in self._others(target, attempt.metadata.key) if place < own]
        return max(earlier)[1] if earlier else None

    def reserve(self, attempt: PeragoAttempt) -> bool:
        """Keep the turn for this attempt, if nobody is before it."""
        if self.before(attempt) is not None:
            return False
        self._reserved[attempt.metadata.key] = turns.ticket(turns.turn_of(attempt).requested)
        return True

    def changed(self, key: Key, old: PeragoAttempt | None, new: PeragoAttempt | None) -> set[Key]:
        """Follow a change of the store; returns who came, or comes now, right after the attempt, unless it only stays.

        At most two, however many wait.
        """
        before, after = self._entry(old), self._entry(new)
        if new is None or not self._is_reserved(new):
            self._reserved.pop(key, None)
        if before == after:
            return set()
        followers = {self._after(before, key)}
        self._by_target.changed(key, old, new)
        followers.add(self._after(after, key))
        return {follower for follower in followers if follower is not None}

    def _entry(self, attempt: PeragoAttempt | None) -> tuple[Key, Place] | None:
        target = turns.target(attempt) if attempt else None
        return (target, self._place(attempt)) if attempt and target else None

    def _after(self, entry: tuple[Key, Place] | None, key: Key) -> Key | None:
        if entry is None:
            return None
        target, own = entry
        later = [(place, other) for place, other in self._others(target, key) if place > own]
        return min(later)[1] if later else None

    def _others(self, target: Key, key: Key) -> list[tuple[Place, Key]]:
        return [(self._place(self._attempts[other]), other) for other in self._by_target[target] - {key}]

    def _place(self, attempt: PeragoAttempt) -> Place:
        return turns.place(attempt, holding=turns.holds(attempt) or self._is_reserved(attempt))

    def _is_reserved(self, attempt: PeragoAttempt) -> bool:
        """What it asks for is being granted."""
        reserved = self._reserved.get(attempt.metadata.key)
        return turns.asks(attempt) and reserved == turns.ticket(turns.turn_of(attempt).requested)
