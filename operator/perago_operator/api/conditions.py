"""How conditions change, for attempts and PeragoTasks alike. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from perago_operator.api.reasons import ConditionType, Reason
from perago_operator.api.shared import Condition

MESSAGE_LIMIT = 1024
"""Characters of a condition's message: what a pod or a server says can be long."""


class State(NamedTuple):
    """What a condition is to say."""

    holds: bool
    reason: Reason
    message: str


def changed(
    written: tuple[Condition, ...], states: Mapping[ConditionType, State], now: datetime, generation: int
) -> tuple[Condition, ...]:
    """The object's conditions once those of `states` say so; empty when they say so already.

    All of them are returned, since a merge patch replaces the list: conditions of other types stay as they are. The
    transition time changes only with the status.
    """
    old = {condition.type: condition for condition in written}
    new = {kind.value: _condition(kind, state, old.get(kind), now, generation) for kind, state in states.items()}
    return tuple({**old, **new}.values()) if any(old.get(kind) != condition for kind, condition in new.items()) else ()


def _condition(kind: ConditionType, state: State, old: Condition | None, now: datetime, generation: int) -> Condition:
    status = "True" if state.holds else "False"
    return Condition(
        type=kind.value,
        status=status,
        reason=state.reason.value,
        message=state.message[:MESSAGE_LIMIT],
        last_transition_time=old.last_transition_time if old and old.status == status else now.replace(microsecond=0),
        observed_generation=generation or None,
    )
