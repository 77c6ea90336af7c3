"""The turn to publish: given to one attempt of a branch at a time, taken from one that keeps it. Rules, pure.

A table of its own, carried out beside the other one, as heartbeats are: whatever happens to an attempt, its turn has
one of these rows. `core.turns` says what asking and holding are.
"""

from datetime import datetime, timedelta

from perago_operator.core import actions as do
from perago_operator.core import names, turns
from perago_operator.core.rules.ruling import Rule, Ruling
from perago_operator.core.situation import Situation


def holder_has_ended(s: Situation) -> Ruling | None:
    """Its agent's process ended without giving the turn back, as its pod shows: nobody uses it any more."""
    held = turns.held(s.attempt)
    if held is None:
        return None
    name = names.pod_name(s.name, held.execution)
    ended = any(pod.name == name and pod.state(names.AGENT_CONTAINER).terminated for pod in s.pods)
    return Ruling((do.EndTurn(),)) if ended else None


def revoked_turn_is_over(s: Situation) -> Ruling | None:
    """Whoever saw the grant right before it was revoked can merge no more: end the turn."""
    until = _unusable_at(s)
    return Ruling((do.EndTurn(),)) if until is not None and until <= s.clock else None


def turn_is_revoked(s: Situation) -> Ruling | None:
    """Wait for as long as an agent that saw the grant may still merge."""
    until = _unusable_at(s)
    return None if until is None else Ruling(look_again_at=_time_of(s, until))


def holder_is_over(s: Situation) -> Ruling | None:
    """Its pod was lost or has vanished: revoke the turn, for its agent may live on somewhere."""
    over = turns.holds(s.attempt) and turns.is_over(s.status)
    return Ruling((do.RevokeTurn(),)) if over else None


def turn_is_overdue(s: Situation) -> Ruling | None:
    """The agent could have merged and said so long ago: revoke the turn."""
    until = _overdue_at(s)
    return Ruling((do.RevokeTurn(),)) if until is not None and until <= s.clock else None


def turn_is_held(s: Situation) -> Ruling | None:
    """Wait until it is given back, or overdue."""
    until = _overdue_at(s)
    return None if until is None else Ruling(look_again_at=_time_of(s, until))


def attempt_ends(s: Situation) -> Ruling | None:
    """It is being stopped, or its pod is over: it is given no turn any more."""
    return Ruling() if s.stop is not None or s.pod_over else None


def another_is_ahead(s: Situation) -> Ruling | None:
    """Somebody holds the turn, or has asked before: the status says who."""
    return Ruling() if s.turn_behind is not None else None


def turn_is_free(s: Situation) -> Ruling | None:
    """Nobody holds it or comes first: grant it."""
    return Ruling((do.GrantTurn(),)) if turns.target(s.attempt) is not None else None


TURN_RULES: tuple[Rule, ...] = (
    # the attempt holds a turn
    holder_has_ended,  # take the grant away, so that the next attempt can have its turn
    revoked_turn_is_over,  # take it away, too
    turn_is_revoked,  # wait for as long as a merge may still be on its way
    holder_is_over,  # revoke it
    turn_is_overdue,  # revoke it
    turn_is_held,  # wait until it is given back, but not for ever
    # the attempt asks for a turn, or for nothing
    attempt_ends,  # nothing
    another_is_ahead,  # wait, say behind whom
    turn_is_free,  # grant it
)


def turn_ruling(s: Situation) -> Ruling:
    """What the first row that matches says; nothing for an attempt that neither asks nor holds."""
    if s.status.turn is None:
        return Ruling()
    rulings = (rule(s) for rule in TURN_RULES)
    return next((ruling for ruling in rulings if ruling is not None), Ruling())


def _overdue_at(s: Situation) -> float | None:
    held = turns.held(s.attempt)
    return None if held is None else _held_since(s) + held.seconds + s.config.turn_patience


def _unusable_at(s: Situation) -> float | None:
    held = turns.held(s.attempt)
    if held is None or not turns.is_revoked(s.attempt):
        return None
    return _held_since(s) + held.seconds + s.config.turn_margin


def _held_since(s: Situation) -> float:
    """When this process first saw the turn as it stands now: granted, or revoked."""
    return s.memory.turn.since if s.memory.turn else s.clock


def _time_of(s: Situation, clock: float) -> datetime:
    return s.now + timedelta(seconds=clock - s.clock)
