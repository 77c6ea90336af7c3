"""How conditions change."""

from typing import Any

import pytest

from perago_operator.api.conditions import MESSAGE_LIMIT, State, changed
from perago_operator.api.reasons import ConditionType, Reason
from perago_operator.api.shared import Condition
from tests import builders as b

PAUSED = State(False, Reason.PAUSED, "paused by hand")


def written(**changes: Any) -> Condition:
    """What the object has: Polling is False since second 5."""
    paused = b.condition("Polling", "False", "Paused", message="paused by hand", observedGeneration=1)
    return Condition.model_validate({**paused, **changes})


def after(
    state: State, *conditions: Condition, seconds: float = 9.5, generation: int = 1
) -> dict[str, Condition] | None:
    """The conditions once Polling says so; None when nothing changes."""
    new = changed(conditions, {ConditionType.POLLING: state}, b.at(seconds), generation)
    return {condition.type: condition for condition in new} or None


def test_what_is_said_already_is_not_written_again() -> None:
    """Looking again costs nothing."""
    assert after(PAUSED, written()) is None


def test_a_new_condition_is_as_old_as_this_moment() -> None:
    """In whole seconds, as it is stored."""
    new = after(PAUSED)
    assert new is not None
    assert new["Polling"] == written(lastTransitionTime=b.stamp(9))


@pytest.mark.parametrize(
    ("state", "since"),
    [
        (State(False, Reason.NO_TASK_TYPE, "paused by hand"), 5),
        (State(False, Reason.PAUSED, "in other words"), 5),
        (State(True, Reason.POLLING, ""), 9),
    ],
)
def test_the_transition_time_changes_with_the_status_alone(state: State, since: float) -> None:
    """Reason and message may change meanwhile."""
    new = after(state, written())
    assert new is not None
    assert (new["Polling"].reason, new["Polling"].message) == (state.reason, state.message)
    assert new["Polling"].last_transition_time == b.at(since)


def test_the_generation_follows_the_spec() -> None:
    """Whoever waits for a condition sees that it is about the spec as it is now."""
    new = after(PAUSED, written(), generation=2)
    assert new is not None
    assert (new["Polling"].observed_generation, new["Polling"].last_transition_time) == (2, b.at(5))


def test_other_conditions_stay_as_they_are() -> None:
    """A merge patch replaces the list, so all of them are returned, and in their order."""
    foreign = Condition.model_validate(b.condition("Audited", reason="ByUs"))
    new = after(State(True, Reason.POLLING, ""), foreign, written())
    assert new is not None
    assert list(new) == ["Audited", "Polling"]
    assert new["Audited"] is foreign


def test_a_long_message_is_cut() -> None:
    """And is no difference from the one that was cut before."""
    endless = State(False, Reason.POLL_FAILED, "x" * 5000)
    new = after(endless)
    assert new is not None
    assert len(new["Polling"].message) == MESSAGE_LIMIT
    assert after(endless, new["Polling"]) is None
