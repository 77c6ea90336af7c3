"""The order in which a task may call: a table. PURE; it knows states and events, not sockets or what a call does.

hello ─▶ download(read-only) ─────────────────────────────────────────▶ completed
      ─▶ download(writable) ─▶ fence ─▶ stage ─▶ fence ─▶ publish ────▶ completed
                                     ─▶ completeNoop ─────────────────▶ completed
      ─▶ completed, where the input has no workspace
Whatever fails leads to FAILED, and so does a fence that finds the attempt stale; from there only cleaning up and a
failed result are accepted.
"""

from enum import Enum
from typing import Final


class State(Enum):
    """How far the attempt is, as the agent itself has seen it."""

    NEW = "before hello"
    GREETED = "after hello"
    READING = "after a read-only download"
    WORKING = "after a download"
    FENCED = "after the first fence"
    STAGED = "after staging"
    CLEARED = "after the second fence"
    PUBLISHED = "after publication"
    KEPT = "after completing without a change"
    FAILED = "after a failure"
    ENDED = "after the result"


class Event(Enum):
    """What a task asks for; calls are split where their content, or the input, decides what may follow."""

    HELLO = "hello"
    DOWNLOAD_READ_ONLY = "download (read-only)"
    DOWNLOAD = "download"
    FENCE = "loadCurrentAttempt"
    STAGE = "stage"
    PUBLISH = "publish"
    COMPLETE_NOOP = "completeNoop"
    CLEANUP = "cleanupStaging"
    COMPLETED = "result (completed)"
    COMPLETED_WITHOUT_WORKSPACE = "result (completed, without a workspace)"
    NOT_COMPLETED = "result (not completed)"


class OutOfOrder(Exception):
    """A call that may not be made now."""


_FORWARD: Final[dict[tuple[State, Event], State]] = {
    (State.NEW, Event.HELLO): State.GREETED,
    (State.GREETED, Event.DOWNLOAD_READ_ONLY): State.READING,
    (State.GREETED, Event.DOWNLOAD): State.WORKING,
    (State.GREETED, Event.COMPLETED_WITHOUT_WORKSPACE): State.ENDED,
    (State.READING, Event.COMPLETED): State.ENDED,
    (State.WORKING, Event.FENCE): State.FENCED,
    (State.FENCED, Event.STAGE): State.STAGED,
    (State.FENCED, Event.COMPLETE_NOOP): State.KEPT,
    (State.STAGED, Event.FENCE): State.CLEARED,
    (State.CLEARED, Event.PUBLISH): State.PUBLISHED,
    (State.PUBLISHED, Event.COMPLETED): State.ENDED,
    (State.KEPT, Event.COMPLETED): State.ENDED,
}

_ALWAYS_ONCE_GREETED: Final[dict[tuple[State, Event], State]] = {
    (state, event): State.ENDED if event is Event.NOT_COMPLETED else state
    for state in State
    for event in (Event.CLEANUP, Event.NOT_COMPLETED)
    if state not in (State.NEW, State.ENDED)
}

REPEATABLE: Final = (Event.CLEANUP, Event.COMPLETED, Event.COMPLETED_WITHOUT_WORKSPACE, Event.NOT_COMPLETED)

TABLE: Final = _FORWARD | _ALWAYS_ONCE_GREETED


def advance(state: State, event: Event) -> State:
    """The state after `event` has succeeded; raises OutOfOrder when it may not come in `state`."""
    if (state, event) not in TABLE:
        raise OutOfOrder(f"{event.value!r} may not be called {state.value}")
    return TABLE[state, event]


def after_failure(state: State, event: Event) -> State:
    """The state after `event` was carried out and failed; a failed clean-up or result changes nothing."""
    return state if event in REPEATABLE else State.FAILED
