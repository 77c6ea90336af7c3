"""How conditions change, for attempts and PeragoTasks alike. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, NamedTuple

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
    if all(_says(old.get(kind), state, generation) for kind, state in states.items()):
        return ()
    new = {kind.value: _condition(kind, state, old.get(kind), now, generation) for kind, state in states.items()}
    return tuple({**old, **new}.values())


def condition(written: Iterable[Condition], kind: ConditionType) -> Condition | None:
    """The condition of this type; None where it is not written yet."""
    return next((condition for condition in written if condition.type == kind), None)


def _says(written: Condition | None, state: State, generation: int) -> bool:
    """Whether the condition says this already; most of them do, whenever an attempt is looked at."""
    return written is not None and (
        written.status == _status(state)
        and written.reason == state.reason.value
        and written.message == state.message[:MESSAGE_LIMIT]
        and written.observed_generation == (generation or None)
    )


def _status(state: State) -> Literal["True", "False"]:
    return "True" if state.holds else "False"


def _condition(kind: ConditionType, state: State, old: Condition | None, now: datetime, generation: int) -> Condition:
    status = _status(state)
    return Condition(
        type=kind.value,
        status=status,
        reason=state.reason.value,
        message=state.message[:MESSAGE_LIMIT],
        last_transition_time=old.last_transition_time if old and old.status == status else now.replace(microsecond=0),
        observed_generation=generation or None,
    )
