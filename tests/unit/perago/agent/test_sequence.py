"""The order of calls, as a table and under any sequence of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago.agent.sequence import REPEATABLE, TABLE, Event, OutOfOrder, State, advance, after_failure

E, S = Event, State

PATHS = {
    "writable": [E.HELLO, E.DOWNLOAD, E.FENCE, E.STAGE, E.FENCE, E.PUBLISH, E.CLEANUP, E.COMPLETED],
    "unchanged": [E.HELLO, E.DOWNLOAD, E.FENCE, E.COMPLETE_NOOP, E.COMPLETED],
    "read-only": [E.HELLO, E.DOWNLOAD_READ_ONLY, E.COMPLETED],
    "no workspace": [E.HELLO, E.COMPLETED_WITHOUT_WORKSPACE],
    "body fails": [E.HELLO, E.DOWNLOAD, E.NOT_COMPLETED],
    "invalid module": [E.HELLO, E.NOT_COMPLETED],
    "stale at the second fence": [E.HELLO, E.DOWNLOAD, E.FENCE, E.STAGE, E.FENCE, E.CLEANUP, E.NOT_COMPLETED],
}


@pytest.mark.parametrize("events", PATHS.values(), ids=PATHS.keys())
def test_every_path_of_the_attempt_core_is_allowed(events: list[Event]) -> None:
    """The calls that the core makes, in its order, end in ENDED."""
    state = S.NEW
    for event in events:
        state = advance(state, event)
    assert state is S.ENDED


@given(st.lists(st.sampled_from(Event), max_size=12))
def test_publication_needs_a_fence_after_staging(events: list[Event]) -> None:
    """Whatever is called, a publication was preceded by fence, stage and fence, in that order."""
    state, done = S.NEW, []
    for event in events:
        try:
            state = advance(state, event)
        except OutOfOrder:
            continue
        done.append(event)
    if E.PUBLISH in done:
        before = [event for event in done[: done.index(E.PUBLISH)] if event is not E.CLEANUP]
        assert before == [E.HELLO, E.DOWNLOAD, E.FENCE, E.STAGE, E.FENCE]
        assert done.count(E.PUBLISH) == 1


@given(st.lists(st.sampled_from(Event), max_size=12), st.data())
def test_a_failed_call_can_only_lead_to_a_failed_result(events: list[Event], data: st.DataObject) -> None:
    """After a failure, only cleaning up and an unsuccessful result are accepted."""
    state = S.FAILED
    for event in events:
        try:
            state = advance(state, event)
        except OutOfOrder:
            continue
        assert event in (E.CLEANUP, E.NOT_COMPLETED)
    assert state in (S.FAILED, S.ENDED)


@pytest.mark.parametrize("event", Event)
def test_nothing_is_allowed_after_the_end(event: Event) -> None:
    """One result an attempt."""
    with pytest.raises(OutOfOrder, match=r"may not be called"):
        advance(S.ENDED, event)


@pytest.mark.parametrize("event", [event for event in Event if event is not E.HELLO])
def test_nothing_comes_before_hello(event: Event) -> None:
    """A task that does not greet gets nothing."""
    with pytest.raises(OutOfOrder):
        advance(S.NEW, event)


@pytest.mark.parametrize("state", [S.NEW, S.GREETED, S.WORKING, S.FENCED, S.STAGED, S.CLEARED, S.FAILED])
def test_a_writable_attempt_completes_only_through_a_publication(state: State) -> None:
    """A task cannot claim success past publication."""
    assert (state, E.COMPLETED) not in TABLE


@pytest.mark.parametrize("event", REPEATABLE)
def test_a_failed_clean_up_or_result_changes_nothing(event: Event) -> None:
    """It may be called again."""
    assert after_failure(S.PUBLISHED, event) is S.PUBLISHED


@pytest.mark.parametrize("event", [E.HELLO, E.DOWNLOAD, E.FENCE, E.STAGE, E.PUBLISH, E.COMPLETE_NOOP])
def test_any_other_failed_call_fails_the_attempt(event: Event) -> None:
    """A step cannot be tried twice."""
    assert after_failure(S.WORKING, event) is S.FAILED
