"""The order of calls: a table small enough that every way through it is looked at."""

from collections.abc import Iterator

import pytest

from perago.agent.sequence import REPEATABLE, TABLE, Event, OutOfOrder, State, advance, after_failure

E, S = Event, State
Way = tuple[Event, ...]

COMPLETED = {
    "writable": (E.HELLO, E.DOWNLOAD, E.FENCE, E.STAGE, E.FENCE, E.PUBLISH, E.COMPLETED),
    "unchanged": (E.HELLO, E.DOWNLOAD, E.FENCE, E.COMPLETE_NOOP, E.COMPLETED),
    "read-only": (E.HELLO, E.DOWNLOAD_READ_ONLY, E.COMPLETED),
    "without a workspace": (E.HELLO, E.COMPLETED_WITHOUT_WORKSPACE),
}
"""All the ways to a success: what the attempt core calls, in its order."""


def ways(state: State = S.NEW, way: Way = ()) -> Iterator[tuple[Way, State]]:
    """Every sequence of successful calls that leads on from a state, and the state that it leads to."""
    yield way, state
    for event in E:
        if TABLE.get((state, event), state) is not state:
            yield from ways(TABLE[state, event], (*way, event))


def test_only_a_clean_up_may_be_repeated() -> None:
    """Every other call leads on, so none is carried out twice."""
    assert {event for (state, event), after in TABLE.items() if after is state} == {E.CLEANUP}


def test_success_has_four_ways_and_no_other() -> None:
    """Each publication was preceded by download, fence, staging and a second fence; nothing can be left out."""
    successful = {way for way, state in ways() if state is S.ENDED and way[-1] is not E.NOT_COMPLETED}
    assert successful == set(COMPLETED.values())


@pytest.mark.parametrize("way", COMPLETED.values(), ids=COMPLETED.keys())
def test_every_way_ends_as_the_core_goes_it(way: Way) -> None:
    """Step by step, through the function that the session asks."""
    state = S.NEW
    for event in way:
        state = advance(state, event)
    assert state is S.ENDED


def test_every_state_can_be_reached_by_success_or_failure() -> None:
    """The table has no row that nobody comes to."""
    assert {state for _, state in ways()} | {S.FAILED} == set(S)


@pytest.mark.parametrize("state", [state for state in S if state not in (S.NEW, S.ENDED)])
def test_a_greeted_task_may_clean_up_and_fail_at_any_time(state: State) -> None:
    """Cleaning up changes nothing, a failed result ends the attempt."""
    assert advance(state, E.CLEANUP) is state
    assert advance(state, E.NOT_COMPLETED) is S.ENDED


@pytest.mark.parametrize("state", [state for state in S if state is not S.ENDED])
@pytest.mark.parametrize("event", [event for event in E if event not in REPEATABLE])
def test_after_a_failure_only_a_failed_result_leads_on(state: State, event: Event) -> None:
    """Whatever failed, and wherever: no step can be tried twice, and no success be claimed."""
    failed = after_failure(state, event)
    assert {way for way, _ in ways(failed)} == {(), (E.NOT_COMPLETED,)}


@pytest.mark.parametrize("event", REPEATABLE)
@pytest.mark.parametrize("state", S)
def test_a_failed_clean_up_or_result_changes_nothing(state: State, event: Event) -> None:
    """It may be called again."""
    assert after_failure(state, event) is state


@pytest.mark.parametrize("event", E)
def test_nothing_is_allowed_after_the_end(event: Event) -> None:
    """An attempt has one result."""
    with pytest.raises(OutOfOrder, match=r"may not be called after the result"):
        advance(S.ENDED, event)


@pytest.mark.parametrize("event", [event for event in E if event is not E.HELLO])
def test_nothing_comes_before_hello(event: Event) -> None:
    """A task that does not greet gets nothing."""
    with pytest.raises(OutOfOrder, match="before hello"):
        advance(S.NEW, event)
